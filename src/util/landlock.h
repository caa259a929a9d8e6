/*
 * Forbids a process what it does not need to do with files, for good: Landlock (Linux 5.13, if it
 * is among the security modules that the kernel was booted with; landlock(7)). Rules are made and
 * filled at leisure; to take them on is one system call, which can be made between clone() and
 * execve().
 *
 * What the kernel's Landlock does not know of stays possible: before Linux 6.2 to cut a file off by
 * its name (truncate(2)), and so far anywhere to change a file's owner, mode and times.
 */
#pragma once

enum landlock_scope {
    LANDLOCK_ALL,     /* everything that there is to do with a file or folder */
    LANDLOCK_CHANGES, /* writing to it, making it, removing it */
    LANDLOCK_WRITES,  /* writing to it, if it is there */
};

/* Rules that forbid all of scope, everywhere. Returns a descriptor of the caller's, or -errno
 * (-EOPNOTSUPP or -ENOSYS: this build or this kernel has no Landlock). */
int landlock_rules_new(enum landlock_scope scope);

/* But permit this much, of what they forbid, with this file, or with this folder and all below it.
 * Returns 0 or -errno. */
int landlock_rules_permit(int rules, enum landlock_scope scope, const char *path);

/* From here on they count for this thread and all that it starts. no_new_privs must be set. Returns
 * 0 or -errno. */
int landlock_rules_enter(int rules);
