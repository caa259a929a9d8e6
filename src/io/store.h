/*
 * The images that must survive a power cut: what is installed on the chip, what was before it, and
 * what is being programmed. Each is one file with its own digest, replaced whole; what does not
 * hold together is set aside and never trusted.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/file_key.h"
#include "util/cleanup.h"

enum store_slot {
    STORE_INSTALLED, /* programmed and verified last */
    STORE_PREVIOUS,  /* installed before that, and another one */
    STORE_PENDING,   /* to be programmed: durable before the first erase */
    _STORE_SLOT_MAX,
};

const char *store_slot_name(enum store_slot slot);

struct store_image {
    uint64_t job_id;
    char sha256[SKETCH_DIGEST_HEX];       /* of the upload, or "" */
    char image_sha256[SKETCH_DIGEST_HEX]; /* of the image */
    int64_t time_msec;                    /* when it was stored, since the epoch */
    uint8_t *image;                       /* malloc'ed */
    uint32_t image_size;                  /* bytes, more than 0 */
};

/* Frees the image, not the struct. */
void store_image_clear(struct store_image *image);

enum store_result {
    STORE_FOUND,
    STORE_ABSENT,
    STORE_CORRUPT, /* it was there, did not hold together, and is now SLOT.corrupt */
};

/*
 * Reads a slot's image of at most max_size bytes. Returns an enum store_result, with *ret filled
 * for STORE_FOUND only; or -errno if it cannot be read.
 */
int store_load(int dirfd, enum store_slot slot, uint32_t max_size, struct store_image *ret);

/* The same for who only looks: changes nothing, and leaves what is corrupt where it is. */
int store_peek(int dirfd, enum store_slot slot, uint32_t max_size, struct store_image *ret);

/* Writes a slot, durably, over what was there. Returns 0 or -errno with the old one in place. */
int store_save(int dirfd, enum store_slot slot, const struct store_image *image);

/* Removes a slot, durably. Returns 0, also if there was none, or -errno. */
int store_remove(int dirfd, enum store_slot slot);

/*
 * The pending image was programmed and verified: it becomes the installed one, and the installed
 * one the previous one unless they are the same. Can be repeated after a power cut at any point.
 * Returns 0 or -errno.
 */
int store_promote(int dirfd, uint32_t max_size);

/* True if the slot holds a whole image with this digest. */
bool store_holds(int dirfd, enum store_slot slot, uint32_t max_size, const char *image_sha256);

/* ---- The intent record: programming has begun and not ended --------------------------------- */

struct store_intent {
    uint64_t job_id;
    enum store_slot slot;                 /* what the chip is to hold: pending or installed */
    char image_sha256[SKETCH_DIGEST_HEX]; /* of the image in that slot, or "" if there is none */
    unsigned attempts;                    /* to recover, begun so far, over all starts */
    char file[FILE_KEY_TEXT_MAX];         /* the upload's file (file_key_format()), or "" */
};

/* 1 if there is an intent record, whatever is in it, 0 if there is none, or -errno. */
int store_has_intent(int dirfd);

/* As store_load(), store_save() and store_remove(). */
int store_load_intent(int dirfd, struct store_intent *ret);
int store_save_intent(int dirfd, const struct store_intent *intent);
int store_remove_intent(int dirfd);
