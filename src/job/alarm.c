#include "job/alarm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "util/cleanup.h"

enum {
    LINE_MAX_BYTES = 2048,
    FIELD_MAX_BYTES = 64,
};

/* units/m4flash.catalog has an entry for each; made with `systemd-id128 new`. */
static const struct {
    int priority;
    const char *message_id;
} alarms[_ALARM_MAX] = {
    [ALARM_SERVICE] = {LOG_ERR, "32bbc4f070f94351a3a89d8586d31636"},
    [ALARM_LOST] = {LOG_CRIT, "636b314819754df0913eacc8b4da3c88"},
    [ALARM_HALTED] = {LOG_CRIT, "9037a48d6bd14cb3afabe029c6120a64"},
    [ALARM_EMPTY] = {LOG_CRIT, "46214959478049f39bb897d115840eec"},
};

const char *alarm_message_id(enum alarm alarm)
{
    return alarms[alarm].message_id;
}

int alarm_priority(enum alarm alarm)
{
    return alarms[alarm].priority;
}

void alarm_tell(const struct journal *journal, enum alarm alarm, uint64_t job_id,
                const char *format, ...)
{
    char line[LINE_MAX_BYTES], id[FIELD_MAX_BYTES], job[FIELD_MAX_BYTES], same[FIELD_MAX_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    snprintf(id, sizeof(id), "MESSAGE_ID=%s", alarm_message_id(alarm));
    snprintf(job, sizeof(job), "M4FLASH_JOB=%" PRIu64, job_id);
    /* For units/m4flash.catalog, as in report.c. */
    snprintf(same, sizeof(same), "FLASHER_JOB=%" PRIu64, job_id);
    const struct iovec fields[] = {{id, strlen(id)}, {job, strlen(job)}, {same, strlen(same)}};
    journal_send(journal, alarm_priority(alarm), line, fields, job_id ? ELEMENTSOF(fields) : 1);
}
