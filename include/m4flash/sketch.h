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
    BOARD_TEXT_MAX = 256,   /* bytes of any text of a profile, with its NUL: printable ASCII */
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
    char routine[BOARD_TEXT_MAX];        /* that programs the chip from its own RAM, or "" */
    struct board_range flash;            /* the sketch's window; start and size in whole sectors */
    uint32_t sector_size;                /* bytes an erase takes: a power of two, at least 8 */
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

/* ---- Verdicts ------------------------------------------------------------------------------ */

/*
 * In the order in which they are judged: the first violated rule decides. All sums are computed in
 * 64 bits. Words used below:
 *
 * - The program headers are e_phnum entries at e_phoff, the section headers e_shnum entries at
 *   e_shoff; with e_shoff 0 there are no sections, whatever e_shnum says. Section 0 is there if
 *   e_shoff is not 0, e_shentsize is 40 and its 40 bytes lie in the file. e_phnum 0xffff means
 *   section 0's sh_info; e_shnum 0 with e_shoff not 0 means section 0's sh_size; without section 0
 *   each means 0.
 * - A LOAD is a PT_LOAD program header; a program segment is a LOAD with p_filesz > 0. Its load
 *   address is p_paddr, or p_vaddr if p_paddr is 0 in every program header of whatever type; its
 *   load range is p_filesz bytes from there.
 * - The attributes are those of file scope, of vendor "aeabi", in the first section of type
 *   SHT_ARM_ATTRIBUTES, should it be empty too; of one tag the last counts; absent means 0. How
 *   they are read, and what is malformed, is in src/sketch/attributes.h.
 * - The image is what program segments whose p_vaddr is their load address hold of the file.
 */
enum sketch_code {
    SKETCH_ACCEPTED,
    /* Judged by who opens the file, not by sketch_check(), as are UNREADABLE, TOO_LARGE and OWNER.
     */
    SKETCH_NOT_REGULAR,
    SKETCH_UNREADABLE,
    SKETCH_EMPTY, /* no byte at all; sketch_check() knows this one too */
    SKETCH_TOO_LARGE,
    SKETCH_OWNER,
    /* The first 4 bytes, or those that there are, are not those of "\177ELF". */
    SKETCH_NOT_ELF,
    SKETCH_ELF_CLASS,  /* byte 4 is there and not 1 */
    SKETCH_ELF_ENDIAN, /* byte 5 is there and not 1 */
    /* The file is shorter than the largest of these ends: 52, the ELF header; either header table
     * with any entries, of the stated entry size (with e_shnum 0, e_shoff not 0 and e_shentsize 40
     * the table has at least section 0); and of each header in the file that has the standard
     * entry size (32, 40): p_offset + p_filesz if p_filesz > 0, unless PT_NULL; sh_offset +
     * sh_size if sh_size > 0, unless SHT_NULL or SHT_NOBITS. */
    SKETCH_TRUNCATED,
    SKETCH_ELF_MACHINE, /* e_machine is not 40 */
    SKETCH_ELF_TYPE,    /* e_type is not 2, ET_EXEC */
    /* EI_VERSION or e_version is not 1; e_ehsize < 52; e_phnum is 0xffff and section 0 is not
     * there; program headers and e_phentsize is not 32; sections and e_shentsize is not 40; a LOAD
     * with p_filesz > p_memsz, or with p_vaddr + p_memsz > 2^32, or a load range that ends past
     * 2^32; sections and e_shstrndx (0xffff means section 0's sh_link) is not below their number;
     * malformed attributes. */
    SKETCH_ELF_CORRUPT,
    SKETCH_NO_CODE,         /* no program segment */
    SKETCH_PROTECTED_FLASH, /* a load range shares an address with a protected range */
    SKETCH_RAM_LOAD,        /* a load range shares an address with a RAM range */
    SKETCH_OUTSIDE_FLASH,   /* a load range begins outside the flash window */
    SKETCH_IMAGE_TOO_BIG,   /* a load range ends past the window's end */
    SKETCH_OVERLAP,         /* two load ranges share an address */
    SKETCH_NO_VECTOR_TABLE, /* not all of the window's first 8 bytes lie in load ranges */
    /* The window's first word, the initial stack pointer: it breaks the boot rule (stack_mask and
     * stack_value); is no multiple of 8; or is in no RAM range, from above its start up to and with
     * its end. */
    SKETCH_STACK_POINTER,
    /* The window's second word has bit 0 clear; or, without bit 0, is not in the image's segments
     * that have PF_X. */
    SKETCH_RESET_VECTOR,
    SKETCH_ENTRY_POINT, /* e_entry without bit 0 is not in the image; 0 is no exception */
    /* Tag_CPU_arch_profile (7) is 'A', 'R' or 'S'; Tag_CPU_arch (6) > cpu_arch_max; or Tag_FP_arch
     * (10), if not 0, with BOARD_FPU_NONE at all, with BOARD_FPU_SINGLE if Tag_ABI_HardFP_use (27)
     * is not 1 or Tag_FP_arch > 6 (FPv5), with BOARD_FPU_DOUBLE if Tag_FP_arch > 8. */
    SKETCH_WRONG_CORE,
    /* The p_memsz > 0 bytes from p_vaddr of a LOAD are neither all in one RAM range nor, with
     * p_filesz equal to p_memsz, all in the flash window. */
    SKETCH_RAM_OVERFLOW,
    /* It has no signature by one of the keys in question (src/sketch/signature.h), where one is
     * asked for. Judged by who asks for one, not by sketch_check(). */
    SKETCH_SIGNATURE,
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
    /* One line of printable ASCII each. */
    char sentence[SKETCH_SENTENCE_MAX]; /* what is wrong, with addresses; "" if accepted */
    char hint[SKETCH_HINT_MAX];         /* what to do about it; "" if accepted */

