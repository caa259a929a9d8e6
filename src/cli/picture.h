/* The map of an accepted sketch as a picture: sectors, RAM, and the biggest symbols. */
#pragma once

#include <m4flash/sketch.h>

#include "cli/changes.h"
#include "cli/screen.h"

enum {
    PICTURE_COLUMNS_MIN = 24, /* a narrower terminal gets lines that it breaks */
    PICTURE_COLUMNS_MAX = 80, /* a wider one, and what is none, gets a picture of this width */
};

struct picture {
    const struct board *board;
    const struct sketch_report *report;
    const struct sketch_map *map;
    const struct changes *changes;
};

/*
 * Pure. Lines that end with newlines, in ASCII unless the screen has UTF-8, and with escape
 * sequences only if it has colours. NULL if there is no memory; for the caller to free.
 */
char *picture_render(const struct picture *picture, const struct screen *screen);
