/*
 * An input of the target "unpack": two little-endian 16-bit numbers, the bytes to be built and the
 * place in the window of flash from which they are counted; then the packed stream.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    UNPACK_INPUT_HEAD = 4,
    UNPACK_INPUT_WINDOW = 1024, /* bytes of flash */
};

/* The window's content: every run of four bytes in it is there only once. */
static inline void unpack_input_window(uint8_t window[static UNPACK_INPUT_WINDOW])
{
    uint32_t state = 1;

    for (size_t i = 0; i < UNPACK_INPUT_WINDOW; i++) {
        state = state * 1664525 + 1013904223; /* Numerical Recipes' generator */
        window[i] = (uint8_t)(state >> 24);
    }
}
