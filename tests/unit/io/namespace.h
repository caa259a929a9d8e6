/* A mount namespace for a test program: what it mounts, nobody else sees. */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>

#include "util/cleanup.h"

/* If it cannot be had (no root, a strict container), says so as TAP, for main() to end. */
static inline _unused_ bool namespace_enter(void)
{
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0)
        return true;
    printf("1..0 # SKIP no privilege to mount\n");
    return false;
}
