/*
 * A private copy of an upload, taken before it is judged. What happens to the path afterwards
 * changes nothing: what was checked is what is programmed.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/advance.h"
#include "io/file_key.h"
#include "util/cleanup.h"

struct snapshot {
    int fd;        /* sealed memfd: neither content nor size can change; read-only for everybody */
    int source;    /* made of an advance: the file, to be compared; else -EBADF */
    uint64_t size; /* bytes */
    uid_t owner;   /* of the file that was read */
    bool linked;   /* that file had more than one name: anybody may have given it this one */
};

enum snapshot_result {
    SNAPSHOT_TAKEN,
    SNAPSHOT_GONE,        /* there is no such file (any more) */
    SNAPSHOT_BUSY,        /* it changed during each try */
    SNAPSHOT_NOT_REGULAR, /* a link, folder, FIFO, socket or device; it was not opened */
    SNAPSHOT_UNREADABLE,
    SNAPSHOT_TOO_LARGE,
};

/*
 * Copies dirfd/name if it is a regular file (links are not followed) of at most max_size bytes.
 * *ret_key is the source's, for every result but SNAPSHOT_GONE. A change during the copy shows in
 * the source's time stamps, unless it falls into the clock tick of the change before it, or
 * somebody sets them afterwards, as adb does right behind its close: who needs to be certain also
 * asks inotify. Nothing is locked meanwhile: an uploader never notices the reader.
 *
 * advance: what was copied before, or NULL. If it is of this file it is used, and emptied: the
 * snapshot is to be compared then.
 *
 * Returns an enum snapshot_result; *ret is set for SNAPSHOT_TAKEN only, for snapshot_free().
 * Returns -errno if the copy cannot be made for want of memory or descriptors.
 */
int snapshot_take(int dirfd, const char *name, uint64_t max_size, struct advance *advance,
                  struct snapshot **ret, struct file_key *ret_key);

/*
 * The same for a file that somebody has opened for us, and that no inotify tells of: it is busy
 * while its time stamps are set, too. What is no regular file is not read. Where fd stands does not
 * matter, and is left so. Never SNAPSHOT_GONE.
 */
int snapshot_take_fd(int fd, uint64_t max_size, struct snapshot **ret, struct file_key *ret_key);

/*
 * Does the file hold now what was copied? True, without looking, of a snapshot that was made in one
 * go. Returns -errno if that cannot be found out.
 */
int snapshot_is_true(const struct snapshot *snapshot);

/* SHA-256 of what was copied. Returns 0, or -errno if it can't be read. */
int snapshot_digest(const struct snapshot *snapshot, char ret[static SKETCH_DIGEST_HEX]);

/* True if the whole of a is the beginning of b (or equal to it). Returns -errno if one can't be
 * read. */
int snapshot_begins(const struct snapshot *a, const struct snapshot *b);

struct snapshot *snapshot_free(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot *, snapshot_free)
