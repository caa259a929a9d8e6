/*
 * A chip that takes packets, as the routine on the real one does. Its flash is erased a sector at a
 * time, programmed a flash word at a time and only once, and read as it is at that moment.
 */
#pragma once

#include "fixture.h"
#include "patch/plan.h"

struct chip {
    uint32_t sector_size;
    uint32_t size;
    uint8_t *flash;
    bool *programmed; /* by flash word, since it was erased */
};

/* One that holds an image, and whose flash words are all programmed. */
struct chip chip_new(uint32_t n_sectors, uint32_t sector_size, const uint8_t *image,
                     uint32_t image_size);
void chip_free(struct chip *chip);
#define _cleanup_chip_ _cleanup_(chip_free)

/* Unpacks, compares the CRC, erases and programs; any failure fails the test. A raw packet's bytes
 * are taken from the image. */
void chip_take(struct chip *chip, const struct plan_packet *packet, const uint8_t *image);

/* True if the flash's first size bytes are erased. */
bool chip_is_blank(const struct chip *chip, uint32_t size);
