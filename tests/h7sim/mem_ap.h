/* A memory access port: one window of the debug port onto a bus. Register names and bits: ADIv5.2
 * specification, chapter C2. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chip.h"

struct mem_ap {
    uint32_t csw, tar;
};

/* Accesses the register at offset (0x00 to 0xFC) of access port ap. False: the bus answered with an
 * error; *ret is 0 then. */
bool mem_ap_read(struct mem_ap *port, struct chip *chip, unsigned ap, uint32_t offset,
                 uint32_t *ret);
bool mem_ap_write(struct mem_ap *port, struct chip *chip, unsigned ap, uint32_t offset,
                  uint32_t value);
