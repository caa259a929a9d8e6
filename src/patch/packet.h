/*
 * What the daemon's packets and the routine that runs on the chip have in common: the layout of a
 * packet. It fills, erases and writes one stretch of flash of at most a sector. Freestanding.
 *
 * A packet's file is this header and packed_size bytes behind it, in the format of unpack.h. The
 * words are little endian, as the chip reads them.
 */
#pragma once

#include <stdint.h>

enum {
    PACKET_HEADER_SIZE = 24,
};

struct packet {
    uint32_t address;     /* in flash, of the first byte */
    uint32_t size;        /* bytes that it builds */
    uint32_t crc;         /* CRC-32 of them, all size bytes */
    uint32_t skip;        /* the first bytes, at most size, that are not written now */
    uint32_t erase;       /* bytes to erase first from address on, or 0 */
    uint32_t packed_size; /* bytes behind this header; 0: the bytes are in the buffer already */
};

_Static_assert(sizeof(struct packet) == PACKET_HEADER_SIZE, "the chip and the daemon share this");
