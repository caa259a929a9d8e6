/* Two TAPs in a row share TCK and TMS, so one state serves both; only their registers differ. */
#include "tap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum state {
    TEST_LOGIC_RESET,
    RUN_TEST_IDLE,
    SELECT_DR,
    CAPTURE_DR,
    SHIFT_DR,
    EXIT1_DR,
    PAUSE_DR,
    EXIT2_DR,
    UPDATE_DR,
    SELECT_IR,
    CAPTURE_IR,
    SHIFT_IR,
    EXIT1_IR,
    PAUSE_IR,
    EXIT2_IR,
    UPDATE_IR,
};

static const uint8_t next_state[][2] = {
    [TEST_LOGIC_RESET] = {RUN_TEST_IDLE, TEST_LOGIC_RESET},
    [RUN_TEST_IDLE] = {RUN_TEST_IDLE, SELECT_DR},
    [SELECT_DR] = {CAPTURE_DR, SELECT_IR},
    [CAPTURE_DR] = {SHIFT_DR, EXIT1_DR},
    [SHIFT_DR] = {SHIFT_DR, EXIT1_DR},
    [EXIT1_DR] = {PAUSE_DR, UPDATE_DR},
    [PAUSE_DR] = {PAUSE_DR, EXIT2_DR},
    [EXIT2_DR] = {SHIFT_DR, UPDATE_DR},
    [UPDATE_DR] = {RUN_TEST_IDLE, SELECT_DR},
    [SELECT_IR] = {CAPTURE_IR, TEST_LOGIC_RESET},
    [CAPTURE_IR] = {SHIFT_IR, EXIT1_IR},
    [SHIFT_IR] = {SHIFT_IR, EXIT1_IR},
    [EXIT1_IR] = {PAUSE_IR, UPDATE_IR},
    [PAUSE_IR] = {PAUSE_IR, EXIT2_IR},
    [EXIT2_IR] = {SHIFT_IR, UPDATE_IR},
    [UPDATE_IR] = {RUN_TEST_IDLE, SELECT_DR},
};

/* One device's half of the chain. */
enum { JTAG_DP, BOUNDARY_SCAN, DEVICES };

static const unsigned ir_bits[DEVICES] = {4, 5};
static const uint32_t idcode[DEVICES] = {0x6BA00477, 0x06450041};
static const uint32_t ir_idcode[DEVICES] = {0xE, 0x1};

/* The JTAG-DP's other instructions. All else is BYPASS. */
enum { IR_ABORT = 0x8, IR_DPACC = 0xA, IR_APACC = 0xB };

struct device {
    uint32_t ir;
    uint64_t shift; /* the register between TDI and TDO, bit 0 leaves first */
    unsigned bits;
};

struct tap {
    enum state state;
    struct device device[DEVICES]; /* in order from TDO */
    struct dp *dp;
};

int tap_new(struct dp *dp, struct tap **ret)
{
    struct tap *tap = calloc(1, sizeof(*tap));
    if (!tap)
        return -ENOMEM;
    tap->dp = dp;
    tap_reset(tap);
    *ret = tap;
    return 0;
}

void tap_free(struct tap *tap)
{
    free(tap);
}

void tap_reset(struct tap *tap)
{
    tap->state = TEST_LOGIC_RESET;
    for (unsigned i = 0; i < DEVICES; i++)
        tap->device[i].ir = ir_idcode[i];
}

static void capture_ir(struct tap *tap)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        tap->device[i].shift = 1;
        tap->device[i].bits = ir_bits[i];
    }
}

static void update_ir(struct tap *tap)
{
    for (unsigned i = 0; i < DEVICES; i++)
        tap->device[i].ir = (uint32_t)tap->device[i].shift;
}

static bool is_access(uint32_t ir)
{
    return ir == IR_DPACC || ir == IR_APACC;
}

static void capture_dr(struct tap *tap)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        struct device *d = &tap->device[i];
        d->shift = 0;
        d->bits = 1;
        if (d->ir == ir_idcode[i]) {
            d->shift = idcode[i];
            d->bits = 32;
        }
    }

    struct device *d = &tap->device[JTAG_DP];
    if (is_access(d->ir)) {
        d->shift = dp_capture(tap->dp);
        d->bits = DP_SCAN_BITS;
    } else if (d->ir == IR_ABORT) { /* nothing here takes long enough to be aborted */
        d->bits = DP_SCAN_BITS;
    }
}

static void update_dr(struct tap *tap)
{
    const struct device *d = &tap->device[JTAG_DP];

    if (is_access(d->ir))
        dp_update(tap->dp, d->ir == IR_APACC, d->shift);
}

static void shift(struct tap *tap, bool tdi)
{
    uint64_t in = tdi;

    for (unsigned i = DEVICES; i-- > 0;) {
        struct device *d = &tap->device[i];
        uint64_t out = d->shift & 1;
        d->shift = d->shift >> 1 | in << (d->bits - 1);
        in = out;
    }
}

void tap_clock(struct tap *tap, bool tms, bool tdi)
{
    if (tap->state == SHIFT_DR || tap->state == SHIFT_IR)
        shift(tap, tdi);
    else if (tap->state == CAPTURE_DR)
        capture_dr(tap);
    else if (tap->state == CAPTURE_IR)
        capture_ir(tap);

    tap->state = (enum state)next_state[tap->state][tms];
    if (tap->state == UPDATE_DR)
        update_dr(tap);
    else if (tap->state == UPDATE_IR)
        update_ir(tap);
    else if (tap->state == TEST_LOGIC_RESET)
        tap_reset(tap);
}

bool tap_tdo(const struct tap *tap)
{
    if (tap->state != SHIFT_DR && tap->state != SHIFT_IR)
        return true;
    return tap->device[JTAG_DP].shift & 1;
}
