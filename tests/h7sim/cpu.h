/* A Cortex-M7 that executes Thumb-2 integer code: registers, conditions and one step at a time.
 * Instruction names and pseudo-code: Armv7-M Architecture Reference Manual, chapter A7. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

enum { SP = 13, LR = 14, PC = 15 };

#define APSR_N (1U << 31)
#define APSR_Z (1U << 30)
#define APSR_C (1U << 29)
#define APSR_V (1U << 28)

enum cpu_event {
    CPU_GO_ON,
    CPU_BREAKPOINT, /* BKPT; the PC stays on it */
    CPU_LOCKUP,     /* an unknown instruction or a fault; the PC stays on it */
};

/* All that a routine can change besides memory. Words only, so that memcmp() compares it. */
struct registers {
    uint32_t r[16]; /* r[PC] is the address of the next instruction to run */
    uint32_t apsr;
    uint32_t it;      /* ITSTATE */
    uint32_t special; /* PRIMASK, BASEPRI << 8, FAULTMASK << 16, CONTROL << 24 (as DCRSR has it) */
    uint32_t psp;     /* never in use: only the main stack is modelled */
};

struct cpu {
    struct registers reg;
    struct bus *bus;
    uint64_t stores; /* bus writes done: with equal registers and no store, nothing has changed */

    /* The instruction being run. */
    uint32_t next; /* where it goes on */
    uint32_t instruction;
    enum cpu_event event;
    const char *reason; /* of a lockup; static text */

    uint8_t decoded[0x10000]; /* 16-bit instruction -> its row in thumb16_ops */
};

/* bus must outlive the cpu. Returns 0 or -ENOMEM. */
int cpu_new(struct bus *bus, struct cpu **ret);
void cpu_free(struct cpu *cpu);

/* Runs one instruction. */
enum cpu_event cpu_step(struct cpu *cpu);

uint32_t cpu_xpsr(const struct cpu *cpu);
void cpu_set_xpsr(struct cpu *cpu, uint32_t xpsr);
