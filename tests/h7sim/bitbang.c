/* Protocol: OpenOCD, doc/manual/jtag/drivers/remote_bitbang.txt. The state of the line stands
 * between the client and the chip: with a bad line, nothing reaches the chip. */
#include "bitbang.h"

#include <errno.h>
#include <stdlib.h>

struct bitbang {
    bool tck;
    struct chip *chip;
    struct tap *tap;
    struct faults *faults;
    struct stats *stats;
};

int bitbang_new(struct chip *chip, struct tap *tap, struct faults *faults, struct stats *stats,
                struct bitbang **ret)
{
    struct bitbang *bitbang = calloc(1, sizeof(*bitbang));
    if (!bitbang)
        return -ENOMEM;
    bitbang->chip = chip;
    bitbang->tap = tap;
    bitbang->faults = faults;
    bitbang->stats = stats;
    *ret = bitbang;
    return 0;
}

void bitbang_free(struct bitbang *bitbang)
{
    free(bitbang);
}

/* '0' to '7': TCK, TMS, TDI. */
static void drive(struct bitbang *bitbang, unsigned pins)
{
    bool tck = pins & 4, rises = tck && !bitbang->tck;

    bitbang->tck = tck;
    if (!rises)
        return;
    bitbang->stats->clocks++;
    if (bitbang->faults->line == LINE_GOOD)
        tap_clock(bitbang->tap, pins & 2, pins & 1);
}

/* 'r' to 'u': TRST, SRST; 1 asserts. */
static void drive_resets(struct bitbang *bitbang, unsigned pins)
{
    if (bitbang->faults->line != LINE_GOOD)
        return;
    if (pins & 2)
        tap_reset(bitbang->tap);
    chip_set_reset(bitbang->chip, pins & 1);
}

static char sample(const struct bitbang *bitbang)
{
    switch (bitbang->faults->line) {
    case LINE_HIGH:
        return '1';
    case LINE_LOW:
        return '0';
    default:
        return tap_tdo(bitbang->tap) ? '1' : '0';
    }
}

enum bitbang_verdict bitbang_play(struct bitbang *bitbang, const char *characters, size_t size,
                                  char *replies, size_t *ret_replies)
{
    size_t n = 0;
    enum bitbang_verdict verdict = BITBANG_GO_ON;

    for (size_t i = 0; i < size && bitbang->faults->line < LINE_SILENT; i++) {
        char c = characters[i];
        if (c >= '0' && c <= '7') {
            drive(bitbang, (unsigned)(c - '0'));
        } else if (c == 'R') {
            replies[n++] = sample(bitbang);
        } else if (c >= 'r' && c <= 'u') {
            drive_resets(bitbang, (unsigned)(c - 'r'));
        } else if (c == 'Q') {
            verdict = BITBANG_CLOSE;
            break;
        } /* B and b blink a light that is not here */
    }
    if (bitbang->faults->line == LINE_DROPPED)
        verdict = BITBANG_CLOSE;
    *ret_replies = n;
    return verdict;
}
