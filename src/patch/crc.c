/* CRC-32 a byte at a time. */
#include "patch/crc.h"

#define POLYNOMIAL UINT32_C(0xEDB88320) /* 0x04C11DB7 with its bits reflected */

void crc_table_init(uint32_t table[CRC_TABLE_ENTRIES])
{
    for (uint32_t i = 0; i < CRC_TABLE_ENTRIES; i++) {
        uint32_t remainder = i;

        for (int bit = 0; bit < 8; bit++)
            remainder = remainder >> 1 ^ (remainder & 1 ? POLYNOMIAL : 0);
        table[i] = remainder;
    }
}

static uint32_t add_byte(const uint32_t *table, uint32_t remainder, uint8_t byte)
{
    return table[(remainder ^ byte) & 0xFF] ^ remainder >> 8;
}

uint32_t crc32_more(const uint32_t table[CRC_TABLE_ENTRIES], uint32_t crc, const uint8_t *bytes,
                    size_t size)
{
    uint32_t remainder = ~crc;

    for (size_t i = 0; i < size; i++)
        remainder = add_byte(table, remainder, bytes[i]);
    return ~remainder;
}

uint32_t crc32_fill(const uint32_t table[CRC_TABLE_ENTRIES], uint32_t crc, uint8_t byte,
                    size_t count)
{
    uint32_t remainder = ~crc;

    for (size_t i = 0; i < count; i++)
        remainder = add_byte(table, remainder, byte);
    return ~remainder;
}

uint32_t crc32_of(const uint32_t table[CRC_TABLE_ENTRIES], const uint8_t *bytes, size_t size)
{
    return crc32_more(table, 0, bytes, size);
}
