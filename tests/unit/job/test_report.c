/* The journal entries of outcomes and alarms, field by field. As root only: the test stands in for
 * journald. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "job/alarm.h"
#include "job/report.h"
#include "tests/unit/io/journal_socket.h"
#include "tests/unit/io/namespace.h"
#include "tests/unit/util/temp_dir.h"

static const struct journal journal = {.structured = true};

static void assert_field(const char *entry, const char *field)
{
    const char *found = strstr(entry, field);

    if (!found || (found != entry && found[-1] != '\n') || found[strlen(field)] != '\n')
        fail_msg("no %s in\n%s", field, entry);
}

static void test_entry(void **state)
{
    const struct outcome outcome = outcome_rejected(SKETCH_EMPTY, "It is empty.", "Fill it.");
    struct temp_dir dir = temp_dir_make();
    struct job *job = NULL;
    char entry[8192], id[64];
    unsigned fields = 0;
    (void)state;

    int fd = journal_socket_open();
    assert_true(fd >= 0);
    assert_int_equal(job_new(12, &job), 0);
    strcpy(job->sha256, "aa");
    strcpy(job->image_sha256, "bb");
    job->bytes = 99;
    job->report.sectors = 3;
    job->state = JOB_CHECKING;
    job_finish(job, &outcome);
    free(report_outcome(job, &journal, dir.fd));
    job_free(job);
    journal_socket_read(fd, entry, sizeof(entry));
    temp_dir_remove(&dir);
    close(fd);

    snprintf(id, sizeof(id), "MESSAGE_ID=%s", result_message_id(RESULT_REJECTED));
    assert_field(entry, "MESSAGE=Job 12: rejected: empty: It is empty. Hint: Fill it.");
    assert_field(entry, "PRIORITY=3");
    assert_field(entry, id);
    assert_field(entry, "M4FLASH_JOB=12");
    assert_field(entry, "M4FLASH_STAGE=checking");
    assert_field(entry, "M4FLASH_RESULT=rejected");
    assert_field(entry, "M4FLASH_CODE=empty");
    assert_field(entry, "M4FLASH_SHA256=aa");
    assert_field(entry, "M4FLASH_IMAGE_SHA256=bb");
    assert_field(entry, "M4FLASH_BYTES=99");
    assert_field(entry, "M4FLASH_SECTORS=3");
    assert_non_null(strstr(entry, "\nM4FLASH_DURATION_MS="));
    assert_field(entry, "M4FLASH_HINT=Fill it.");
    assert_field(entry, "FLASHER_JOB=12");
    assert_field(entry, "FLASHER_CODE=empty");
    assert_field(entry, "FLASHER_HINT=Fill it.");
    for (const char *at = entry; (at = strstr(at, "M4FLASH_")); at++)
        fields++;
    assert_int_equal(fields, 10);
}

static void test_alarms(void **state)
{
    char entry[8192], id[64];
    (void)state;

    int fd = journal_socket_open();
    assert_true(fd >= 0);
    for (enum alarm alarm = 0; alarm < _ALARM_MAX; alarm++) {
        alarm_tell(&journal, alarm, alarm == ALARM_HALTED ? 12 : 0, "%d %% lost", 9);
        journal_socket_read(fd, entry, sizeof(entry));
        snprintf(id, sizeof(id), "MESSAGE_ID=%s", alarm_message_id(alarm));
        assert_field(entry, "MESSAGE=9 % lost");
        assert_field(entry, id);
        assert_field(entry, alarm == ALARM_SERVICE ? "PRIORITY=3" : "PRIORITY=2");
        if (alarm == ALARM_HALTED) {
            assert_field(entry, "M4FLASH_JOB=12");
            assert_field(entry, "FLASHER_JOB=12");
        } else {
            assert_null(strstr(entry, "_JOB="));
        }
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_alarms),
    };

    if (!namespace_enter())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
