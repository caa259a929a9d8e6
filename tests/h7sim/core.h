/* The Cortex-M7 as a debugger sees it: run state, debug registers, breakpoints. Register names and
 * bits: Armv7-M Architecture Reference Manual, chapter C1. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "stats.h"

/* The private peripheral bus: these registers exist for the core and its debugger only. */
#define PPB_START 0xE0000000U
#define PPB_END   0xE0100000U

enum core_state {
    CORE_RESET,    /* NRST is low */
    CORE_FIRMWARE, /* runs what is in bank 1, of which nothing is simulated */
    CORE_ROUTINE,  /* runs code that a debugger put into RAM */
    CORE_LOCKUP,
    CORE_HALTED,
};

struct core;

/* bus and stats must outlive the core, which is in reset. Returns 0 or -ENOMEM. */
int core_new(struct bus *bus, struct stats *stats, struct core **ret);
void core_free(struct core *core);

enum core_state core_state(const struct core *core);

/* NRST falls and rises. After the release the core is halted on its reset vector if the debugger
 * asked for that, else its firmware runs. */
void core_assert_reset(struct core *core);
void core_release_reset(struct core *core);

/* Lets a routine run until it halts, or comes back to the state it was in without having stored
 * anything (it waits for the debugger), or has run very long. One that waits runs again only when
 * the debugger disturbed it by writing anything anywhere. */
void core_run(struct core *core, bool disturbed);

/* A register of the PPB, by its address, 32 bits. False: not one that this core has. */
bool core_read(struct core *core, uint32_t address, uint32_t *ret);
bool core_write(struct core *core, uint32_t address, uint32_t value);

/* True once after the debugger asked for a reset by SYSRESETREQ. */
bool core_take_reset_request(struct core *core);

/* True once after the firmware began to run at its reset vector. */
bool core_take_boot(struct core *core);
