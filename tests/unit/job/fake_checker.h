/* What the fake checker answers about the board of the tests, for itself and for who asks it. */
#pragma once

#include <m4flash/sketch.h>

enum {
    FAKE_SECTOR = 0x20000,
    FAKE_WINDOW = 0x100000,
    FAKE_IMAGE = FAKE_SECTOR + 5000, /* bytes of the image it makes up */
};

static const struct board fake_board = {
    .name = "fake",
    .flash = {.name = "flash", .start = 0x08100000, .size = FAKE_WINDOW},
    .sector_size = FAKE_SECTOR,
    .word_size = 32,
    .ram = {{.name = "RAM", .start = 0x10000000, .size = 0x48000}},
    .n_ram = 1,
    .stack_mask = 0xFF000000,
    .stack_value = 0x10000000,
};

/* A report about an image of so many bytes without gaps. */
static inline struct sketch_report fake_report(uint32_t image_size)
{
    struct sketch_report report = {
        .code = SKETCH_ACCEPTED,
        .image_size = image_size,
        .flash_used = image_size,
        .ram_used = 100,
        .stack_pointer = 0x10048000,
        .reset_vector = 0x08100199,
        .entry_point = 0x08100199,
    };

    for (uint32_t done = 0; done < image_size; report.sectors++) {
        uint32_t part = image_size - done < FAKE_SECTOR ? image_size - done : FAKE_SECTOR;
        report.sector_used[report.sectors] = part;
        done += part;
    }
    return report;
}

static inline uint8_t fake_byte(uint32_t i)
{
    static const uint8_t vectors[] = {0x00, 0x80, 0x04, 0x10, 0x99, 0x01, 0x10, 0x08};

    if (i < sizeof(vectors))
        return vectors[i]; /* as the report has them */
    return (uint8_t)(i * 7 / 5);
}
