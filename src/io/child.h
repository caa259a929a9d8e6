/*
 * A child process with an end: its own process group, a deadline, its output in pieces, and nothing
 * of it left over. Knows nothing of what it runs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "io/walls.h"
#include "util/cleanup.h"

struct child;

enum child_end {
    CHILD_EXITED,   /* status is the exit status */
    CHILD_SIGNALED, /* status is the signal */
    CHILD_DEADLINE, /* killed by us: status is 0 */
};

#define CHILD_ALL_CAPABILITIES UINT64_MAX

struct child_spec {
    const char *description; /* for the event sources, static */
    char *const *argv;       /* argv[0] is the path to execute; no search, no shell */
    char *const *env;
    const int *fds; /* given to the child as 3, 4, …; the caller keeps them */
    size_t n_fds;

    /* It keeps, of ours, only these (util/capabilities.h), and can get no more: unless it is all of
     * them, it also has no_new_privs. */
    uint64_t capabilities;

    const struct walls_spec *walls; /* that it is put behind, with no_new_privs; NULL for none */

    uint64_t timeout_usec; /* until SIGKILL to the whole group; 0 for none */

    /* Gets what the child writes to stdout and stderr, in any pieces; NULL leaves both as
     * /dev/null. */
    void (*on_output)(const char *bytes, size_t size, void *userdata);

    /* Called once, when the child is gone and its output has been delivered. May free the child. */
    void (*on_end)(enum child_end end, int status, void *userdata);
    void *userdata;
};

/*
 * Starts a child: stdin is /dev/null, no other descriptor is inherited, signals are reset, and it
 * dies with this process. Needs SIGCHLD blocked. Its cost does not depend on this process's size:
 * no memory is copied. Returns 0, or -errno, also when execve() itself failed.
 */
int child_new(sd_event *event, const struct child_spec *spec, struct child **ret);

/* Of the walls that it was to be put behind, those that this kernel cannot build: a sum of enum
 * walls_kind. */
unsigned child_lacks(const struct child *child);

/* Its deadline is so long from now, whatever it was before. Returns 0 or -errno. */
int child_set_timeout(struct child *child, uint64_t timeout_usec);

/* SIGKILL to its whole group; on_end follows. */
void child_kill(struct child *child);

/* If it still runs: kills its group and waits for it, without calling back. Takes and returns NULL.
 */
struct child *child_free(struct child *child);
DEFINE_CLEANUP(struct child *, child_free)
