/*
 * From program segments to the flash image, the exact bytes to program, and to the numbers that an
 * accepted sketch is reported with.
 */
#include <errno.h>
#include <string.h>

#include "sketch/rules.h"

enum {
    ERASED = 0xFF, /* what a gap holds, so that programming need not touch it */
};

int image_build(const struct sketch *sketch, uint8_t **ret, uint32_t *ret_size)
{
    const struct segments *segments = &sketch->segments;
    uint32_t start = sketch->board->flash.start;
    /* Without overlaps, the last segment in order of load address is also the last to end. */
    const struct segment *last = &segments->all[segments->n_programs - 1];
    uint32_t size = (uint32_t)(range_end(segment_load(last)) - start);

    uint8_t *image = malloc(size);
    if (!image)
        return -ENOMEM;
    memset(image, ERASED, size);
    for (size_t i = 0; i < segments->n_programs; i++) {
        const struct segment *segment = &segments->all[i];
        const uint8_t *bytes = elf_view_bytes(&sketch->elf, segment->offset, segment->file_size);

        memcpy(image + (segment->load - start), bytes, segment->file_size);
    }
    *ret = image;
    *ret_size = size;
    return 0;
}

uint32_t image_vector(const struct sketch *sketch, size_t index)
{
    const uint8_t *word = sketch->image + 4 * index;

    return (uint32_t)word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 |
           (uint32_t)word[3] << 24;
}

static void measure_flash(const struct sketch *sketch, struct sketch_report *report)
{
    const struct board *board = sketch->board;

    for (size_t i = 0; i < sketch->segments.n_programs; i++) {
        const struct segment *segment = &sketch->segments.all[i];
        uint32_t offset = segment->load - board->flash.start, left = segment->file_size;

        report->flash_used += left;
        while (left > 0) {
            uint32_t room = board->sector_size - offset % board->sector_size;
            uint32_t part = left < room ? left : room;

            report->sector_used[offset / board->sector_size] += part;
            offset += part;
            left -= part;
        }
    }
    for (size_t i = 0; i < BOARD_SECTORS_MAX; i++)
        report->sectors += report->sector_used[i] > 0;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *left = a, *right = b;

    return (left->start > right->start) - (left->start < right->start);
}

/* Memory that several segments share is counted once, so the sum never exceeds the board's RAM. */
static int measure_ram(const struct sketch *sketch, struct sketch_report *report)
{
    const struct segments *segments = &sketch->segments;
    _cleanup_free_ struct range *ranges = calloc(segments->n, sizeof(*ranges));
    uint64_t used = 0, end = 0;
    size_t n = 0;

    if (!ranges)
        return -ENOMEM;
    for (size_t i = 0; i < segments->n; i++) {
        struct range memory = segment_memory(&segments->all[i]);

        if (!range_overlaps(board_range_of(&sketch->board->flash), memory))
            ranges[n++] = memory;
    }
    qsort(ranges, n, sizeof(*ranges), compare_ranges);
    for (size_t i = 0; i < n; i++) {
        if (range_end(ranges[i]) <= end)
            continue;
        used += range_end(ranges[i]) - (ranges[i].start > end ? ranges[i].start : end);
        end = range_end(ranges[i]);
    }
    report->ram_used = (uint32_t)used;
    return 0;
}

int image_measure(const struct sketch *sketch, struct sketch_report *report)
{
    report->image_size = sketch->image_size;
    report->stack_pointer = image_vector(sketch, 0);
    report->reset_vector = image_vector(sketch, 1);
    report->entry_point = sketch->elf.header.e_entry;
    measure_flash(sketch, report);
    return measure_ram(sketch, report);
}
