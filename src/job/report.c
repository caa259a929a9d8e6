#include "job/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "io/history.h"

enum {
    FIELDS = 16,
    FIELD_MAX = 512, /* bytes of a field, with its name */
};

struct fields {
    char text[FIELDS][FIELD_MAX];
    struct iovec iov[FIELDS];
    size_t n;
};

static void _printf_(2, 3) add(struct fields *fields, const char *format, ...)
{
    char *text = fields->text[fields->n];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, FIELD_MAX, format, arguments);
    va_end(arguments);
    fields->iov[fields->n++] = (struct iovec){text, strlen(text)};
}

/* Once more for units/m4flash.catalog: systemd fills in no field with a digit in its name. */
static void add_for_catalog(struct fields *fields, const struct job *job)
{
    add(fields, "FLASHER_JOB=%" PRIu64, job->id);
    add(fields, "FLASHER_CODE=%s", job->outcome.code);
    add(fields, "FLASHER_HINT=%s", job->outcome.hint);
}

static void write_entry(const struct job *job, const struct journal *journal,
                        uint64_t duration_usec)
{
    const struct outcome *outcome = &job->outcome;
    struct fields fields = {.n = 0};
    char line[SKETCH_SENTENCE_MAX + SKETCH_HINT_MAX + 128], message[sizeof(line) + 32];

    outcome_format(outcome, line, sizeof(line));
    snprintf(message, sizeof(message), "Job %" PRIu64 ": %s", job->id, line);

    add(&fields, "MESSAGE_ID=%s", result_message_id(outcome->result));
    add(&fields, "M4FLASH_JOB=%" PRIu64, job->id);
    add(&fields, "M4FLASH_STAGE=%s", job_state_name(job->reached));
    add(&fields, "M4FLASH_RESULT=%s", result_name(outcome->result));
    add(&fields, "M4FLASH_CODE=%s", outcome->code);
    add(&fields, "M4FLASH_SHA256=%s", job->sha256);
    add(&fields, "M4FLASH_IMAGE_SHA256=%s", job->image_sha256);
    add(&fields, "M4FLASH_BYTES=%" PRIu64, job->bytes);
    add(&fields, "M4FLASH_SECTORS=%" PRIu32, job->report.sectors);
    add(&fields, "M4FLASH_DURATION_MS=%" PRIu64, duration_usec / 1000);
    add(&fields, "M4FLASH_HINT=%s", outcome->hint);
    add_for_catalog(&fields, job);
    journal_send(journal, outcome_priority(outcome), message, fields.iov, fields.n);
}

static char *make_line(const struct job *job, uint64_t duration_usec)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    const struct outcome_record record = {
        .id = job->id,
        .time_msec = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
        .sha256 = job->sha256,
        .image_sha256 = job->image_sha256,
        .bytes = job->bytes,
        .duration_usec = duration_usec,
        .key = job->key,
    };
    return outcome_to_json(&job->outcome, &record);
}

char *report_outcome(const struct job *job, const struct journal *journal, int state_dir)
{
    uint64_t duration_usec = job_now_usec() - job->begun_usec;

    char *line = make_line(job, duration_usec);
    int r = line ? history_append(state_dir, line) : -ENOMEM;
    write_entry(job, journal, duration_usec);
    if (r < 0)
        journal_log_job(journal, job->id, LOG_WARNING,
                        "Job %" PRIu64 " is missing in the history, which cannot be written: %s",
                        job->id, strerror(-r));
    return line;
}
