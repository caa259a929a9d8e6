/*
 * The check: one table of rules in the order of enum sketch_code, the first violated one decides.
 * What a rule may rely on is prepared right before it, when the rules above have made that safe.
 */
#include <errno.h>

#include "sketch/rules.h"

static int prepare_header(struct sketch *sketch)
{
    elf_view_open(sketch->bytes, sketch->size, sketch->gap, &sketch->elf);
    return 0;
}

/* A linker writes one attributes section; should there be more, the first one counts. */
static void read_attributes(struct sketch *sketch)
{
    Elf32_Shdr section;

    for (uint64_t i = 0; elf_view_section(&sketch->elf, i, &section); i++) {
        if (section.sh_type != SHT_ARM_ATTRIBUTES)
            continue;
        sketch->attributes_malformed =
            attributes_parse(elf_view_bytes(&sketch->elf, section.sh_offset, section.sh_size),
                             section.sh_size, &sketch->attributes) < 0;
        return;
    }
}

static int prepare_contents(struct sketch *sketch)
{
    read_attributes(sketch);
    return segments_collect(&sketch->elf, &sketch->segments);
}

static int prepare_image(struct sketch *sketch)
{
    return image_build(sketch, &sketch->image, &sketch->image_size);
}

static const struct {
    enum sketch_code code;
    rule_t is_violated;
    int (*prepare)(struct sketch *sketch); /* before this rule: 0 or -ENOMEM; or NULL */
} rules[] = {
    {SKETCH_EMPTY, rule_empty, NULL},
    {SKETCH_NOT_ELF, rule_not_elf, NULL},
    {SKETCH_ELF_CLASS, rule_elf_class, NULL},
    {SKETCH_ELF_ENDIAN, rule_elf_endian, NULL},
    {SKETCH_TRUNCATED, rule_truncated, prepare_header},
    {SKETCH_ELF_MACHINE, rule_elf_machine, NULL},
    {SKETCH_ELF_TYPE, rule_elf_type, NULL},
    {SKETCH_ELF_CORRUPT, rule_elf_corrupt, prepare_contents},
    {SKETCH_NO_CODE, rule_no_code, NULL},
    {SKETCH_PROTECTED_FLASH, rule_protected_flash, NULL},
    {SKETCH_RAM_LOAD, rule_ram_load, NULL},
    {SKETCH_OUTSIDE_FLASH, rule_outside_flash, NULL},
    {SKETCH_IMAGE_TOO_BIG, rule_image_too_big, NULL},
    {SKETCH_OVERLAP, rule_overlap, NULL},
    {SKETCH_NO_VECTOR_TABLE, rule_no_vector_table, NULL},
    {SKETCH_STACK_POINTER, rule_stack_pointer, prepare_image},
    {SKETCH_RESET_VECTOR, rule_reset_vector, NULL},
    {SKETCH_ENTRY_POINT, rule_entry_point, NULL},
    {SKETCH_WRONG_CORE, rule_wrong_core, NULL},
    {SKETCH_RAM_OVERFLOW, rule_ram_overflow, NULL},
};

static void sketch_done(struct sketch *sketch)
{
    free(sketch->segments.all);
    free(sketch->image);
}

bool board_is_sound(const struct board *board)
{
    return board->sector_size >= VECTOR_TABLE_MIN && board->flash.size >= board->sector_size &&
           board->flash.size / board->sector_size <= BOARD_SECTORS_MAX &&
           board->flash.size % board->sector_size == 0 && board->n_ram <= BOARD_RANGES_MAX &&
           board->n_protected_flash <= BOARD_RANGES_MAX &&
           range_end(board_range_of(&board->flash)) <= UINT64_C(1) << 32;
}

static int judge(struct sketch *sketch, struct sketch_report *report)
{
    for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
        int r = rules[i].prepare ? rules[i].prepare(sketch) : 0;
        if (r < 0)
            return r;
        if (!rules[i].is_violated(sketch, report))
            continue;
        report->code = rules[i].code;
        if (!report->sentence[0])
            report_say(report, "%s", sketch_code_sentence(report->code));
        if (!report->hint[0])
            report_advise(report, "%s", sketch_code_hint(report->code));
        return 0;
    }
    return image_measure(sketch, report);
}

static int check(const struct board *board, const void *elf, size_t size, struct elf_gap *gap,
                 struct sketch_report *ret_report, uint8_t **ret_image)
{
    _cleanup_(sketch_done) struct sketch sketch = {
        .board = board, .bytes = elf, .size = size, .gap = gap};
    struct sketch_report report = {.code = SKETCH_ACCEPTED};

    if (!board_is_sound(board))
        return -EINVAL;
    int r = judge(&sketch, &report);
    if (r < 0)
        return r;
    if (gap && gap->needed > 0)
        return -EAGAIN;
    *ret_report = report;
    *ret_image = report.code == SKETCH_ACCEPTED ? TAKE_PTR(sketch.image) : NULL;
    return 0;
}

int sketch_check(const struct board *board, const void *elf, size_t size,
                 struct sketch_report *ret_report, uint8_t **ret_image)
{
    return check(board, elf, size, NULL, ret_report, ret_image);
}

int sketch_check_part(const struct board *board, const void *elf, size_t size,
                      const struct sketch_gap *gap, struct sketch_report *ret_report,
                      uint8_t **ret_image, uint64_t *ret_needed)
{
    struct elf_gap seen = {.start = gap->start, .end = gap->end};

    if (gap->end > size || gap->start > gap->end)
        return -EINVAL;
    if (gap->start == gap->end)
        return sketch_check(board, elf, size, ret_report, ret_image);
    /* The first rules look at the identification as it is. */
    if (gap->start < EI_NIDENT)
        seen.needed = gap->end < EI_NIDENT ? gap->end : EI_NIDENT;
    int r = check(board, elf, size, &seen, ret_report, ret_image);
    if (r == -EAGAIN)
        *ret_needed = seen.needed;
    return r;
}
