/*
 * CRC-32 as zlib, Ethernet and PNG have it: polynomial 0x04C11DB7, bits reflected, begun with and
 * inverted at the end by ~0. The check value, of "123456789", is 0xCBF43926. Freestanding: the
 * routine on the chip uses it too, and has no place for a table but what its caller gives it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    CRC_TABLE_ENTRIES = 256,
};

void crc_table_init(uint32_t table[CRC_TABLE_ENTRIES]);

/* The CRC of bytes, with a table that crc_table_init() filled. That of no byte is 0. */
uint32_t crc32_of(const uint32_t table[CRC_TABLE_ENTRIES], const uint8_t *bytes, size_t size);

/* The CRC of what crc is the CRC of, with these bytes behind it. */
uint32_t crc32_more(const uint32_t table[CRC_TABLE_ENTRIES], uint32_t crc, const uint8_t *bytes,
                    size_t size);

/* Likewise, with count times the same byte. */
uint32_t crc32_fill(const uint32_t table[CRC_TABLE_ENTRIES], uint32_t crc, uint8_t byte,
                    size_t count);