    /* SKETCH_TRUNCATED: bytes that the file must have by its own headers, as far as they can be
     * read, that is the end that the rule speaks of; else 0. */
    uint64_t needed_size;

    /* Accepted only, else 0. */
    uint32_t image_size; /* bytes from the window's start to the last byte to program */
    uint32_t flash_used; /* bytes that segments fill, without the gaps between them */
    uint32_t sectors;    /* sectors that hold at least one byte */
    uint32_t sector_used[BOARD_SECTORS_MAX]; /* bytes that segments fill in each */
    uint32_t ram_used;                       /* bytes of RAM in LOADs, .data and .bss; each once */
    uint32_t stack_pointer;                  /* first word of the vector table */
    uint32_t reset_vector;                   /* second word, with its Thumb bit */
    uint32_t entry_point;
};

/*
 * Judges size bytes at elf (any bytes whatever, no alignment needed) for a board. An accepted
 * sketch's flash image goes to *ret_image (malloc'ed, for the caller to free): report.image_size
 * bytes for the window's start, gaps 0xFF; for a rejected one *ret_image is NULL.
 *
 * Program segments count, never sections, as with OpenOCD 0.12, which however loads a file's only
 * PT_LOAD at p_paddr even if that is 0. Rules and numbers: System V gABI chapters 4 and 5, ELF for
 * the Arm Architecture (IHI 0044), Addenda to the ABI (IHI 0045), ARMv7-M (DDI 0403).
 *
 * Returns 0 with *ret_report filled, whatever the verdict; -ENOMEM, or -EINVAL for a board that is
 * not what struct board promises, with both outputs untouched.
 */
int sketch_check(const struct board *board, const void *elf, size_t size,
                 struct sketch_report *ret_report, uint8_t **ret_image);

/* What is not known (yet) of a file: its bytes from start up to end, offsets; none if both are the
 * same. */
struct sketch_gap {
    uint64_t start, end;
};

/*
 * The same for a file with a gap, which is part of its size bytes, and may hold anything. Returns
 * as sketch_check() if nothing in the gap counts: what was judged is then true of the file,
 * whatever belongs there. Else -EAGAIN with *ret_needed, from behind the gap's start up to its end:
 * so far at least the file must be known (other outputs untouched); what that tells may lead
 * further. -EINVAL for a gap that is none.
 */
int sketch_check_part(const struct board *board, const void *elf, size_t size,
                      const struct sketch_gap *gap, struct sketch_report *ret_report,
                      uint8_t **ret_image, uint64_t *ret_needed);

/* ---- The map: how a sketch uses the board's memory, for people to look at -------------------- */

enum {
    SKETCH_SYMBOLS_MAX = 8,
    SKETCH_NAME_MAX = 128, /* bytes with the NUL */
};

/*
 * What a byte of RAM is for when the sketch starts. In this order: if several claim a byte, it is
 * the first one's.
 */
enum sketch_use {
    SKETCH_DATA,  /* brought from flash at start-up: the p_filesz bytes from p_vaddr of a LOAD */
    SKETCH_STACK, /* down from the initial stack pointer, as far as it is reserved (below) */
    SKETCH_HEAP,  /* the section .heap */
    SKETCH_BSS,   /* the rest of a LOAD's p_memsz bytes */
    SKETCH_FREE,
    _SKETCH_USE_MAX,
};

struct sketch_symbol {
    /* Printable UTF-8 (util/utf8.h): any other byte is \xNN, a backslash two; a name that is too
     * long ends with "...". "" if the symbol has none. */
    char name[SKETCH_NAME_MAX];
    uint32_t address; /* without a function's Thumb bit */
    uint32_t size;    /* bytes, more than 0; all in the flash window or in one RAM range */
};

struct sketch_map {
    uint32_t ram[BOARD_RANGES_MAX]
                [_SKETCH_USE_MAX]; /* bytes; those of a range add up to its size */
    struct sketch_symbol symbols[SKETCH_SYMBOLS_MAX]; /* the biggest, by size, then address */
    size_t n_symbols;                                 /* 0 if the file has none */
};

/*
 * Looks at the size bytes of a sketch that sketch_check() has accepted for this board, with the
 * stack pointer that it reported. Takes longer than the check: not for the daemon.
 *
 * Sections and symbols count only here, and only as a help. The stack reaches from the stack
 * pointer down to the symbol __StackLimit, as Arduino's linker scripts (and CMSIS's) have it;
 * without that it is as long as the first section with bytes whose name is .stack or .stack_dummy.
 * Where a sketch does not reserve heap or stack, that is 0 bytes and the memory counts as free.
 * Symbols are the functions and objects of the first SHT_SYMTAB that lie in the board's memory, of
 * several at one place with one size only the first.
 *
 * Any other bytes have a map too, of whatever can be read; time is in proportion to size (times its
 * logarithm, for the sorting), memory too. Returns 0, or -ENOMEM or -EINVAL as sketch_check(), with
 * *ret untouched.
 */
int sketch_map(const struct board *board, const void *elf, size_t size, uint32_t stack_pointer,
               struct sketch_map *ret);

/* ---- Digests ------------------------------------------------------------------------------- */

enum {
    SKETCH_DIGEST_HEX = 65, /* SHA-256 in lower-case hexadecimal, with its NUL */
};

/* SHA-256 of size bytes. */
void sketch_digest(const void *data, size_t size, char ret_hex[static SKETCH_DIGEST_HEX]);
