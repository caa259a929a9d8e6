/*
 * Watches one file name in one folder, for as long as the daemon lives: the folder may be missing,
 * removed, recreated, renamed, or hidden by a mount at any time. Tells what happens to the name;
 * reads nothing.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "util/cleanup.h"

enum watch_event {
    WATCH_CREATED,    /* a new file: its content is to come */
    WATCH_COMPLETE,   /* closed after writing, moved or linked into place, or not a regular file */
    WATCH_WRITTEN,    /* its content changed */
    WATCH_ATTRIBUTES, /* its time stamps, owner or mode changed */
    WATCH_GONE,       /* deleted or moved away */
    WATCH_RESCAN,     /* events were lost or the folder is another one: look for yourself */
    WATCH_REFUSED,    /* something that is not a folder (a link, say) stands in its place */
};

struct watch;

/* Must not free the watch. */
typedef void (*watch_callback_t)(enum watch_event what, void *userdata);

/*
 * Begins to watch directory (absolute) for name. The callback comes from the event loop only, so
 * the caller looks once by itself after this. Returns 0 or -errno; a missing folder is no error.
 */
int watch_new(sd_event *event, const char *directory, const char *name, watch_callback_t callback,
              void *userdata, struct watch **ret);

/*
 * Opens the folder that is being watched (O_PATH), for openat() and its like; the caller closes it
 * soon. Returns a descriptor; -ENOENT if there is none now; or -errno.
 */
int watch_open(const struct watch *watch);

/* True if something that is not a folder stood in the inbox's place at the last look. */
bool watch_is_refused(const struct watch *watch);

struct watch *watch_free(struct watch *watch);
DEFINE_CLEANUP(struct watch *, watch_free)
