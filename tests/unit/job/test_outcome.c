/* Outcomes in words and as JSON, to the letter: people and programs match on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "job/outcome.h"
#include "util/cleanup.h"
#include "util/utf8.h"

static void assert_line(const struct outcome *outcome, const char *expected)
{
    char line[1024];

    assert_ptr_equal(outcome_format(outcome, line, sizeof(line)), line);
    assert_string_equal(line, expected);
}

/* ---- In words -------------------------------------------------------------------------------- */

static void test_programmed(void **state)
{
    const struct outcome one = outcome_programmed(8, 1, 1449999, true);
    const struct outcome more = outcome_programmed(1048576, 8, 12000000, true);
    const struct outcome sick = outcome_programmed(8, 2, 0, false);
    (void)state;

    assert_line(&one, "programmed: 8 bytes in 1 sector, verified and running after 1.4 s.");
    assert_line(&more,
                "programmed: 1048576 bytes in 8 sectors, verified and running after 12.0 s.");
    assert_string_equal(one.code, "ok");
    assert_true(one.healthy);
    assert_line(&sick, "programmed: 8 bytes in 2 sectors, verified and reset, but the board's "
                       "firmware does not answer after 0.0 s. Hint: Switch the board off and on; "
                       "if the bridge stays away, update the M7 firmware.");
    assert_string_equal(sick.code, "no-health");
    assert_false(sick.healthy);

    const struct outcome back = outcome_rolled_back(8, 1, 1449999, true);
    assert_line(&back, "programmed: Back to the sketch before: 8 bytes in 1 sector, verified and "
                       "running after 1.4 s.");
    assert_string_equal(back.code, "ok");
}

static void test_unchanged(void **state)
{
    const struct outcome well = outcome_unchanged(true), sick = outcome_unchanged(false);
    (void)state;

    assert_line(&well, "unchanged: The chip holds just this sketch already: checked, and started "
                       "anew.");
    assert_string_equal(well.code, "ok");
    assert_int_equal(outcome_priority(&well), LOG_NOTICE);
    assert_string_equal(sick.code, "no-health");
    assert_int_equal(outcome_priority(&sick), LOG_WARNING);
}

static void test_recovered(void **state)
{
    const struct outcome completed = outcome_recovered(true, true);
    const struct outcome back = outcome_recovered(false, true);
    const struct outcome sick = outcome_recovered(false, false);
    (void)state;

    assert_line(&completed, "recovered: Its programming was interrupted; now it is complete, "
                            "verified and running.");
    assert_line(&back, "recovered: A programming was interrupted; the sketch before it was put "
                       "back and runs.");
    assert_string_equal(completed.code, "ok");
    assert_string_equal(sick.code, "no-health");
    assert_int_equal(outcome_priority(&completed), LOG_NOTICE);
    assert_int_equal(outcome_priority(&sick), LOG_WARNING);
}

static void test_rejected(void **state)
{
    const struct outcome outcome = outcome_rejected(SKETCH_EMPTY, "It is empty.", "Fill it.");
    const struct outcome silent = outcome_rejected(SKETCH_NOT_ELF, "It is no ELF file.", "");
    (void)state;

    assert_line(&outcome, "rejected: empty: It is empty. Hint: Fill it.");
    assert_line(&silent, "rejected: not-elf: It is no ELF file.");
}

static void test_failed(void **state)
{
    const struct outcome plain = outcome_failed(OPENOCD_NO_TARGET, "", false, false);
    const struct outcome detailed = outcome_failed(OPENOCD_NO_TARGET, "Error 7", false, false);
    const struct outcome lost = outcome_failed(OPENOCD_NO_TARGET, "", false, true);
    const struct outcome restored = outcome_failed(OPENOCD_NO_TARGET, "x", true, true);
    char expected[1024];
    (void)state;

    const char *sentence = openocd_code_sentence(OPENOCD_NO_TARGET);
    const char *hint = openocd_code_hint(OPENOCD_NO_TARGET);
    snprintf(expected, sizeof(expected), "failed: no-target: %s Hint: %s", sentence, hint);
    assert_line(&plain, expected);
    snprintf(expected, sizeof(expected), "failed: no-target: %s (Error 7) Hint: %s", sentence,
             hint);
    assert_line(&detailed, expected);
    snprintf(expected, sizeof(expected), "failed: no-target: %s The M4 has no sketch now. Hint: %s",
             sentence, hint);
    assert_line(&lost, expected);
    snprintf(expected, sizeof(expected),
             "failed: no-target: %s (x) The sketch before it was put back and runs. Hint: %s",
             sentence, hint);
    assert_line(&restored, expected);
    assert_true(restored.restored);
    assert_false(lost.restored);
}

