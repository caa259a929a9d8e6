/* One file's verdict, made in verdict.c and shown by verdict_print_text() or verdict_print_json().
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdint.h>

#include "cli/arguments.h"
#include "cli/changes.h"
#include "cli/signed.h"

struct verdict {
    struct sketch_report report;
    struct sketch_map map;                /* all zero unless accepted */
    struct changes changes;               /* likewise */
    struct signed_by signature;           /* all zero if the file was not read */
    uint64_t bytes;                       /* the file's size */
    char sha256[SKETCH_DIGEST_HEX];       /* "" if the file was not read */
    char image_sha256[SKETCH_DIGEST_HEX]; /* "" unless accepted */
};

/*
 * Judges the file at path, a symbolic link being followed, since whoever runs the command chose it.
 * What is no regular file is not even opened, and the file is read into memory first, so that
 * nothing that others do to it meanwhile can harm. By the policy it may have to be signed; a
 * signature beside it counts if it has_detached a way of being uploaded too. In state_dir is the
 * daemon's record of what is installed, which need not be there (NULL: it is not asked for).
 * Returns 0 whatever the verdict; -ENOENT and the like if there is no such file, -ENOMEM.
 */
int verdict_of_file(const struct board *board, const char *path, const struct policy *policy,
                    bool has_detached, const char *state_dir, struct verdict *ret);

/*
 * Both print to standard output; file is a printable form of the file's name. A picture
 * (picture_render(), or NULL) takes the place of the lines about flash and RAM.
 */
void verdict_print_text(const struct verdict *verdict, const struct board *board, const char *file,
                        const char *picture);

/* One JSON object on one line, its fields documented in `m4flash check --help`. Returns 0 or
 * -ENOMEM.
 */
int verdict_print_json(const struct verdict *verdict, const struct board *board, const char *file);

/* The same for a file of which there is no verdict, with message saying why. */
int verdict_print_json_error(const struct board *board, const char *file, const char *message);
