/* Halting debug of the core. Its firmware is outside of this model: while it "runs", nothing does.
 * A routine in RAM runs as far as it can whenever the debugger touches the chip, so that what a
 * debugger sees never depends on how fast it looks. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flash_map.h"

#define FPB_COMPARATORS 8
#define DWT_COMPARATORS 4

/* A routine that neither halts nor waits is left alone after so many instructions; it goes on at
 * the debugger's next access. A CRC over 1 MiB takes 60 million. */
#define RUN_LIMIT (256U * 1024 * 1024)

#define DHCSR_KEY         0xA05F0000U
#define DHCSR_C_DEBUGEN   (1U << 0)
#define DHCSR_C_HALT      (1U << 1)
#define DHCSR_C_STEP      (1U << 2)
#define DHCSR_CONTROL     0x2FU /* and C_MASKINTS, C_SNAPSTALL */
#define DHCSR_S_REGRDY    (1U << 16)
#define DHCSR_S_HALT      (1U << 17)
#define DHCSR_S_LOCKUP    (1U << 19)
#define DHCSR_S_RETIRE_ST (1U << 24)
#define DHCSR_S_RESET_ST  (1U << 25)

#define DCRSR_WRITE (1U << 16)

#define DEMCR_VC_CORERESET (1U << 0)

#define DFSR_HALTED (1U << 0)
#define DFSR_BKPT   (1U << 1)
#define DFSR_VCATCH (1U << 3)

#define AIRCR_KEY         0x05FA0000U
#define AIRCR_READ_KEY    0xFA050000U
#define AIRCR_SYSRESETREQ (1U << 2)

#define FP_CTRL_VALUE 0x10000080U /* FPB version 2, 8 code comparators */
#define FP_CTRL_KEY   (1U << 1)

#define DWT_CTRL    0xE0001000U
#define DWT_DEVARCH 0xE0001FBCU
#define DWT_COMP0   0xE0001020U
#define FP_CTRL     0xE0002000U
#define FP_COMP0    0xE0002008U
#define CPUID       0xE000ED00U
#define AIRCR       0xE000ED0CU
#define DFSR        0xE000ED30U
#define DHCSR       0xE000EDF0U
#define DCRSR       0xE000EDF4U
#define DCRDR       0xE000EDF8U
#define DEMCR       0xE000EDFCU
#define MVFR0       0xE000EF40U
#define MVFR1       0xE000EF44U

/* Registers that a debugger reads to find out what it has before it. */
static const struct {
    uint32_t address, value;
} constants[] = {
    {CPUID, 0x411FC271}, /* Cortex-M7 r1p1 */
    {MVFR0, 0x10110221},     {MVFR1, 0x12000011},
    {AIRCR, AIRCR_READ_KEY}, {DWT_CTRL, (uint32_t)DWT_COMPARATORS << 28},
    {DWT_DEVARCH, 0}, /* not an Armv8-M */
};

#define CONSTANTS (sizeof(constants) / sizeof(constants[0]))

struct core {
    struct cpu *cpu;
    struct bus *bus;
    struct stats *stats;
    enum core_state state;
    bool at_reset_vector; /* nothing has run since the last reset */
    bool waits;           /* the routine cannot go on before something changes under it */
    bool reset_request, boot;

    uint32_t dhcsr; /* the control bits */
    bool retired, was_reset;
    uint32_t dcrdr, demcr, dfsr;
    uint32_t fp_ctrl, fp_comp[FPB_COMPARATORS];
    uint32_t dwt[4 * DWT_COMPARATORS]; /* COMP, MASK, FUNCTION, nothing */
    uint32_t fpscr, fp_register[32];
};

int core_new(struct bus *bus, struct stats *stats, struct core **ret)
{
    struct core *core = calloc(1, sizeof(*core));
    if (!core)
        return -ENOMEM;
    int r = cpu_new(bus, &core->cpu);
    if (r < 0) {
        free(core);
        return r;
    }
    core->bus = bus;
    core->stats = stats;
    core->state = CORE_RESET;
    *ret = core;
    return 0;
}

void core_free(struct core *core)
{
    if (!core)
        return;
    cpu_free(core->cpu);
    free(core);
}

enum core_state core_state(const struct core *core)
{
    return core->state;
}

bool core_take_reset_request(struct core *core)
{
    bool request = core->reset_request;
    core->reset_request = false;
    return request;
}

bool core_take_boot(struct core *core)
{
    bool boot = core->boot;
    core->boot = false;
    return boot;
}

static void halt(struct core *core, uint32_t reason)
{
    core->state = CORE_HALTED;
    core->dhcsr |= DHCSR_C_HALT;
    core->dfsr |= reason;
}

