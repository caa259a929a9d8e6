/* How far a job is, and how that looks in text. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/json_value.h"
#include "cli/screen.h"

enum {
    PROGRESS_WORD_MAX = 16,  /* bytes of a state or stage with its NUL */
    PROGRESS_TEXT_MAX = 512, /* bytes that hold any line of either format, with its NUL */
    PROGRESS_BAR_MAX = 40,   /* characters of the bar, however wide the terminal */
};

struct progress {
    uint64_t id;
    char state[PROGRESS_WORD_MAX]; /* as the bus has it */
    char stage[PROGRESS_WORD_MAX]; /* "" unless it is being programmed */
    unsigned percent;              /* at most 100: of bytes_total */
    uint64_t left_ms;              /* estimated; UINT64_MAX: not known */
    uint64_t bytes;                /* of the upload */
    uint64_t image_bytes, sectors; /* 0 until it is accepted */
    uint64_t bytes_done, bytes_total;
};

/*
 * Makes what is told of a job: what the bus says of it, plus "stage" and "progress" of the
 * service's status (which speak of the job that is being programmed), and "left_ms" if there is an
 * estimate: entries are the history, by which total_ms is estimated. A fresh object, or NULL
 * without memory.
 */
struct json_object *progress_view(struct json_object *job, struct json_object *status,
                                  struct json_object *entries);

/* How long such a job takes from its upload on: as this same upload did the last time, else the
 * median of the last few that were programmed. UINT64_MAX if nothing is known. */
uint64_t progress_estimate_ms(struct json_object *entries, const char *sha256);

/* Reads a view. What is missing or no good is "" or 0. */
struct progress progress_read(struct json_object *view);

/* False if a line about now would say nothing new to a reader of the line about before. */
bool progress_is_news(const struct progress *before, const struct progress *now);

/* "Job 3: write, 40% of 952 bytes, 1 sector, about 2 s left". Returns ret. */
char *progress_format_line(const struct progress *progress, char ret[static PROGRESS_TEXT_MAX]);

/* The same with a bar; never wider than the screen, whose columns are more than 0. Returns ret. */
char *progress_format_bar(const struct progress *progress, const struct screen *screen,
                          char ret[static PROGRESS_TEXT_MAX]);
