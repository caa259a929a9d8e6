/*
 * A verdict for people: but for the picture no colours and no bytes but ASCII, so that it reads the
 * same anywhere.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/verdict.h"

/* The flash window, a few marks a sector: '#' used, '.' free. Any use at all shows. */
static void print_sectors(const struct sketch_report *report, const struct board *board)
{
    uint32_t n = board->flash.size / board->sector_size;
    uint32_t marks = n <= 16 ? 4 : 1;

    printf("  sectors        [");
    for (uint32_t i = 0; i < n && i < BOARD_SECTORS_MAX; i++) {
        uint64_t used = report->sector_used[i];
        uint64_t filled = (used * marks + board->sector_size - 1) / board->sector_size;
        if (i > 0 && marks > 1)
            putchar(' ');
        for (uint32_t k = 0; k < marks; k++)
            putchar(k < filled ? '#' : '.');
    }
    printf("] %" PRIu32 " KiB each\n", board->sector_size / 1024);
}

static void print_memory(const struct sketch_report *report, const struct board *board)
{
    uint32_t permille = (uint32_t)((uint64_t)report->flash_used * 1000 / board->flash.size);

    printf("  flash          %" PRIu32 " of %" PRIu32 " bytes (%" PRIu32 ".%" PRIu32 "%%), %" PRIu32
           " of %" PRIu32 " sectors\n",
           report->flash_used, board->flash.size, permille / 10, permille % 10, report->sectors,
           board->flash.size / board->sector_size);
    print_sectors(report, board);
    printf("  RAM            %" PRIu32 " bytes\n", report->ram_used);
}

/* Nothing of one that is not signed, as most are. */
static void print_signature(const struct signed_by *by)
{
    switch ((enum signature_state)by->verdict.state) {
    case SIGNATURE_GOOD:
        printf("  signature      good, key %s\n", by->key_file);
        break;
    case SIGNATURE_FOREIGN:
        printf("  signature      by a key that is not known here:\n"
               "                 %s\n",
               by->key);
        break;
    case SIGNATURE_WRONG:
        printf("  signature      does not fit the file\n");
        break;
    default:
        break;
    }
}

static void print_accepted(const struct verdict *verdict, const struct board *board,
                           const char *file, const char *picture)
{
    const struct sketch_report *report = &verdict->report;

    printf("%s: accepted for %s\n", file, board->description);
    printf("  sha256         %s\n", verdict->sha256);
    printf("  image sha256   %s\n", verdict->image_sha256);
    print_signature(&verdict->signature);
    printf("  bytes          %" PRIu64 ", image %" PRIu32 "\n", verdict->bytes, report->image_size);
    if (!picture)
        print_memory(report, board);
    printf("  stack pointer  0x%08" PRIx32 "\n", report->stack_pointer);
    printf("  reset vector   0x%08" PRIx32 "\n", report->reset_vector);
    if (picture)
        printf("\n%s", picture);
}

void verdict_print_text(const struct verdict *verdict, const struct board *board, const char *file,
                        const char *picture)
{
    const struct sketch_report *report = &verdict->report;

    if (report->code == SKETCH_ACCEPTED)
        print_accepted(verdict, board, file, picture);
    else
        printf("%s: %s: %s\n  %s\n", file, sketch_code_name(report->code), report->sentence,
               report->hint);
}
