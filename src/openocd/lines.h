/*
 * OpenOCD's output in pieces of any size, put together to lines. Bounded: of a line that is too
 * long the beginning is delivered and the rest dropped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    LINES_MAX = 1024, /* bytes of a line, with its NUL */
};

/* Gets each line, without its end: a tab is a blank, any other byte that is no part of a printable
 * character (util/utf8.h) a '?'. */
typedef void (*lines_callback_t)(const char *line, void *userdata);

struct lines {
    char buffer[LINES_MAX];
    size_t used;
    bool overlong; /* in the dropped rest of a line */
};

/* Takes size bytes; calls back for each line they complete (ends: LF, CR LF; empty lines are
 * skipped). */
void lines_feed(struct lines *lines, const char *bytes, size_t size, lines_callback_t callback,
                void *userdata);

/* The end of the output: delivers a last line that has no end. */
void lines_finish(struct lines *lines, lines_callback_t callback, void *userdata);
