#include "io/journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

enum {
    FIELDS_MAX = 24,
    LINE_MAX_BYTES = 2048,
};

struct journal journal_open(void)
{
    const char *stream = secure_getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;

    if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 ||
        fstat(STDERR_FILENO, &status) < 0)
        return (struct journal){.structured = false};
    return (struct journal){.structured = status.st_dev == device && status.st_ino == inode};
}

void journal_send(const struct journal *journal, int priority, const char *message,
                  const struct iovec *fields, size_t n_fields)
{
    char message_field[LINE_MAX_BYTES + 16], priority_field[16];
    struct iovec all[FIELDS_MAX + 2];
    size_t n = 0;

    if (!journal->structured) {
        fprintf(stderr, "%s\n", message);
        return;
    }
    snprintf(message_field, sizeof(message_field), "MESSAGE=%s", message);
    snprintf(priority_field, sizeof(priority_field), "PRIORITY=%d", priority);
    all[n++] = (struct iovec){message_field, strlen(message_field)};
    all[n++] = (struct iovec){priority_field, strlen(priority_field)};
    for (size_t i = 0; i < n_fields && n < ELEMENTSOF(all); i++)
        all[n++] = fields[i];
    sd_journal_sendv(all, (int)n);
}

void journal_log(const struct journal *journal, int priority, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    journal_send(journal, priority, line, NULL, 0);
}

void journal_log_job(const struct journal *journal, uint64_t job_id, int priority,
                     const char *format, ...)
{
    char line[LINE_MAX_BYTES], field[64];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    snprintf(field, sizeof(field), "M4FLASH_JOB=%" PRIu64, job_id);
    const struct iovec fields = {field, strlen(field)};
    journal_send(journal, priority, line, &fields, 1);
}