static void lock_up(struct core *core)
{
    core->state = CORE_LOCKUP;
    core->stats->lockups++;
    core->stats->lockup_pc = core->cpu->reg.r[PC];
    core->stats->lockup_instruction = core->cpu->instruction;
    core->stats->lockup_reason = core->cpu->reason;
}

void core_assert_reset(struct core *core)
{
    core->state = CORE_RESET;
    core->was_reset = true;
    core->dhcsr &= DHCSR_C_DEBUGEN;
}

static void start_firmware(struct core *core)
{
    core->boot = core->at_reset_vector;
    core->at_reset_vector = false;
    core->state = CORE_FIRMWARE;
}

void core_release_reset(struct core *core)
{
    struct registers *reg = &core->cpu->reg;
    uint32_t vector[2] = {0, 0};

    if (core->state != CORE_RESET)
        return;
    memset(reg, 0, sizeof(*reg));
    bus_read(core->bus, FLASH_START, 4, &vector[0]);
    bus_read(core->bus, FLASH_START + 4, 4, &vector[1]);
    reg->r[SP] = vector[0] & ~3U;
    reg->r[LR] = UINT32_MAX;
    reg->r[PC] = vector[1] & ~1U;
    core->at_reset_vector = true;
    if (core->demcr & DEMCR_VC_CORERESET && core->dhcsr & DHCSR_C_DEBUGEN)
        halt(core, DFSR_VCATCH);
    else if (core->dhcsr & DHCSR_C_HALT)
        halt(core, DFSR_HALTED);
    else
        start_firmware(core);
}

static bool on_breakpoint(const struct core *core)
{
    if (!(core->fp_ctrl & 1))
        return false;
    for (unsigned i = 0; i < FPB_COMPARATORS; i++)
        if (core->fp_comp[i] == (core->cpu->reg.r[PC] | 1))
            return true;
    return false;
}

/* One instruction of a routine or of a step; false: the core does not go on. */
static bool run_one(struct core *core)
{
    if (on_breakpoint(core)) {
        halt(core, DFSR_BKPT);
        return false;
    }
    core->retired = true;
    switch (cpu_step(core->cpu)) {
    case CPU_GO_ON:
        return true;
    case CPU_BREAKPOINT:
        halt(core, DFSR_BKPT);
        return false;
    case CPU_LOCKUP:
        lock_up(core);
        return false;
    }
    return false;
}

/* Brent's way to find a cycle: remember a state, twice as far apart each time, and look whether it
 * comes again. */
void core_run(struct core *core, bool disturbed)
{
    const struct registers *now = &core->cpu->reg;
    struct registers seen = *now;
    uint64_t stores = core->cpu->stores;
    uint32_t until = 1;

    if (disturbed)
        core->waits = false;
    if (core->state != CORE_ROUTINE || core->waits)
        return;
    for (uint32_t n = 0; n < RUN_LIMIT && run_one(core); n++) {
        if (now->r[PC] == seen.r[PC] && stores == core->cpu->stores &&
            memcmp(now, &seen, sizeof(seen)) == 0) {
            core->waits = true;
            return;
        }
        if (n == until) {
            seen = *now;
            stores = core->cpu->stores;
            until *= 2;
        }
    }
}

static void step(struct core *core)
{
    core->at_reset_vector = false;
    if (run_one(core))
        halt(core, DFSR_HALTED);
}

static void resume(struct core *core)
{
    uint32_t pc = core->cpu->reg.r[PC];

    if (core->dhcsr & DHCSR_C_STEP) {
        step(core);
    } else if (pc - FLASH_START < FLASH_BANK_SIZE) {
        start_firmware(core);
    } else {
        core->at_reset_vector = false;
        core->state = CORE_ROUTINE;
    }
}

static void write_dhcsr(struct core *core, uint32_t value)
{
    if ((value & 0xFFFF0000U) != DHCSR_KEY)
        return;
    core->dhcsr = value & DHCSR_CONTROL;
    if (!(value & DHCSR_C_DEBUGEN))
        core->dhcsr &= ~(DHCSR_C_HALT | DHCSR_C_STEP);

    bool halts = core->dhcsr & DHCSR_C_HALT;
    if (core->state == CORE_HALTED && !halts)
        resume(core);
    else if (core->state != CORE_HALTED && core->state != CORE_RESET && halts)
        halt(core, DFSR_HALTED);
}

