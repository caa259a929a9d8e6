/*
 * What the tests of the checker share: a board like the Portenta X8, ELF files built byte by byte,
 * and one way to ask for a verdict that also holds every report to its contract. The built headers
 * are in the host's byte order, which is little endian wherever these tests run.
 */
#pragma once

#include <elf.h>
#include <m4flash/sketch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After what it needs: */
#include <cmocka.h>

#include "util/cleanup.h"

/* The board's map, and the default sketch's. */
enum {
    FLASH = 0x08100000,
    FLASH_SIZE = 0x100000,
    SECTOR = 0x20000,
    BOOTLOADER = 0x08000000,
    M7 = 0x08040000,
    D2 = 0x10000000,
    D2_SIZE = 0x48000,
    D3 = 0x38000000,
    D3_SIZE = 0x10000,

    STACK = D2 + D2_SIZE,
    CODE_SIZE = 0x400,
    RESET = FLASH + 0x41,
    DATA = D2 + 0x298,
    DATA_SIZE = 0x40,
    BSS = DATA + DATA_SIZE,
    BSS_SIZE = 0x1000,
};

/* The default sketch's headers. */
enum { CODE_SEGMENT, DATA_SEGMENT, BSS_SEGMENT, N_SEGMENTS };
enum { NULL_SECTION, ATTRIBUTES_SECTION, NAMES_SECTION, N_SECTIONS };

extern const struct board test_board;

struct elf {
    uint8_t *bytes;
    size_t size;
};

/*
 * An executable with these program headers and N_SECTIONS sections; header, program headers, the
 * segments' bytes (offsets are filled in, PT_NULL has none), attributes, section headers. From
 * 0xffff segments on their number goes to section 0. The default entry point is RESET.
 */
struct elf elf_build(const Elf32_Phdr *segments, size_t n, const void *attributes,
                     size_t attributes_size);

/* Code in flash with a vector table, .data, .bss, and what GCC writes for a Cortex-M4F. */
struct elf elf_default(void);

/* The same, with other attributes: pairs of a tag and a value, all below 128. */
struct elf elf_with_attributes(const uint8_t *pairs, size_t size);

/* Makes a whole attributes section of them, ATTRIBUTES_HEAD bytes longer (together below 128). */
size_t attributes_wrap(const uint8_t *pairs, size_t size, uint8_t *ret);
enum { ATTRIBUTES_HEAD = 16 };

/* Removes the section headers, as sstrip does, and everything behind the segments. */
void elf_strip(struct elf *elf);

void elf_free(struct elf *elf);
#define _cleanup_elf_ _cleanup_(elf_free)

Elf32_Ehdr *elf_header(struct elf *elf);
Elf32_Phdr *elf_segment(struct elf *elf, size_t index);
Elf32_Shdr *elf_section(struct elf *elf, size_t index);

/* The word numbered index of the vector table, which is where the code segment begins. */
void elf_set_vector(struct elf *elf, size_t index, uint32_t value);

/*
 * The verdict for a board, from a buffer of exactly this size and then from an unaligned one. Fails
 * unless both agree, and with them what is said while a part is not known, the texts are there (or
 * not), the image is there (or not) and answer_check_head() believes the report. The image is the
 * caller's to free; NULL ret_image: not wanted.
 */
struct sketch_report check_on(const struct board *board, const void *bytes, size_t size,
                              uint8_t **ret_image);
struct sketch_report check(const struct elf *elf);

#define assert_verdict(elf, expected) \
    assert_string_equal(sketch_code_name(check(elf).code), sketch_code_name(expected))

/* The verdict is expected, and its sentence holds text. */
#define assert_sentence(elf, expected, text)                                             \
    do {                                                                                 \
        struct sketch_report _report = check(elf);                                       \
        assert_string_equal(sketch_code_name(_report.code), sketch_code_name(expected)); \
        if (!strstr(_report.sentence, text))                                             \
            fail_msg("\"%s\" does not hold \"%s\"", _report.sentence, text);             \
    } while (0)
