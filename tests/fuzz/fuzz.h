/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(); libFuzzer drives
 * it (scripts/fuzz), or replay.c, which only runs it over files that are there already.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes any bytes whatever and returns 0, always: what is wrong ends in abort(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true of the code under test whatever the input. Not assert(): it counts always. */
#define CLAIM(claim)                                                              \
    do {                                                                          \
        if (!(claim)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim); \
            abort();                                                              \
        }                                                                         \
    } while (0)

/* The Portenta X8, from its profile in units/boards/. Read once. */
const struct board *fuzz_board(void);

/* One line of printable ASCII with its end within size bytes. */
void claim_text(const char *text, size_t size);
