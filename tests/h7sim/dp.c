/* The debug port answers at once: WAIT occurs only as a fault that a test asked for. */
#include "dp.h"

#include <errno.h>
#include <stdlib.h>

#include "mem_ap.h"

#define ACK_WAIT     1U
#define ACK_OK_FAULT 2U

enum { REG_CTRL_STAT = 0x4, REG_SELECT = 0x8, REG_RDBUFF = 0xC };

#define CTRL_ORUNDETECT   (1U << 0)
#define CTRL_STICKYORUN   (1U << 1)
#define CTRL_STICKYCMP    (1U << 4)
#define CTRL_STICKYERR    (1U << 5)
#define CTRL_STICKY       (CTRL_STICKYORUN | CTRL_STICKYCMP | CTRL_STICKYERR)
#define CTRL_CDBGPWRUPREQ (1U << 28)
#define CTRL_CSYSPWRUPREQ (1U << 30)
#define CTRL_POWER        (CTRL_CDBGPWRUPREQ | CTRL_CSYSPWRUPREQ)
#define CTRL_WRITABLE     (CTRL_POWER | CTRL_ORUNDETECT)

#define ACCESS_PORTS 4

struct dp {
    struct chip *chip;
    struct faults *faults;
    struct stats *stats;
    uint32_t ctrl, sticky, select;
    uint32_t result; /* of the last read, for the next scan to take away; writes leave it, since
                        OpenOCD writes CTRL/STAT before it repeats a scan that met a WAIT */
    bool wait;       /* the present scan was answered WAIT */
    bool busy;       /* the scan before began an AP read */
    struct mem_ap port[ACCESS_PORTS];
};

int dp_new(struct chip *chip, struct faults *faults, struct stats *stats, struct dp **ret)
{
    struct dp *dp = calloc(1, sizeof(*dp));
    if (!dp)
        return -ENOMEM;
    dp->chip = chip;
    dp->faults = faults;
    dp->stats = stats;
    *ret = dp;
    return 0;
}

void dp_free(struct dp *dp)
{
    free(dp);
}

uint64_t dp_capture(struct dp *dp)
{
    dp->stats->transactions++;
    dp->wait = faults_transaction(dp->faults, dp->busy);
    dp->busy = false;
    return dp->wait ? ACK_WAIT : (uint64_t)dp->result << 3 | ACK_OK_FAULT;
}

static bool has_port(unsigned ap)
{
    return ap == AP_M7 || ap == AP_APB_D || ap == AP_M4;
}

static void access_ap(struct dp *dp, unsigned offset, bool read, uint32_t data)
{
    unsigned ap = dp->select >> 24;
    bool ok = true;

    /* A failed access stops all that follow until the debugger has seen and cleared it. */
    if (dp->sticky)
        return;
    offset |= dp->select & 0xF0;
    dp->busy = read;
    if ((dp->ctrl & CTRL_POWER) != CTRL_POWER)
        ok = false;
    else if (has_port(ap) && read)
        ok = mem_ap_read(&dp->port[ap], dp->chip, ap, offset, &dp->result);
    else if (has_port(ap))
        ok = mem_ap_write(&dp->port[ap], dp->chip, ap, offset, data);
    if (!ok)
        dp->sticky |= CTRL_STICKYERR;
}

static uint32_t read_dp(const struct dp *dp, unsigned offset)
{
    switch (offset) {
    case REG_CTRL_STAT: /* each power request is acknowledged in the bit above it */
        return dp->ctrl | dp->sticky | (dp->ctrl & CTRL_POWER) << 1;
    case REG_SELECT:
        return dp->select;
    default: /* RDBUFF: this scan took the result away */
        return 0;
    }
}

static void write_dp(struct dp *dp, unsigned offset, uint32_t data)
{
    if (offset == REG_CTRL_STAT) {
        dp->ctrl = data & CTRL_WRITABLE;
        dp->sticky &= ~(data & CTRL_STICKY);
        /* Left open by the specification. OpenOCD turns overrun detection off when it connects and
         * counts on finding no old overrun after that. */
        if (!(data & CTRL_ORUNDETECT))
            dp->sticky &= ~CTRL_STICKYORUN;
    } else if (offset == REG_SELECT) {
        dp->select = data;
    }
}

void dp_update(struct dp *dp, bool is_ap, uint64_t scan)
{
    bool read = scan & 1;
    unsigned offset = (unsigned)(scan & 6) << 1;
    uint32_t data = (uint32_t)(scan >> 3);

    if (dp->wait) {
        if (dp->ctrl & CTRL_ORUNDETECT)
            dp->sticky |= CTRL_STICKYORUN;
        return;
    }
    if (is_ap) {
        access_ap(dp, offset, read, data);
    } else if (read) {
        dp->result = read_dp(dp, offset);
    } else {
        write_dp(dp, offset, data);
    }
}
