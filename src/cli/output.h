/*
 * What a command that follows a job shows on standard output. Three forms: a bar that is drawn anew
 * on a terminal; a line for each step elsewhere; with --json one JSON object a line. Whatever the
 * form, the outcome comes last.
 */
#pragma once

#include "cli/ending.h"
#include "cli/progress.h"

struct output {
    bool json;
    struct screen screen;
    struct progress shown; /* what was shown last; id 0: nothing */
    bool drawn;            /* the cursor is behind a bar */
};

struct output output_new(bool json);

/* A job goes on (progress_view()). */
void output_progress(struct output *output, struct json_object *view);

/* A remark that is no result: on standard error. */
void output_note(struct output *output, const char *format, ...) _printf_(2, 3);

/* What another machine said, printable, as it is: on standard error. */
void output_remark(struct output *output, const char *text);

/* A job has ended, and others may follow: the text alone. */
void output_ending(struct output *output, struct json_object *entry);

/*
 * The end: the outcome, and the last line for programs. subject is what it is about, NULL for the
 * job by its number. Returns the exit status, by ending_status().
 */
enum status output_end(struct output *output, struct json_object *entry, const char *subject,
                       const char *sha256);

/* The last line for programs, where all else has been told: as JSON, the entry itself. */
void output_last(struct output *output, struct json_object *entry);

/* The end without an outcome: told on standard error, and the last line. Returns the exit status,
 * which is STATUS_ERROR. */
enum status output_problem(struct output *output, const struct problem *problem, uint64_t id);
