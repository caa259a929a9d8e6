/* The decoder, the same on the chip and here. Sums are taken modulo 2^32, and judged afterwards. */
#include "patch/unpack.h"

#include <stdbool.h>

struct reader {
    const uint8_t *next;
    uint32_t left;
};

struct writer {
    uint8_t *next;
    uint32_t left;
};

struct source {
    bool flash;     /* or the output itself */
    uint32_t shift; /* from a place in the output to the one that is copied to it */
};

/* 0, with the number added to *value; or -1. */
static int read_number(struct reader *in, uint32_t *value)
{
    for (unsigned int bits = 0; bits < 32 && in->left > 0; bits += 7) {
        uint8_t byte = *in->next++;

        in->left--;
        *value += (uint32_t)(byte & 0x7F) << bits;
        if (byte < 0x80)
            return 0;
    }
    return -1;
}

/* Copies n bytes, of those below limit, from place on. Returns 0, or -1 if they are not all there
 * or there is no room for them. */
static int copy(struct writer *out, const uint8_t *bytes, uint32_t limit, uint32_t place,
                uint32_t n)
{
    if (n == 0)
        return 0;
    if (n > out->left || place > limit || n > limit - place)
        return -1;
    out->left -= n;
    for (bytes += place; n > 0; n--)
        *out->next++ = *bytes++;
    return 0;
}

int unpack(const uint8_t *packed, uint32_t packed_size, const struct unpack_window *flash,
           uint8_t *bytes, uint32_t size)
{
    struct reader in = {packed, packed_size};
    struct writer out = {bytes, size};
    struct source source = {true, flash->offset}, other = source;
    uint32_t flash_shift = flash->offset;

    while (in.left > 0) {
        uint8_t token = *in.next++, choice = token >> 6;
        uint32_t literals = token >> 4 & UNPACK_LITERALS_MAX, length = token & UNPACK_LENGTH_MAX;

        in.left--;
        if (literals == UNPACK_LITERALS_MAX && read_number(&in, &literals) < 0)
            return -1;
        if (length == UNPACK_LENGTH_MAX && read_number(&in, &length) < 0)
            return -1;
        if (choice != UNPACK_AGAIN) {
            struct source last = source;

            source = other;
            other = last;
        }
        if (choice >= UNPACK_FLASH) {
            uint32_t number = 0;

            if (read_number(&in, &number) < 0)
                return -1;
            length += UNPACK_MIN;
            source.flash = choice == UNPACK_FLASH;
            if (source.flash)
                flash_shift += number >> 1 ^ -(number & 1);
            source.shift = source.flash ? flash_shift : ~number;
        }

        if (copy(&out, in.next, in.left, 0, literals) < 0)
            return -1;
        in.next += literals;
        in.left -= literals;

        uint32_t at = size - out.left, place = at + source.shift;
        /* What the copy itself writes can be read too, if its first byte is there. */
        uint32_t built = place < at ? size : 0;
        if (copy(&out, source.flash ? flash->bytes : bytes, source.flash ? flash->size : built,
                 place, length) < 0)
            return -1;
    }
    return out.left == 0 ? 0 : -1;
}
