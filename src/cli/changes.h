/* What an upload now would change on this machine's chip, by the daemon's record of it. */
#pragma once

#include <m4flash/sketch.h>

struct changes {
    const char *unknown;               /* why they are not known; NULL: they are */
    char installed[SKETCH_DIGEST_HEX]; /* SHA-256 of the image that the chip holds, or "" */
    bool sectors[BOARD_SECTORS_MAX];   /* those that do not hold yet what the sketch has for them */
};

/*
 * Compares a sketch's flash image with the installed one. Only reads, and not from the chip: where
 * the record cannot be read, or the chip may hold something else, the changes are not known.
 * Returns 0, or -ENOMEM.
 */
int changes_find(const char *state_dir, const struct board *board, const uint8_t *image,
                 uint32_t image_size, struct changes *ret);
