/*
 * How an upload ended, in the forms in which people and programs read it. Pure: everything that
 * tells of an outcome (journal, history, status line) derives from this one struct.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>
#include <stdint.h>

#include "io/file_key.h"
#include "job/limits.h"
#include "openocd/transcript.h"

enum result {
    RESULT_NONE, /* not ended yet */
    RESULT_PROGRAMMED,
    RESULT_UNCHANGED, /* on the chip already, which was checked and restarted */
    RESULT_RECOVERED, /* programmed at a later start, after an interruption */
    RESULT_REJECTED,
    RESULT_FAILED,
    RESULT_SUPERSEDED,
    RESULT_ABORTED,
    _RESULT_MAX,
};

/* RESULT_NONE if there is no result of that name. */
enum result result_from_name(const char *name);

/* "programmed" and so on; "running" for RESULT_NONE. */
const char *result_name(enum result result);

/* The MESSAGE_ID of a result's journal entries, 32 hexadecimal digits: stable, for message
 * catalogs. NULL for RESULT_NONE, which has no entries. */
const char *result_message_id(enum result result);

struct outcome {
    enum result result;
    bool healthy;  /* programmed, unchanged, recovered: the board's firmware answers */
    bool restored; /* failed: the sketch before it was put back */
    char code[32]; /* "ok", a sketch code's name, "superseded", "deleted"… */
    char sentence[SKETCH_SENTENCE_MAX]; /* one sentence, one line */
    char hint[SKETCH_HINT_MAX];         /* what to do, or "" */
};

/* Not healthy: the board's firmware does not answer after the reset; it is programmed all the same.
 */
struct outcome outcome_programmed(uint32_t bytes, uint32_t sectors, uint64_t duration_usec,
                                  bool healthy);
struct outcome outcome_unchanged(bool healthy);

/* The same for the image before. */
struct outcome outcome_rolled_back(uint32_t bytes, uint32_t sectors, uint64_t duration_usec,
                                   bool healthy);

/* An interrupted programming was brought to its end, or, if not completed, back to where it began.
 */
struct outcome outcome_recovered(bool completed, bool healthy);
struct outcome outcome_rejected(enum sketch_code code, const char *sentence, const char *hint);

/*
 * detail is the first error line of whatever failed, or ""; lost says that the chip holds no whole
 * sketch now.
 */
struct outcome outcome_failed(enum openocd_code code, const char *detail, bool restored, bool lost);

/* failed: internal, for what goes wrong before OpenOCD is asked: detail is a phrase. */
struct outcome outcome_internal(const char *detail);

/* failed: interrupted, for a programming that was never left to end, and nothing to go back to. */
struct outcome outcome_interrupted(void);

/* failed: rate-limited, before anything was touched: which limit it was, and until when. */
struct outcome outcome_rate_limited(enum limits_span span, const struct limits *limits,
                                    int64_t until_msec, int64_t now_msec);

/* aborted: hook-failed; which hook it was, and what became of it. */
struct outcome outcome_forbidden(const char *hook);
struct outcome outcome_superseded(void);
struct outcome outcome_deleted(void);
struct outcome outcome_stopped(void);

/* aborted: cancelled, on somebody's request, before anything was touched. */
struct outcome outcome_cancelled(void);

/* As syslog means it: an upload that is not on the chip because of a fault is an error. */
int outcome_priority(const struct outcome *outcome);

/* The line that people see, without "Job N: ": "rejected: empty: The file … Hint: …". Returns ret.
 */
char *outcome_format(const struct outcome *outcome, char *ret, size_t size);

enum {
    OUTCOME_TIME_MAX = 48, /* bytes of a time's text with its NUL */
};

/* Milliseconds since the epoch as RFC 3339 has it: "2026-11-21T10:11:12.123Z". Returns ret. */
char *outcome_format_time(int64_t msec, char ret[static OUTCOME_TIME_MAX]);

/* What else the history keeps of a job. */
struct outcome_record {
    uint64_t id;
    int64_t time_msec;        /* when it ended, since the epoch */
    const char *sha256;       /* of the upload, or "" */
    const char *image_sha256; /* of the flash image, or "" */
    uint64_t bytes;           /* of the upload */
    uint64_t duration_usec;
    struct file_key key; /* inode 0: none */
};

/* One JSON object in one line, for the caller to free; NULL without memory. */
char *outcome_to_json(const struct outcome *outcome, const struct outcome_record *record);