static void assert_wait(int64_t until_msec, int64_t now_msec, const char *wait)
{
    const struct limits limits = {1, 200};
    const struct outcome outcome = outcome_rate_limited(LIMITS_DAY, &limits, until_msec, now_msec);
    char expected[64];

    snprintf(expected, sizeof(expected), ", in %s.", wait);
    assert_non_null(strstr(outcome.sentence, expected));
}

static void test_rate_limited(void **state)
{
    const struct limits limits = {6, 1};
    const int64_t now = INT64_C(1795256000123); /* 2026-11-21 */
    const struct outcome minute =
        outcome_rate_limited(LIMITS_MINUTE, &limits, now + 33 * 1000, now);
    const struct outcome day = outcome_rate_limited(LIMITS_DAY, &limits, now, now - 877);
    (void)state;

    assert_line(&minute, "failed: rate-limited: The flash was programmed 6 times in the last "
                         "minute, and it wears: that is as often as it may be, until "
                         "2026-11-21T10:13:54.000Z, in 34 s. Hint: Upload again then; how often is "
                         "set by ProgrammingsPerMinute= in the section [Limits] of "
                         "/etc/m4flash.conf.");
    assert_int_equal(outcome_priority(&minute), LOG_ERR);
    assert_non_null(strstr(day.sentence, "programmed 1 time in the last day,"));
    assert_non_null(strstr(day.hint, "ProgrammingsPerDay="));
    assert_wait(1000, 999, "1 s");
    assert_wait(120 * 1000, 0, "120 s");
    assert_wait(121 * 1000, 0, "3 min");
    assert_wait(7200 * 1000, 0, "120 min");
    assert_wait(7201 * 1000, 0, "3 h");
    assert_wait(86400 * 1000, 0, "24 h");
}

static void test_internal(void **state)
{
    const struct outcome outcome = outcome_internal("a file is missing");
    (void)state;

    assert_line(&outcome, "failed: internal: The service could not do its part: a file is missing. "
                          "Hint: The sketch is not at fault: look at the service's other messages, "
                          "and whether it is installed completely.");
}

static void test_without_fault(void **state)
{
    const struct outcome superseded = outcome_superseded(), deleted = outcome_deleted();
    const struct outcome stopped = outcome_stopped(), cancelled = outcome_cancelled();
    (void)state;

    assert_line(
        &superseded,
        "superseded: A newer upload or a rollback took its place before it was programmed.");
    assert_line(&deleted, "aborted: The file was deleted before it was complete, as an interrupted "
                          "push does.");
    assert_line(&stopped, "aborted: The service was stopped before the sketch was programmed. "
                          "Hint: Upload it again.");
    assert_line(&cancelled, "aborted: It was cancelled on request before anything was touched.");
    assert_string_equal(cancelled.code, "cancelled");
    assert_string_equal(superseded.code, "superseded");
    assert_string_equal(deleted.code, "deleted");
    assert_string_equal(stopped.code, "stopped");
}

