/*
 * The files beside a laid-out image (layout.h) by which the routine on the chip brings the flash
 * up to it, and the one that says when. units/m4flash.tcl reads them and says what each is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "routine/routine.h"

struct packets_spec {
    const char *folder;            /* the laid-out image's */
    const struct routine *routine; /* NULL: there is none, OpenOCD does it all */
    uint32_t flash_start;          /* address of sector 0 */
    uint32_t flash_size;           /* bytes from there that are the sketch's */
    uint32_t sector_size;          /* bytes */
    uint32_t n_sectors;            /* that the image reaches */
    bool distrust;                 /* erase also what looks erased */
    const uint8_t *image;
    size_t image_size;
    const uint8_t *base; /* what the chip should hold, or size 0 */
    size_t base_size;
};

/* Writes what OpenOCD needs at its start. base does not count yet. Returns 0 or -errno. */
int packets_prepare(const struct packets_spec *spec);

/* Writes all packets, and then the file that lets OpenOCD go on. Returns 0 or -errno. */
int packets_permit(const struct packets_spec *spec);

/* Writes the file that has OpenOCD give up before it changes anything. Returns 0 or -errno. */
int packets_refuse(const struct packets_spec *spec);
