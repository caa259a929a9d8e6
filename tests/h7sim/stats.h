/* What the simulated chip saw: plain counters, and their JSON form for the tests that read them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum chip_state {
    CHIP_RUNNING, /* the M7 runs its firmware: the only state with a living bridge */
    CHIP_ROUTINE, /* the M7 runs what a debugger put into RAM */
    CHIP_HALTED,  /* a debugger holds it, or it locked up */
    CHIP_RESET,   /* NRST is still held low */
};

/* Counts since the process started; they go on over clients and resets. */
struct stats {
    uint64_t clients, clients_left; /* connections, and those of them that have ended */
    uint64_t clocks;                /* rising edges of TCK */
    uint64_t transactions;          /* DPACC and APACC scans */
    uint64_t erases[2][8]; /* completed erases, [bank][sector]; a bank erase counts in each */
    uint64_t words[2];     /* 32-byte flash words programmed, [bank] */
    uint64_t resets;       /* falling edges of NRST and SYSRESETREQ */
    uint64_t lockups;
    uint64_t unknown_accesses; /* debugger or code touched what this chip does not model */
    enum chip_state state;
    bool m4_started; /* by the boot rule, at the last reset that let the M7 run */

    /* Where to look when a test finds lockups or unknown accesses. */
    uint32_t lockup_pc, lockup_instruction;
    const char *lockup_reason; /* static text; NULL while lockups is 0 */
    uint32_t unknown_address;
};

/* Replaces the file at path by the counters as one JSON object, atomically (a reader sees the old
 * or the new text). Returns 0 or a negative errno. */
int stats_write(const struct stats *stats, const char *path);
