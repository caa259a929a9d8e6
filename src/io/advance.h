/*
 * The beginning of a snapshot, copied while the upload is still being written, so that little is
 * left to copy when it is complete. Nobody tells where a write goes to, so what was copied may have
 * been overwritten since: a snapshot that was made of this is to be compared with the file
 * (snapshot_is_true()) before anything comes of it that cannot be taken back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "util/cleanup.h"

struct advance {
    int source;    /* the file, open for reading */
    int fd;        /* memfd with what was copied */
    uint64_t size; /* bytes of that */
};

/* Of dirfd/name, which must be a regular file; links are not followed. Nothing is copied yet.
 * Returns 0 or -errno. */
int advance_new(int dirfd, const char *name, struct advance **ret);

/*
 * Copies what has been written behind what was copied; all of it anew if the file has become
 * shorter. Returns 0; -EFBIG if it has become longer than max_size; or -errno. What failed is not
 * to be gone on with.
 */
int advance_go_on(struct advance *advance, uint64_t max_size);

/*
 * Is this the beginning of that file, as far as a look at its first page tells? Linkers write that
 * last, above all.
 */
bool advance_fits(const struct advance *advance, const struct stat *status);

struct advance *advance_free(struct advance *advance);
DEFINE_CLEANUP(struct advance *, advance_free)
