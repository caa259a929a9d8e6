/*
 * What the tests of packing share: bytes of several kinds, the same at every run, and memory with
 * nothing readable right behind or right before it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* After what it needs: */
#include <cmocka.h>

#include "patch/unpack.h"
#include "util/cleanup.h"

enum {
    FLASH = 0x08100000,
    SECTOR = 0x20000,
};

/* A sequence of its own, so that a failure can be had again: xorshift32. */
uint32_t next_random(uint32_t *seed);

void fill_random(uint8_t *bytes, size_t size, uint32_t *seed);

/* Like a compiler's output: a few hundred instructions again and again, with other operands. */
void fill_code(uint8_t *bytes, size_t size, uint32_t *seed);

/* An edit: some words changed, an insertion, a part removed, a part of another image. */
void edit(uint8_t *bytes, size_t *size, size_t max, uint32_t *seed);

/* max bytes between two pages that cannot be touched. */
struct arena {
    uint8_t *map;
    size_t max;
};

struct arena arena_new(size_t max);
void arena_free(struct arena *arena);
#define _cleanup_arena_ _cleanup_(arena_free)

/* size bytes of it: at its very end, or at its very start. */
uint8_t *arena_place(const struct arena *arena, size_t size, bool at_end);

/* Packs, checks the bound of the packed size, and unpacks between guards. Returns the packed size;
 * fails the test unless the bytes are the same again. */
uint32_t round_trip(const struct unpack_window *flash, const uint8_t *bytes, uint32_t size);
