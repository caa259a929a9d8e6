/*
 * The record of what became of each upload: history.jsonl in the state directory, one JSON object a
 * line, oldest first. Replaced whole at each change, so that no reader and no power cut ever sees
 * half a line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/file_key.h"

enum {
    HISTORY_MAX = 1000,      /* lines kept */
    HISTORY_RESULT_MAX = 16, /* bytes of a result's name, with its NUL */
};

/*
 * Adds a line (without its end) to dirfd/history.jsonl, and drops the oldest above HISTORY_MAX. A
 * line that was left without an end is dropped too. Returns 0, or -errno with the old history in
 * place.
 */
int history_append(int dirfd, const char *line);

/*
 * Reads it all, into a fresh buffer with a NUL behind its end (which *ret_size does not count), for
 * the caller to free. Returns 0 or -errno; a missing history is an empty one.
 */
int history_read(int dirfd, char **ret, size_t *ret_size);

/*
 * Reads the newest n whole lines, or all that there are, each with its end, into a fresh buffer for
 * the caller to free. A NUL in the file ends a line too. Returns 0 or -errno; a missing history is
 * an empty one.
 */
int history_tail(int dirfd, unsigned n, char **ret);

/*
 * Looks through the history: *ret_last_id is the highest job number in it (0 if none), *ret_known
 * whether an entry or the note of history_note_file() has this file. key may be NULL. Lines that
 * are no JSON objects are passed over. Returns 0 or -errno; a missing history is an empty one.
 */
int history_look(int dirfd, const struct file_key *key, uint64_t *ret_last_id, bool *ret_known);

/*
 * How the job ended: its "result" goes to ret ("" if it is not in the history). Returns 0 or
 * -errno.
 */
int history_result(int dirfd, uint64_t id, char ret[static HISTORY_RESULT_MAX]);

/*
 * Notes that the file whose upload was dealt with last looks like this by now (adb sets the time
 * after it has closed the file, maybe after the outcome). Returns 0 or -errno.
 */
int history_note_file(int dirfd, const struct file_key *key);
