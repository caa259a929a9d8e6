/*
 * What is wrong with the service or the chip, beyond the outcome of one upload. These and the
 * outcomes of uploads that failed are all that the journal has at LOG_ERR and above, so that
 * `journalctl -p err` shows the failures and nothing else.
 */
#pragma once

#include <stdint.h>

#include "io/journal.h"

enum alarm {
    ALARM_SERVICE, /* it cannot start, or has to end */
    ALARM_LOST,    /* an upload got no outcome */
    ALARM_HALTED,  /* the chip may stand still, and with it the bridge */
    ALARM_EMPTY,   /* the M4 has nothing that it could run */
    _ALARM_MAX,
};

/* 32 hexadecimal digits, as result_message_id() (job/outcome.h). */
const char *alarm_message_id(enum alarm alarm);

int alarm_priority(enum alarm alarm);

/* One entry; job_id 0 is no job's. */
void alarm_tell(const struct journal *journal, enum alarm alarm, uint64_t job_id,
                const char *format, ...) _printf_(4, 5);
