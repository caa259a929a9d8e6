/*
 * What to send to a chip so that its flash holds a new image: the sectors that change, each as a
 * packet, in an order in which every packet finds the bytes that it copies. Pure.
 *
 * A sector is erased and written whole. The flash's first PLAN_FIRST bytes hold the vector table's
 * first words, without which nothing starts: they are erased before anything else is written if
 * their sector changes, and written last, so that a flash that is half written never starts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patch/packet.h"
#include "util/cleanup.h"

enum {
    PLAN_FIRST = 32, /* bytes that are written last: a flash word of the STM32H7 (RM0399, 4.3.9) */
};

struct plan_spec {
    const uint8_t *image; /* what the flash is to hold */
    uint32_t image_size;
    const uint8_t *base; /* what it is believed to hold; NULL: unknown */
    uint32_t base_size;
    uint32_t flash_start; /* address of the first byte of both */
    uint32_t sector_size; /* at least PLAN_FIRST */
    uint32_t packet_max;  /* bytes that the chip has room for, at least those of a header */
};

/* Behind the end of an image its sector is erased, 0xFF. */
struct plan_sector {
    uint32_t crc;      /* CRC-32 of the whole sector as it is to be */
    uint32_t base_crc; /* likewise, of the base; 0 without a base */
    bool changes;      /* always without a base */
};

struct plan_packet {
    struct packet header;
    uint8_t *bytes; /* the header, little endian, and the packed bytes: what to send */
    uint32_t size;  /* of both, at most packet_max */
    /* What to send before it, if it had been too large: header.size bytes of the image from
     * raw_offset on, for the chip's buffer. header.packed_size is 0 then. */
    bool raw;
    uint32_t raw_offset;
};

struct plan_work;

/*
 * With a base the packets are to be sent in their order, all of them, to a chip whose n_sectors
 * sectors all hold the base. Without one a packet needs nothing of the flash, so that those of
 * sectors that are right already can be left out; but if sector 0's is sent, so must be the last.
 */
struct plan {
    struct plan_sector *sectors; /* those that the image reaches into */
    uint32_t n_sectors;
    struct plan_packet *packets; /* sector 0's, the others' from the last one down, PLAN_FIRST's */
    uint32_t n_packets;          /* made so far */
    struct plan_work *work;      /* NULL once all packets are made */
};

/* The sectors, and no packet yet. Keeps nothing of the spec. Returns 0, or -ENOMEM. */
int plan_new(const struct plan_spec *spec, struct plan **ret);

/* Makes the next packet. Returns 1; 0 if there is none; or -ENOMEM, and the same packet is made
 * next. 128 KiB take milliseconds. */
int plan_step(struct plan *plan);

/* A plan with all its packets. Returns 0, or -ENOMEM. */
int plan_make(const struct plan_spec *spec, struct plan **ret);

void plan_free(struct plan *plan);
DEFINE_CLEANUP(struct plan *, plan_free)
#define _cleanup_plan_ _cleanup_(plan_freep)
