/*
 * Runs a product's own programs before and after the chip is programmed (field use: stop and start
 * m4-proxy): the executables of a folder, one after the other, in the order of their names (bytes).
 *
 * They run as we do, often as root, so only what root or we ourselves own, and nobody else may
 * write, is run; so for the folder. Also passed over, each with a line that says so: what is not
 * executable, no regular file (a link to one is), hidden, an editor's or package manager's
 * leftover, or has no printable name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "util/cleanup.h"

struct hooks;

enum {
    HOOKS_LINES_MAX = 256, /* of each hook's output; more would make journald drop our own lines */
};

enum hook_end {
    HOOK_SUCCEEDED,
    HOOK_EXITED,      /* status is the exit status, not 0 */
    HOOK_SIGNALED,    /* status is the signal */
    HOOK_TIMED_OUT,   /* and was killed */
    HOOK_NOT_STARTED, /* status is an errno; also for a folder that cannot be read */
};

struct hooks_result {
    const char *hook;  /* name of the first that failed, or the folder; NULL if none failed */
    enum hook_end end; /* HOOK_SUCCEEDED if none failed */
    int status;
};

struct hooks_spec {
    const char *directory;  /* absolute, printable; a missing one is an empty one */
    const char *const *env; /* "NAME=value", …, NULL; without PATH, which is added */
    uint64_t timeout_usec;  /* for each hook; 0 for none */
    bool stop_at_failure;   /* else all are run whatever happens, and failures are told as lines */

    /*
     * Gets the lines of a hook's stdout and stderr (printable, at most LINES_MAX bytes; priority
     * LOG_INFO), and phrases about it: passed over, failed, wrote too much (LOG_WARNING; LOG_INFO
     * for a leftover). hook is its name, which is printable, or the folder.
     */
    void (*on_line)(int priority, const char *hook, const char *line, void *userdata);

    /* Called once, when the last one is gone. May free the hooks, and result's name with them. */
    void (*on_end)(const struct hooks_result *result, void *userdata);
    void *userdata;
};

/*
 * Begins in the event loop's next turn; nothing is called back before. Of what is left in a hook's
 * process group when it ends nothing stays alive. spec and what it points to are copied. Needs
 * SIGCHLD blocked. Returns 0 or -errno.
 */
int hooks_new(sd_event *event, const struct hooks_spec *spec, struct hooks **ret);

/* Kills the hook that runs, if any, and does not call back. Takes and returns NULL. */
struct hooks *hooks_free(struct hooks *hooks);
DEFINE_CLEANUP(struct hooks *, hooks_free)

/* What became of a hook, as a phrase to stand behind its name: "failed with exit status 1", "took
 * too long and was killed". Returns ret. */
char *hooks_result_format(const struct hooks_result *result, char *ret, size_t size);