static uint32_t read_dhcsr(struct core *core)
{
    uint32_t value = core->dhcsr | DHCSR_S_REGRDY;

    if (core->state == CORE_HALTED)
        value |= DHCSR_S_HALT;
    if (core->state == CORE_LOCKUP)
        value |= DHCSR_S_LOCKUP;
    if (core->retired || core->state == CORE_FIRMWARE)
        value |= DHCSR_S_RETIRE_ST;
    if (core->was_reset)
        value |= DHCSR_S_RESET_ST;
    core->retired = false;
    core->was_reset = core->state == CORE_RESET;
    return value;
}

/* DCRSR's selectors: r0 to r15, xPSR, MSP, PSP, the masks, FPSCR, s0 to s31. xPSR is composed, so
 * it has no place to point to. */
static uint32_t *selected(struct core *core, uint32_t selector)
{
    struct registers *reg = &core->cpu->reg;

    if (selector <= PC)
        return &reg->r[selector];
    if (selector >= 64 && selector < 96)
        return &core->fp_register[selector - 64];
    switch (selector) {
    case 17:
        return &reg->r[SP];
    case 18:
        return &reg->psp;
    case 20:
        return &reg->special;
    case 33:
        return &core->fpscr;
    default:
        return NULL;
    }
}

static void transfer_register(struct core *core, uint32_t dcrsr)
{
    uint32_t selector = dcrsr & 0x7F;
    uint32_t *place = selected(core, selector);

    if (core->state != CORE_HALTED)
        return;
    if (selector == 16 && dcrsr & DCRSR_WRITE)
        cpu_set_xpsr(core->cpu, core->dcrdr);
    else if (selector == 16)
        core->dcrdr = cpu_xpsr(core->cpu);
    else if (!place)
        core->stats->unknown_accesses++;
    else if (dcrsr & DCRSR_WRITE)
        *place = selector == PC ? core->dcrdr & ~1U : core->dcrdr;
    else
        core->dcrdr = *place;
}

static bool read_comparator(const struct core *core, uint32_t address, uint32_t *ret)
{
    uint32_t n = (address - FP_COMP0) / 4, offset = address - DWT_COMP0;

    if (address >= FP_COMP0 && n < FPB_COMPARATORS)
        *ret = core->fp_comp[n];
    else if (offset < sizeof(core->dwt))
        *ret = core->dwt[offset / 4];
    else
        return false;
    return true;
}

static bool write_comparator(struct core *core, uint32_t address, uint32_t value)
{
    uint32_t n = (address - FP_COMP0) / 4, offset = address - DWT_COMP0;

    if (address >= FP_COMP0 && n < FPB_COMPARATORS)
        core->fp_comp[n] = value;
    else if (offset < sizeof(core->dwt))
        core->dwt[offset / 4] = value;
    else
        return false;
    return true;
}

/* The registers that answer even while NRST is low. */
static bool read_debug(struct core *core, uint32_t address, uint32_t *ret)
{
    switch (address) {
    case DHCSR:
        *ret = read_dhcsr(core);
        return true;
    case DCRSR:
        *ret = 0; /* write-only */
        return true;
    case DCRDR:
        *ret = core->dcrdr;
        return true;
    case DEMCR:
        *ret = core->demcr;
        return true;
    case DFSR:
        *ret = core->dfsr;
        return true;
    default:
        return false;
    }
}

bool core_read(struct core *core, uint32_t address, uint32_t *ret)
{
    if (read_debug(core, address, ret))
        return true;
    if (core->state == CORE_RESET)
        return false;
    for (size_t i = 0; i < CONSTANTS; i++) {
        if (constants[i].address == address) {
            *ret = constants[i].value;
            return true;
        }
    }
    if (address == FP_CTRL) {
        *ret = FP_CTRL_VALUE | core->fp_ctrl;
        return true;
    }
    return read_comparator(core, address, ret);
}

static bool write_debug(struct core *core, uint32_t address, uint32_t value)
{
    switch (address) {
    case DHCSR:
        write_dhcsr(core, value);
        return true;
    case DCRSR:
        transfer_register(core, value);
        return true;
    case DCRDR:
        core->dcrdr = value;
        return true;
    case DEMCR:
        core->demcr = value;
        return true;
    case DFSR:
        core->dfsr &= ~value;
        return true;
    default:
        return false;
    }
}

bool core_write(struct core *core, uint32_t address, uint32_t value)
{
    if (write_debug(core, address, value))
        return true;
    if (core->state == CORE_RESET)
        return false;
    switch (address) {
    case AIRCR:
        if ((value & 0xFFFF0000U) == AIRCR_KEY && value & AIRCR_SYSRESETREQ)
            core->reset_request = true;
        return true;
    case DWT_CTRL:
        return true;
    case FP_CTRL:
        if (value & FP_CTRL_KEY)
            core->fp_ctrl = value & 1;
        return true;
    default:
        return write_comparator(core, address, value);
    }
}
