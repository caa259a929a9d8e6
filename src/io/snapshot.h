/*
 * A private copy of an upload, taken before it is judged. What happens to the path afterwards
 * changes nothing: what was checked is what is programmed.
 *
 * Of a large upload, most of which is for debuggers, only what a verdict needs as a rule can be
 * copied at first. The rest is then filled in when it is asked for, so the copy is to be compared
 * with the file, once, before anything comes of it that cannot be taken back.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/file_key.h"
#include "util/cleanup.h"

struct snapshot {
    int fd; /* sealed memfd: its size cannot change, nor its content but for what is: */
    struct sketch_gap missing; /* not copied yet, all zero in fd; end 0: nothing */
    int source;                /* not whole yet: the file, to be compared; else -EBADF */
    uint64_t size;             /* bytes, of all of it */
    uid_t owner;               /* of the file that was read */
    bool linked; /* that file had more than one name: anybody may have given it this one */
};

/* What is to be copied at once. */
enum snapshot_extent {
    SNAPSHOT_WHOLE,
    SNAPSHOT_PARTS, /* of a large file its beginning and its end */
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
 * Returns an enum snapshot_result; *ret is set for SNAPSHOT_TAKEN only, for snapshot_free().
 * Returns -errno if the copy cannot be made for want of memory or descriptors.
 */
int snapshot_take(int dirfd, const char *name, uint64_t max_size, enum snapshot_extent extent,
                  struct snapshot **ret, struct file_key *ret_key);

/*
 * The same for a file that somebody has opened for us, and that no inotify tells of: it is busy
 * while its time stamps are set, too. What is no regular file is not read. Where fd stands does not
 * matter, and is left so. Never SNAPSHOT_GONE.
 */
int snapshot_take_fd(int fd, uint64_t max_size, struct snapshot **ret, struct file_key *ret_key);

/*
 * Copies what is missing up to an offset. Returns true, false if the file does not reach as far any
 * more, or -errno.
 */
int snapshot_fill(struct snapshot *snapshot, uint64_t up_to);

/*
 * Copies all that is missing, and compares all with the file. True: it holds what was copied, which
 * is whole now; so is, without looking, a snapshot that was taken whole. False: somebody has
 * written to the file since. Returns -errno if that cannot be found out.
 */
int snapshot_complete(struct snapshot *snapshot);

/* SHA-256 of the whole. Returns 0; -ESTALE if it cannot be completed any more; or -errno. */
int snapshot_digest(struct snapshot *snapshot, char ret[static SKETCH_DIGEST_HEX]);

/* True if the whole of a is the beginning of b (or equal to it). Returns -errno if one can't be
 * read. */
int snapshot_begins(struct snapshot *a, struct snapshot *b);

struct snapshot *snapshot_free(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot *, snapshot_free)
