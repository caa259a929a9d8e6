/*
 * The checker's public face: what a board is, what can be wrong with an upload, and the one
 * function that turns an ELF file's bytes into a verdict and a flash image. Pure: no paths,
 * descriptors, clock or log. A rejected sketch is an expected verdict, not an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The board, as a profile in units/boards/ describes it --------------------------------- */

enum {
    BOARD_TEXT_MAX = 256,   /* bytes of any text of a profile, with its NUL */
    BOARD_RANGES_MAX = 8,   /* protected ranges, and RAM ranges */
    BOARD_SECTORS_MAX = 64, /* sectors in the flash window */
};

struct board_range {
    char name[BOARD_TEXT_MAX]; /* as people call it: "M7 firmware", "D2 SRAM" */
    char hint[BOARD_TEXT_MAX]; /* protected ranges: what to do about a sketch that lies there */
    uint32_t start;            /* first address */
    uint32_t size;             /* bytes, more than 0; start + size is at most 2^32 */
};

/* Floating point in hardware, in the order of what each can run. */
enum board_fpu {
    BOARD_FPU_NONE,
    BOARD_FPU_SINGLE, /* FPv4-SP-D16, Cortex-M4 */
    BOARD_FPU_DOUBLE, /* FPv5-D16, Cortex-M7 */
};

struct board {
    char name[BOARD_TEXT_MAX];           /* "portenta-x8" */
    char description[BOARD_TEXT_MAX];    /* "Arduino Portenta X8" */
    char compatible[BOARD_TEXT_MAX];     /* prefix of a device tree's compatible string, or "" */
    char health_file[BOARD_TEXT_MAX];    /* readable when the bridge answers, or "" */
    char openocd_config[BOARD_TEXT_MAX]; /* absolute path, or "" */
    struct board_range flash;            /* the sketch's window; start and size in whole sectors */
    uint32_t sector_size;                /* bytes an erase takes: a power of two */
    uint32_t word_size; /* bytes programmed at once ("flash word"): a power of two */
    struct board_range protected_flash[BOARD_RANGES_MAX];
    size_t n_protected_flash;
    struct board_range ram[BOARD_RANGES_MAX];
    size_t n_ram;
    uint32_t stack_mask; /* boot rule: started only if (initial SP & stack_mask) == stack_value */
    uint32_t stack_value;
    uint32_t cpu_arch_max; /* highest Tag_CPU_arch that runs (ARM IHI 0045): 13 is v7E-M */
    enum board_fpu fpu;
};

/* ---- Verdicts ----------------------------------------------------------------------------------
 */

/* In the order in which they are judged: the first violated rule decides. */
enum sketch_code {
    SKETCH_ACCEPTED,
    SKETCH_NOT_REGULAR, /* judged by who opens the file, as are the next three */
    SKETCH_UNREADABLE,
    SKETCH_EMPTY,
    SKETCH_TOO_LARGE,
    SKETCH_NOT_ELF,
    SKETCH_ELF_CLASS,
    SKETCH_ELF_ENDIAN,
    SKETCH_TRUNCATED,
    SKETCH_ELF_MACHINE,
    SKETCH_ELF_TYPE,
    SKETCH_ELF_CORRUPT,
    SKETCH_NO_CODE,
    SKETCH_PROTECTED_FLASH,
    SKETCH_RAM_LOAD,
    SKETCH_OUTSIDE_FLASH,
    SKETCH_IMAGE_TOO_BIG,
    SKETCH_OVERLAP,
    SKETCH_NO_VECTOR_TABLE,
    SKETCH_STACK_POINTER,
    SKETCH_RESET_VECTOR,
    SKETCH_ENTRY_POINT,
    SKETCH_WRONG_CORE,
    SKETCH_RAM_OVERFLOW,
    _SKETCH_CODE_MAX,
};

/* The stable name, "not-regular" and so on; "accepted" for 0; NULL outside the enum. */
const char *sketch_code_name(enum sketch_code code);

/* The default sentence and hint of a code, for those that are judged outside sketch_check(). */
const char *sketch_code_sentence(enum sketch_code code);
const char *sketch_code_hint(enum sketch_code code);

enum {
    SKETCH_SENTENCE_MAX = 320, /* bytes with the NUL; plain text, one line */
    SKETCH_HINT_MAX = 320,
};

struct sketch_report {
    enum sketch_code code;
    char sentence[SKETCH_SENTENCE_MAX]; /* what is wrong, with addresses; "" if accepted */
    char hint[SKETCH_HINT_MAX];         /* what to do about it; "" if accepted */

    /* SKETCH_TRUNCATED: bytes that the file must have by its own headers, as far as they can be
     * read. */
    uint64_t needed_size;

    /* Accepted only, else 0. */
    uint32_t image_size; /* bytes from the window's start to the last byte to program */
    uint32_t flash_used; /* bytes that segments fill, without the gaps between them */
    uint32_t sectors;    /* sectors that hold at least one byte */
    uint32_t sector_used[BOARD_SECTORS_MAX]; /* bytes that segments fill in each */
    uint32_t ram_used;                       /* bytes of RAM that segments occupy, .data and .bss */
    uint32_t stack_pointer;                  /* first word of the vector table */
    uint32_t reset_vector;                   /* second word, with its Thumb bit */
    uint32_t entry_point;
};

/*
 * Judges size bytes at elf (any bytes whatever, no alignment needed) for a board. An accepted
 * sketch's flash image goes to *ret_image (malloc'ed, for the caller to free): report.image_size
 * bytes for the window's start, gaps 0xFF; for a rejected one *ret_image is NULL.
 *
 * Program segments count, never sections: PT_LOAD with p_filesz > 0, at p_paddr, or at p_vaddr if
 * every p_paddr is 0 (as OpenOCD 0.12 loads them). Rules and numbers: System V gABI chapters 4 and
 * 5, ELF for the Arm Architecture (IHI 0044), Addenda to the ABI (IHI 0045), ARMv7-M (DDI 0403).
 *
 * Returns 0 with *ret_report filled, whatever the verdict; -ENOMEM leaves both outputs untouched.
 */
int sketch_check(const struct board *board, const void *elf, size_t size,
                 struct sketch_report *ret_report, uint8_t **ret_image);

/* ---- Digests
 * ------------------------------------------------------------------------------------- */

enum {
    SKETCH_DIGEST_HEX = 65, /* SHA-256 in lower-case hexadecimal, with its NUL */
};

/* SHA-256 of size bytes. Returns 0, or -ENOMEM/-EIO if libcrypto cannot. */
int sketch_digest(const void *data, size_t size, char ret_hex[static SKETCH_DIGEST_HEX]);