/* Every code has room, and a line of them all is not cut. */
static void test_longest(void **state)
{
    char line[SKETCH_SENTENCE_MAX + SKETCH_HINT_MAX + 128];
    char detail[400];
    (void)state;

    memset(detail, 'x', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    for (enum openocd_code code = OPENOCD_OK; code < _OPENOCD_CODE_MAX; code++) {
        const struct outcome outcome = outcome_failed(code, detail, true, false);
        assert_string_equal(outcome.code, openocd_code_name(code));
        assert_string_equal(outcome.hint, openocd_code_hint(code));
        assert_non_null(strstr(outcome.sentence, "x) The sketch before it was put back and runs."));
        outcome_format(&outcome, line, sizeof(line));
        assert_true(strlen(line) < sizeof(line) - 1);
    }
    for (enum sketch_code code = SKETCH_NOT_REGULAR; code < _SKETCH_CODE_MAX; code++) {
        const struct outcome outcome =
            outcome_rejected(code, sketch_code_sentence(code), sketch_code_hint(code));
        assert_string_equal(outcome.code, sketch_code_name(code));
        assert_string_equal(outcome.sentence, sketch_code_sentence(code));
        assert_string_equal(outcome.hint, sketch_code_hint(code));
    }
}

/* A text of another program's that is cut is cut between characters, and is one line. */
static void test_foreign_text(void **state)
{
    const char *const details[] = {
        "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9",
        "x\xC3\xA9\xC3\xA9\xC3\xA9",
        "\xE2\x82\xAC\xE2\x82\xAC",
        "a\nb",
        "\x1b[2J",
        "\xff\xfe",
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(details); i++) {
        char detail[600] = "";
        while (strlen(detail) < 500)
            strcat(detail, details[i]);
        const struct outcome failed = outcome_failed(OPENOCD_INTERNAL, detail, false, false);
        const struct outcome internal = outcome_internal(detail);
        const struct outcome rejected = outcome_rejected(SKETCH_NOT_ELF, detail, detail);
        assert_true(utf8_is_printable(failed.sentence, strlen(failed.sentence)));
        assert_true(utf8_is_printable(internal.sentence, strlen(internal.sentence)));
        assert_true(utf8_is_printable(rejected.sentence, strlen(rejected.sentence)));
        assert_true(utf8_is_printable(rejected.hint, strlen(rejected.hint)));
        assert_in_range(strlen(rejected.hint), SKETCH_HINT_MAX - 4, SKETCH_HINT_MAX - 1);
    }
}

/* ---- Results --------------------------------------------------------------------------------- */

static void test_results(void **state)
{
    static const char *const names[_RESULT_MAX] = {
        [RESULT_NONE] = "running",          [RESULT_PROGRAMMED] = "programmed",
        [RESULT_UNCHANGED] = "unchanged",   [RESULT_RECOVERED] = "recovered",
        [RESULT_REJECTED] = "rejected",     [RESULT_FAILED] = "failed",
        [RESULT_SUPERSEDED] = "superseded", [RESULT_ABORTED] = "aborted",
    };
    (void)state;

    for (enum result i = RESULT_NONE; i < _RESULT_MAX; i++) {
        assert_string_equal(result_name(i), names[i]);
        assert_int_equal(result_from_name(names[i]), i);
    }
    assert_int_equal(result_from_name(""), RESULT_NONE);
    assert_int_equal(result_from_name("Programmed"), RESULT_NONE);
}

static void test_priorities(void **state)
{
    const struct {
        struct outcome outcome;
        int priority;
    } cases[] = {
        {outcome_programmed(1, 1, 0, true), LOG_NOTICE},
        {outcome_programmed(1, 1, 0, false), LOG_WARNING},
        {outcome_rejected(SKETCH_EMPTY, "", ""), LOG_ERR},
        {outcome_failed(OPENOCD_NO_TARGET, "", false, false), LOG_ERR},
        {outcome_superseded(), LOG_NOTICE},
        {outcome_deleted(), LOG_NOTICE},
        {outcome_stopped(), LOG_NOTICE},
        {outcome_cancelled(), LOG_NOTICE},
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++)
        assert_int_equal(outcome_priority(&cases[i].outcome), cases[i].priority);
}

/* ---- As JSON --------------------------------------------------------------------------------- */

static const struct outcome_record record = {
    .id = 12,
    .time_msec = 1700000000042, /* 2023-11-14 22:13:20.042 UTC */
    .sha256 = "aa",
    .image_sha256 = "bb",
    .bytes = 5000000000,
    .duration_usec = 1234999,
    .key = {.inode = 1, .size = 2, .modified_nsec = 3, .changed_nsec = 4},
};

static void assert_json(const struct outcome *outcome, const char *expected)
{
    _cleanup_free_ char *line = outcome_to_json(outcome, &record);

    assert_non_null(line);
    assert_string_equal(line, expected);
}

/* The keys and their order, for each kind of result. */
static void test_json(void **state)
{
    const struct outcome programmed = outcome_programmed(8, 1, 1000000, true);
    const struct outcome rejected = outcome_rejected(SKETCH_EMPTY, "S.", "H/1");
    struct outcome failed = outcome_failed(OPENOCD_NO_TARGET, "", true, false);
    (void)state;

#define HEAD "{\"id\":12,\"time\":\"2023-11-14T22:13:20.042Z\","
#define REST                                                          \
    "\"sha256\":\"aa\",\"image_sha256\":\"bb\",\"bytes\":5000000000," \
    "\"duration_ms\":1234,\"file\":\"1:2:3:4\"}"
    assert_json(&programmed, HEAD "\"result\":\"programmed\",\"code\":\"ok\","
                                  "\"message\":\"8 bytes in 1 sector, verified and running after "
                                  "1.0 s.\",\"hint\":\"\",\"healthy\":true," REST);
    assert_json(&rejected, HEAD "\"result\":\"rejected\",\"code\":\"empty\",\"message\":\"S.\","
                                "\"hint\":\"H/1\"," REST);
    strcpy(failed.sentence, "S.");
    strcpy(failed.hint, "H.");
    assert_json(&failed, HEAD "\"result\":\"failed\",\"code\":\"no-target\",\"message\":\"S.\","
                              "\"hint\":\"H.\",\"restored\":true," REST);
}

/* What is not known is there and empty: a reader finds every key in every line. */
static void test_json_of_little(void **state)
{
    const struct outcome outcome = outcome_superseded();
    const struct outcome_record little = {.id = UINT64_MAX, .sha256 = "", .image_sha256 = ""};
    _cleanup_free_ char *line = outcome_to_json(&outcome, &little);
    (void)state;

    assert_string_equal(
        line, "{\"id\":18446744073709551615,\"time\":\"1970-01-01T00:00:00.000Z\","
              "\"result\":\"superseded\",\"code\":\"superseded\",\"message\":\"A newer upload or a "
              "rollback took its place before it was programmed.\",\"hint\":\"\",\"sha256\":\"\","
              "\"image_sha256\":\"\",\"bytes\":0,\"duration_ms\":0,\"file\":\"\"}");
}

/* Whatever is in a sentence, the line is one line of JSON and the sentence comes back. */
static void test_json_of_anything(void **state)
{
    static const char hostile[] = "\"}\n{\"id\":1}\\u0000\x01\x1f\x7f</script>\xE2\x82\xAC\t%s%n";
    const struct outcome outcome = {.result = RESULT_FAILED, .code = "\"", .hint = "\\"};
    struct outcome full = outcome;
    struct json_object *value;
    (void)state;

    strcpy(full.sentence, hostile);
    _cleanup_free_ char *line = outcome_to_json(&full, &record);
    assert_non_null(line);
    assert_null(strchr(line, '\n'));
    struct json_object *object = json_tokener_parse(line);
    assert_true(json_object_is_type(object, json_type_object));
    assert_true(json_object_object_get_ex(object, "message", &value));
    assert_string_equal(json_object_get_string(value), hostile);
    assert_true(json_object_object_get_ex(object, "id", &value));
    assert_int_equal(json_object_get_int(value), 12);
    json_object_put(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programmed),
        cmocka_unit_test(test_unchanged),
        cmocka_unit_test(test_recovered),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_rate_limited),
        cmocka_unit_test(test_internal),
        cmocka_unit_test(test_without_fault),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_foreign_text),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_little),
        cmocka_unit_test(test_json_of_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
