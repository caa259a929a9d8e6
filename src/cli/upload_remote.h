/* From a PC: copies a sketch to a board, and has the board's own m4flash tell what becomes of it.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdint.h>

#include "cli/output.h"

struct upload {
    const char *path;
    char sha256[SKETCH_DIGEST_HEX]; /* of the file when it was checked */
    uint64_t timeout_usec;          /* for the outcome; UINT64_MAX: none */
};

/* With Debian's or Android's adb; serial is one of `adb devices`, NULL for the only board. Returns
 * the exit status, as the next. */
enum status upload_over_adb(const struct upload *upload, const char *serial, struct output *output);

/* With ssh, in one connection; host as ssh(1) takes it. */
enum status upload_over_ssh(const struct upload *upload, const char *host, struct output *output);
