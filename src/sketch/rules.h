/*
 * What the rules share. Each is one predicate about the sketch and is asked only if all rules
 * before it (in the order of enum sketch_code) hold, so it may rely on them. check.c has the table.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>

#include "sketch/attributes.h"
#include "sketch/elf_view.h"
#include "sketch/segments.h"
#include "util/cleanup.h"
#include "util/range.h"

enum {
    VECTOR_TABLE_MIN = 8, /* initial stack pointer and reset vector (DDI 0403, B1.5.3) */
};

struct sketch {
    const struct board *board;
    const uint8_t *bytes;
    size_t size;
    struct elf_gap *gap; /* of the file, behind its identification; NULL: there is none */

    struct elf_view elf;          /* once class and byte order are right */
    struct segments segments;     /* once nothing is cut off */
    struct attributes attributes; /* likewise; all zero if there are none */
    bool attributes_malformed;
    uint8_t *image; /* once all program segments lie in the window and the vector table is there */
    uint32_t image_size;
};

/* True if the sketch violates the rule; the report's texts then say more than the code's own. */
typedef bool (*rule_t)(const struct sketch *sketch, struct sketch_report *report);

/* file_rules.c: is it a whole, sane ELF executable for ARM? */
bool rule_empty(const struct sketch *sketch, struct sketch_report *report);
bool rule_not_elf(const struct sketch *sketch, struct sketch_report *report);
bool rule_elf_class(const struct sketch *sketch, struct sketch_report *report);
bool rule_elf_endian(const struct sketch *sketch, struct sketch_report *report);
bool rule_truncated(const struct sketch *sketch, struct sketch_report *report);
bool rule_elf_machine(const struct sketch *sketch, struct sketch_report *report);
bool rule_elf_type(const struct sketch *sketch, struct sketch_report *report);
bool rule_elf_corrupt(const struct sketch *sketch, struct sketch_report *report);

/* layout_rules.c: does everything lie where the board has room for it? */
bool rule_no_code(const struct sketch *sketch, struct sketch_report *report);
bool rule_protected_flash(const struct sketch *sketch, struct sketch_report *report);
bool rule_ram_load(const struct sketch *sketch, struct sketch_report *report);
bool rule_outside_flash(const struct sketch *sketch, struct sketch_report *report);
bool rule_image_too_big(const struct sketch *sketch, struct sketch_report *report);
bool rule_overlap(const struct sketch *sketch, struct sketch_report *report);
bool rule_no_vector_table(const struct sketch *sketch, struct sketch_report *report);
bool rule_ram_overflow(const struct sketch *sketch, struct sketch_report *report);

/* boot_rules.c: would the core start it and could it run it? */
bool rule_stack_pointer(const struct sketch *sketch, struct sketch_report *report);
bool rule_reset_vector(const struct sketch *sketch, struct sketch_report *report);
bool rule_entry_point(const struct sketch *sketch, struct sketch_report *report);
bool rule_wrong_core(const struct sketch *sketch, struct sketch_report *report);

/* check.c: whether divisions, array sizes and sums can rely on what struct board promises. */
bool board_is_sound(const struct board *board);

/* boot_rules.c: the board's boot rule; and an address above the start of a RAM range, up to and
 * with its end, from which the stack grows down. */
bool board_starts_with(const struct board *board, uint32_t stack_pointer);
bool board_has_stack_top(const struct board *board, uint32_t stack_pointer);

/* image.c: the flash image of the program segments, malloc'ed. Returns 0 or -ENOMEM. */
int image_build(const struct sketch *sketch, uint8_t **ret, uint32_t *ret_size);

/* image.c: the report's numbers of an accepted sketch. Returns 0 or -ENOMEM. */
int image_measure(const struct sketch *sketch, struct sketch_report *report);

/* Word index (0: initial stack pointer, 1: reset vector) of the vector table in the image. */
uint32_t image_vector(const struct sketch *sketch, size_t index);

/* Writes a text of the report: cut to its size, and whatever is not printable ASCII becomes '?'. */
_printf_(2, 3) bool report_say(struct sketch_report *report, const char *format, ...);
_printf_(2, 3) void report_advise(struct sketch_report *report, const char *format, ...);

static inline struct range board_range_of(const struct board_range *range)
{
    return (struct range){range->start, range->size};
}

/* The last address of a range that is not empty, which unlike its end fits 32 bits. */
static inline uint32_t range_last(struct range range)
{
    return (uint32_t)(range_end(range) - 1);
}
