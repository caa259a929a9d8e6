/*
 * Packs a stretch of flash into the format of unpack.h, as copies from what the chip has already
 * and bytes that it has not.
 */
#pragma once

#include "patch/unpack.h"

/*
 * Packs size bytes for a chip whose flash holds what the window says when they are unpacked.
 * Returns 0 with the packed bytes in *ret, which the caller frees (NULL if there are none); or
 * -ENOMEM.
 *
 * Needs about 5 bytes of memory for each of the window and of the bytes while it works. The time
 * for a byte is bounded, whatever the bytes: 128 KiB take milliseconds.
 */
int pack(const struct unpack_window *flash, const uint8_t *bytes, uint32_t size, uint8_t **ret,
         uint32_t *ret_size);

/* The most bytes that size bytes can take when packed. */
uint32_t pack_bound(uint32_t size);
