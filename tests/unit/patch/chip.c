/* A flash that insists on being used as the chip's must be. */
#include "chip.h"

#include <string.h>

#include "patch/crc.h"

struct chip chip_new(uint32_t n_sectors, uint32_t sector_size, const uint8_t *image,
                     uint32_t image_size)
{
    uint32_t size = n_sectors * sector_size;
    struct chip chip = {sector_size, size, malloc(size), malloc(size / PLAN_FIRST)};

    assert_non_null(chip.flash);
    assert_non_null(chip.programmed);
    memset(chip.flash, 0xFF, size);
    memset(chip.programmed, true, size / PLAN_FIRST);
    if (image_size > 0)
        memcpy(chip.flash, image, image_size);
    return chip;
}

void chip_free(struct chip *chip)
{
    free(chip->flash);
    free(chip->programmed);
}
static void chip_erase(struct chip *chip, uint32_t at, uint32_t size)
{
    assert_int_equal(at % chip->sector_size, 0);
    assert_int_equal(size, chip->sector_size);
    memset(chip->flash + at, 0xFF, size);
    memset(chip->programmed + at / PLAN_FIRST, false, size / PLAN_FIRST);
}

static void chip_program(struct chip *chip, uint32_t at, const uint8_t *bytes, uint32_t size)
{
    assert_true(size == 0 || at % PLAN_FIRST == 0);
    for (uint32_t i = 0; i < size; i++) {
        bool *programmed = &chip->programmed[(at + i) / PLAN_FIRST];

        if (i % PLAN_FIRST == 0) {
            assert_false(*programmed);
            *programmed = true;
        }
        chip->flash[at + i] = bytes[i];
    }
}

static uint32_t word_at(const uint8_t *bytes, size_t index)
{
    bytes += 4 * index;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

void chip_take(struct chip *chip, const struct plan_packet *packet, const uint8_t *image)
{
    const struct packet header = {word_at(packet->bytes, 0), word_at(packet->bytes, 1),
                                  word_at(packet->bytes, 2), word_at(packet->bytes, 3),
                                  word_at(packet->bytes, 4), word_at(packet->bytes, 5)};
    uint32_t at = header.address - FLASH;
    const struct unpack_window window = {chip->flash, chip->size, at};
    uint32_t crc_table[CRC_TABLE_ENTRIES];
    _cleanup_free_ uint8_t *buffer = malloc(header.size + 1);

    assert_non_null(buffer);
    assert_memory_equal(&header, &packet->header, sizeof(header));
    assert_int_equal(packet->size, PACKET_HEADER_SIZE + header.packed_size);
    assert_true(header.skip <= header.size && header.size <= chip->sector_size);
    if (packet->raw)
        memcpy(buffer, image + packet->raw_offset, header.size);
    else
        assert_int_equal(unpack(packet->bytes + PACKET_HEADER_SIZE, header.packed_size, &window,
                                buffer, header.size),
                         0);
    crc_table_init(crc_table);
    assert_int_equal(crc32_of(crc_table, buffer, header.size), header.crc);
    if (header.erase > 0)
        chip_erase(chip, at, header.erase);
    chip_program(chip, at + header.skip, buffer + header.skip, header.size - header.skip);
}

bool chip_is_blank(const struct chip *chip, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (chip->flash[i] != 0xFF)
            return false;
    return true;
}
