/* A board profile: text -> a board that the checker can rely on, or complaints. */
#include "config/board.h"

#include <errno.h>
#include <string.h>

#include "config/board_rules.h"
#include "fuzz.h"
#include "util/cleanup.h"
#include "util/utf8.h"

static void hear(_unused_ const char *file, _unused_ unsigned line, const char *message,
                 void *userdata)
{
    size_t *n = userdata;

    CLAIM(*message && utf8_is_printable(message, strlen(message)));
    (*n)++;
}

static void claim_ranges(const struct board_range *ranges, size_t n)
{
    CLAIM(n <= BOARD_RANGES_MAX);
    for (size_t i = 0; i < n; i++) {
        claim_text(ranges[i].name, sizeof(ranges[i].name));
        claim_text(ranges[i].hint, sizeof(ranges[i].hint));
        CLAIM(ranges[i].size > 0);
        CLAIM((uint64_t)ranges[i].start + ranges[i].size <= UINT64_C(1) << 32);
    }
}

static void claim_sound(const struct board *board)
{
    struct sketch_report report;
    uint8_t *image = NULL;

    claim_text(board->name, sizeof(board->name));
    claim_text(board->description, sizeof(board->description));
    claim_text(board->compatible, sizeof(board->compatible));
    claim_text(board->health_file, sizeof(board->health_file));
    claim_text(board->openocd_config, sizeof(board->openocd_config));
    claim_text(board->routine, sizeof(board->routine));
    claim_ranges(&board->flash, 1);
    claim_ranges(board->protected_flash, board->n_protected_flash);
    claim_ranges(board->ram, board->n_ram);
    CLAIM(board->word_size > 0 && (board->word_size & (board->word_size - 1)) == 0);
    CLAIM(board->sector_size > 0 && (board->sector_size & (board->sector_size - 1)) == 0);
    CLAIM(board->flash.start % board->sector_size == 0);
    CLAIM(sketch_check(board, "", 0, &report, &image) == 0);
    CLAIM(report.code == SKETCH_EMPTY && !image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board board;
    size_t n = 0;

    int r = board_parse((const char *)data, size, "fuzz.conf", hear, &n, &board);
    CLAIM(r == 0 || r == -EINVAL);
    CLAIM((r == 0) == (n == 0));
    if (r == 0)
        claim_sound(&board);
    return 0;
}
