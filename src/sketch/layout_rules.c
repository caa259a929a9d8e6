/*
 * Rules about addresses. The first group looks at where bytes are to be stored, the last rule at
 * where memory is used at run time: .data is stored in flash and runs in RAM, and .bss is stored
 * nowhere, though linkers give it a p_paddr in flash all the same.
 */
#include <inttypes.h>

#include "sketch/rules.h"

bool rule_no_code(const struct sketch *sketch, _unused_ struct sketch_report *report)
{
    return sketch->segments.n_programs == 0;
}

static const struct board_range *find_overlap(const struct board_range *ranges, size_t n,
                                              struct range range)
{
    for (size_t i = 0; i < n; i++)
        if (range_overlaps(board_range_of(&ranges[i]), range))
            return &ranges[i];
    return NULL;
}

bool rule_protected_flash(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segments *segments = &sketch->segments;
    const struct board *board = sketch->board;

    for (size_t i = 0; i < segments->n_programs; i++) {
        const struct segment *segment = &segments->all[i];
        const struct board_range *found =
            find_overlap(board->protected_flash, board->n_protected_flash, segment_load(segment));
        if (!found)
            continue;
        report_advise(report, "%s", found->hint);
        return report_say(report,
                          "The sketch would overwrite the %s (0x%08" PRIx32 "-0x%08" PRIx32
                          "): it has bytes for 0x%08" PRIx32 "-0x%08" PRIx32 ".",
                          found->name, found->start, range_last(board_range_of(found)),
                          segment->load, range_last(segment_load(segment)));
    }
    return false;
}

bool rule_ram_load(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segments *segments = &sketch->segments;
    const struct board *board = sketch->board;

    for (size_t i = 0; i < segments->n_programs; i++) {
        const struct segment *segment = &segments->all[i];
        const struct board_range *found =
            find_overlap(board->ram, board->n_ram, segment_load(segment));
        if (found)
            return report_say(report,
                              "%" PRIu32 " bytes of the sketch are to be stored at 0x%08" PRIx32
                              ", in RAM (%s), which is lost at a reset.",
                              segment->file_size, segment->load, found->name);
    }
    return false;
}

bool rule_outside_flash(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segments *segments = &sketch->segments;
    struct range window = board_range_of(&sketch->board->flash);

    for (size_t i = 0; i < segments->n_programs; i++) {
        const struct segment *segment = &segments->all[i];

        if (!range_contains(window, segment->load))
            return report_say(report,
                              "%" PRIu32 " bytes of the sketch are to be stored at 0x%08" PRIx32
                              ", outside the flash for sketches (0x%08" PRIx32 "-0x%08" PRIx32 ").",
                              segment->file_size, segment->load, (uint32_t)window.start,
                              range_last(window));
    }
    return false;
}

bool rule_image_too_big(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segments *segments = &sketch->segments;
    struct range window = board_range_of(&sketch->board->flash);
    uint64_t end = 0;

    for (size_t i = 0; i < segments->n_programs; i++) {
        const struct segment *segment = &segments->all[i];

        if (range_end(segment_load(segment)) > end)
            end = range_end(segment_load(segment));
    }
    if (end <= range_end(window))
        return false;
    return report_say(report,
                      "The sketch needs %" PRIu64 " bytes of flash, %" PRIu64
                      " more than the %" PRIu64 " (%" PRIu64 " KiB) that there are.",
                      end - window.start, end - range_end(window), window.size, window.size / 1024);
}

/* In order of load address, two that share an address have neighbours that do. */
bool rule_overlap(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segment *all = sketch->segments.all;

    for (size_t i = 1; i < sketch->segments.n_programs; i++)
        if (range_overlaps(segment_load(&all[i - 1]), segment_load(&all[i])))
            return report_say(report,
                              "Two parts of the sketch claim the same flash: %" PRIu32
                              " bytes at 0x%08" PRIx32 " and %" PRIu32 " bytes at 0x%08" PRIx32 ".",
                              all[i - 1].file_size, all[i - 1].load, all[i].file_size, all[i].load);
    return false;
}

bool rule_no_vector_table(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segments *segments = &sketch->segments;
    uint64_t start = sketch->board->flash.start, filled = start;

    for (size_t i = 0; i < segments->n_programs; i++) {
        const struct segment *segment = &segments->all[i];
        if (segment->load > filled)
            break;
        filled = range_end(segment_load(segment));
    }
    if (filled >= start + VECTOR_TABLE_MIN)
        return false;
    return report_say(report,
                      "There is no vector table at 0x%08" PRIx64
                      ": the sketch has nothing for 0x%08" PRIx64 ".",
                      start, filled);
}

/* Read-only memory in flash: all of its bytes come from the file and it stays where it is. */
static bool runs_in_flash(const struct sketch *sketch, const struct segment *segment)
{
    return segment->memory_size == segment->file_size &&
           range_covers(board_range_of(&sketch->board->flash), segment_memory(segment));
}

static bool say_no_memory(const struct sketch *sketch, const struct segment *segment,
                          struct sketch_report *report)
{
    for (size_t i = 0; i < sketch->board->n_ram; i++) {
        struct range ram = board_range_of(&sketch->board->ram[i]);

        if (range_contains(ram, segment->vaddr))
            return report_say(report,
                              "The sketch uses %" PRIu32 " bytes of memory from 0x%08" PRIx32
                              ", %" PRIu64 " more than the %s (%" PRIu64 " KiB) has there.",
                              segment->memory_size, segment->vaddr,
                              range_end(segment_memory(segment)) - range_end(ram),
                              sketch->board->ram[i].name, ram.size / 1024);
    }
    return report_say(report,
                      "The sketch uses %" PRIu32 " bytes of memory from 0x%08" PRIx32
                      ", where the board has no RAM for it.",
                      segment->memory_size, segment->vaddr);
}

bool rule_ram_overflow(const struct sketch *sketch, struct sketch_report *report)
{
    for (size_t i = 0; i < sketch->segments.n; i++) {
        const struct segment *segment = &sketch->segments.all[i];
        bool fits = segment->memory_size == 0 || runs_in_flash(sketch, segment);

        for (size_t j = 0; j < sketch->board->n_ram && !fits; j++)
            fits = range_covers(board_range_of(&sketch->board->ram[j]), segment_memory(segment));
        if (!fits)
            return say_no_memory(sketch, segment, report);
    }
    return false;
}
