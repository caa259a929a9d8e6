/*
 * Where the daemon speaks: the journal with its fields, or, without one (a terminal, a container),
 * the same text as plain lines on stderr.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/cleanup.h"

struct journal {
    bool structured; /* stderr is the journal's stream, so its socket is there too */
};

/* Looks where stderr leads ($JOURNAL_STREAM, sd_journal_stream_fd(3)). */
struct journal journal_open(void);

/* One line at a syslog priority. */
void journal_log(const struct journal *journal, int priority, const char *format, ...)
    _printf_(3, 4);

/* The same about a job, whose number is the entry's field M4FLASH_JOB: `m4flash log` asks by it. */
void journal_log_job(const struct journal *journal, uint64_t job_id, int priority,
                     const char *format, ...) _printf_(4, 5);

/*
 * One entry with fields of its own: "NAME=value" each, MESSAGE= and PRIORITY= not among them. Only
 * the message is seen on stderr.
 */
void journal_send(const struct journal *journal, int priority, const char *message,
                  const struct iovec *fields, size_t n_fields);
