/*
 * The packed form of a stretch of flash, and its decoder. Freestanding and small, since the routine
 * on the chip contains it; it trusts nothing, since a debug probe's wire is no checksum.
 *
 * A packed stream is a run of tokens until all bytes are built. A token is, in this order:
 *
 *   1 byte    bits 7-6: where the copy comes from; bits 5-4: literals; bits 3-0: length of the copy
 *   number    if the literals' bits are 3: literals above 3
 *   number    if the length's bits are 15: length above 15
 *   number    the copy's source, if it is UNPACK_FLASH or UNPACK_BUFFER
 *   bytes     the literals, which go to the output before the copy
 *
 * A number is unsigned LEB128 of at most 32 bits. The copy's length is UNPACK_MIN more than the
 * token says, but for UNPACK_AGAIN. A source is a distance that stays the same while the output
 * grows, so that one changed word amid unchanged bytes costs a token and its literals:
 *
 *   UNPACK_AGAIN   the source of the token before. At first: the flash where the output will lie.
 *   UNPACK_OTHER   the last source before that one which was a different choice; the two change
 *                  places. At first it is the same as above.
 *   UNPACK_FLASH   flash at another place than the last UNPACK_FLASH: further up by the number if
 *                  it is even (halved), else down (half of one more). Begins as UNPACK_AGAIN does.
 *   UNPACK_BUFFER  the output itself, the number and 1 bytes before; copies may overlap themselves.
 *
 * Every length counts and every byte is used: a stream with tokens left, or bytes too few or too
 * many, is malformed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    UNPACK_AGAIN,
    UNPACK_OTHER,
    UNPACK_FLASH,
    UNPACK_BUFFER,

    UNPACK_MIN = 3,
    UNPACK_LITERALS_MAX = 3,
    UNPACK_LENGTH_MAX = 15,
};

/* The flash that copies may come from. size may be 0: then none can. */
struct unpack_window {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t offset; /* in it, of the first byte to be built, before it is erased */
};

/*
 * Builds exactly size bytes, which overlap neither the packed bytes nor the window. Returns
 * 0, or -1 if the stream is malformed or points outside the window or before the bytes, which then
 * hold anything. Never reads or writes outside of what it is given.
 */
int unpack(const uint8_t *packed, uint32_t packed_size, const struct unpack_window *flash,
           uint8_t *bytes, uint32_t size);
