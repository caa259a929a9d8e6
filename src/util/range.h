/*
 * Ranges of the 32-bit address space and of files, computed in 64 bits so that no sum can wrap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* size bytes from start; the end may be 2^32, which is why it is not a uint32_t. */
struct range {
    uint64_t start;
    uint64_t size;
};

static inline uint64_t range_end(struct range r)
{
    return r.start + r.size;
}

static inline bool range_contains(struct range r, uint64_t address)
{
    return address >= r.start && address - r.start < r.size;
}

/* True if inner lies wholly in outer; an empty inner does if its start does, or is outer's end. */
static inline bool range_covers(struct range outer, struct range inner)
{
    return inner.start >= outer.start && range_end(inner) <= range_end(outer);
}

/* True if the two share at least one byte. */
static inline bool range_overlaps(struct range a, struct range b)
{
    return a.size > 0 && b.size > 0 && a.start < range_end(b) && b.start < range_end(a);
}
