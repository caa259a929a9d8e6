/*
 * What a child can no longer do, whoever it is and whatever it is made to run: change files, and
 * make sockets. Made in the parent; the child shuts itself in, between clone() and execve(), with
 * system calls only.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

enum walls_kind {
    WALLS_FILES = 1 << 0,   /* no file is changed, made or removed, but where it is permitted */
    WALLS_SOCKETS = 1 << 1, /* no socket is made, or a local one (AF_UNIX) at most */
};

struct walls_spec {
    /* What may be changed all the same. NULL ends either list; what is not there is passed over. */
    const char *const *devices; /* files, and folders of files, that may be written to; /dev/null
                                 * always may */
    const char *const *folders; /* in which anything may be made and removed, besides */
    bool local_sockets;
};

struct walls {
    int rules; /* Landlock's, or -EBADF: not on this kernel */
    bool local_sockets;
};

/* Returns 0, or -errno; a kernel that lacks something is no error. */
int walls_make(const struct walls_spec *spec, struct walls *ret);
void walls_done(struct walls *walls);

/* From here on they are around this process. Sets no_new_privs. Returns the kinds that could not be
 * had, a sum of enum walls_kind, or -errno. */
int walls_enter(const struct walls *walls);
