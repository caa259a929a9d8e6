/*
 * What `m4flash wait --follow --json` on a board prints, as it arrives through adb or ssh: the
 * lines may end with CR LF, and what the board says on standard error may stand between them. Pure.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/json_value.h"

enum {
    RELAY_SCRIPT_MAX = 512, /* bytes of a script with its NUL */
};

enum relay_kind {
    RELAY_PROGRESS, /* *ret is a view of the job */
    RELAY_ENDING,   /* *ret is its outcome, or why there is none */
    RELAY_STATUS,   /* the script has ended; *ret_status is the exit status of what it ran */
    RELAY_NO_COPY,  /* the script has ended: the sketch could not be written */
    RELAY_OTHER,
};

/* size bytes of a line, with or without its end. *ret is for the caller to put, or NULL. */
enum relay_kind relay_read(const char *line, size_t size, struct json_object **ret,
                           unsigned *ret_status);

/*
 * The commands for the board's shell: wait for the upload with this digest, and tell the exit
 * status, which old adbd do not. With copies_to, what is on standard input is written there first.
 * Every word is one of ours, so that nothing needs quoting. Returns ret.
 */
char *relay_script(const char sha256[static SKETCH_DIGEST_HEX], uint64_t timeout_usec,
                   const char *copies_to, char ret[static RELAY_SCRIPT_MAX]);
