/*
 * How a job ended, as its entry in the history says (a JSON object), or why that is not known: what
 * it looks like, and what the command's exit status is. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/json_value.h"
#include "cli/problem.h"
#include "cli/screen.h"

/* An entry of these. NULL without memory, here and below. */
struct json_object *ending_new(const char *result, const char *code, uint64_t id,
                               const char *message, const char *hint);

/* An entry that says "error" and the problem's code; id 0: no job is known. */
struct json_object *ending_of_problem(const struct problem *problem, uint64_t id);

/* An entry that says "timeout", "no-outcome"; message and hint say of what. */
struct json_object *ending_of_timeout(uint64_t id, const char *message, const char *hint);

/*
 * sha256 is of the upload that was waited for, "" if that is not known: what was put back after an
 * interruption may be the sketch before it.
 */
enum status ending_status(struct json_object *entry, const char *sha256);

/*
 * The last line of a command, for programs, on one line without its end: "m4flash: RESULT CODE
 * id=N". The entry may come from another machine: what is no word becomes "unknown". Returns ret.
 */
char *ending_format_line(struct json_object *entry, char *ret, size_t size);

/*
 * For people: "SUBJECT: RESULT: MESSAGE" and a line with the hint if there is one, each with its
 * end; SUBJECT is "Job N" if it is NULL. For the caller to free; NULL without memory.
 */
char *ending_format_text(struct json_object *entry, const char *subject,
                         const struct screen *screen);
