/*
 * The text form of a board profile (units/boards/NAME.conf): the one place that knows a board's
 * map. units/boards/portenta-x8.conf shows every section and key.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>

#include "config/complaint.h"

/* Bytes of a profile's text at most, for whoever reads it from a file. */
enum { BOARD_PROFILE_SIZE_MAX = 64 * 1024 };

/*
 * Reads a profile. Unlike a setting, a profile is trusted whole or not at all: anything unknown,
 * missing or contradictory is told to complain and the result is -EINVAL. Returns 0, -EINVAL or
 * -ENOMEM.
 */
int board_parse(const char *text, size_t size, const char *file, config_complain_t complain,
                void *userdata, struct board *ret);
