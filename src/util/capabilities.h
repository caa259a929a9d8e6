/*
 * A process's capabilities (capabilities(7)), by the system calls themselves: usable between
 * clone() and execve(), too.
 */
#pragma once

#include <stdint.h>

#define CAPABILITY(number) (UINT64_C(1) << (number)) /* of linux/capability.h's CAP_… */

enum capability_sets {
    CAPABILITIES_EFFECTIVE, /* what counts now; what is lost can be taken back */
    CAPABILITIES_ALL_SETS,  /* also what can be taken back or passed on: lost for good */
};

/* Keeps, of those that it has, only these. Returns 0 or -errno. */
int capabilities_keep(uint64_t mask, enum capability_sets sets);
