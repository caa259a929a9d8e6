/* How a job ended: an entry in, text and exit status out. */
#include "cli/ending.h"

#include "json_of.h"

static void check_status(const char *result, enum status expected)
{
    _cleanup_(json_putp) struct json_object *entry = ending_new(result, "x", 1, "", "");

    assert_int_equal(ending_status(entry, ""), expected);
}

static void test_status(_unused_ void **state)
{
    check_status("programmed", STATUS_OK);
    check_status("unchanged", STATUS_OK);
    check_status("recovered", STATUS_OK);
    check_status("rejected", STATUS_REJECTED);
    check_status("failed", STATUS_REJECTED);
    check_status("superseded", STATUS_REJECTED);
    check_status("aborted", STATUS_REJECTED);
    check_status("timeout", STATUS_TIMEOUT);
    check_status("error", STATUS_ERROR);
    check_status("", STATUS_ERROR);
    check_status("something-new", STATUS_ERROR);
}

/* After an interruption the sketch before may have been put back: that is not the one. */
static void test_status_of_recovered(_unused_ void **state)
{
    _cleanup_(json_putp) struct json_object *entry =
        json_of("{'result':'recovered','sha256':'aa'}");

    assert_int_equal(ending_status(entry, "aa"), STATUS_OK);
    assert_int_equal(ending_status(entry, "bb"), STATUS_REJECTED);
}

static void check_line(const char *entry, const char *expected)
{
    _cleanup_(json_putp) struct json_object *object = json_of(entry);
    char line[128];

    assert_string_equal(ending_format_line(object, line, sizeof(line)), expected);
}

static void test_line(_unused_ void **state)
{
    check_line("{'id':7,'result':'failed','code':'verify-failed'}",
               "m4flash: failed verify-failed id=7");
    check_line("{}", "m4flash: unknown unknown id=0");
    check_line("{'id':-1,'result':'a b','code':'a\\nb'}", "m4flash: unknown unknown id=0");
    check_line("{'id':'1','result':1,'code':'OK'}", "m4flash: unknown unknown id=0");
}

static void check_text(const char *entry, const char *subject, bool colour, const char *expected)
{
    _cleanup_(json_putp) struct json_object *object = json_of(entry);
    const struct screen screen = {.colour = colour};
    _cleanup_free_ char *text = ending_format_text(object, subject, &screen);

    assert_string_equal(text, expected);
}

static void test_text(_unused_ void **state)
{
    check_text("{'id':2,'result':'programmed','code':'ok','message':'Done.','hint':''}", NULL,
               false, "Job 2: programmed: Done.\n");
    check_text("{'id':0,'result':'rejected','code':'empty','message':'Empty.','hint':'Fill it.'}",
               "x.elf", false, "x.elf: rejected: empty: Empty.\n  Fill it.\n");
    check_text("{'id':2,'result':'aborted','code':'deleted','message':'Gone.'}", NULL, false,
               "Job 2: aborted: Gone.\n");
}

/* Whoever writes the entry, on whatever machine, does not write to this terminal. */
static void test_hostile_text(_unused_ void **state)
{
    check_text("{'id':2,'result':'\\u001b[2J','message':'a\\r\\nb','hint':'\\u001b]0;x\\u0007'}",
               NULL, false, "Job 2: unknown: a\\x0d\\x0ab\n  \\x1b]0;x\\x07\n");
}

static void test_colours(_unused_ void **state)
{
    check_text("{'id':2,'result':'programmed','code':'ok','message':'M'}", NULL, true,
               "Job 2: \033[32mprogrammed\033[0m: M\n");
    check_text("{'id':2,'result':'programmed','code':'no-health','message':'M'}", NULL, true,
               "Job 2: \033[33mprogrammed\033[0m: M\n");
    check_text("{'id':2,'result':'failed','code':'timeout','message':'M'}", NULL, true,
               "Job 2: \033[31mfailed\033[0m: timeout: M\n");
    check_text("{'id':2,'result':'superseded','code':'superseded','message':'M'}", NULL, true,
               "Job 2: \033[33msuperseded\033[0m: M\n");
}

static void test_problem(_unused_ void **state)
{
    struct problem problem;

    problem_set(&problem, "no-file", "Look for it.", "%s: %s", "a\nb", "gone");
    _cleanup_(json_putp) struct json_object *entry = ending_of_problem(&problem, 3);
    check_line(json_object_to_json_string(entry), "m4flash: error no-file id=3");
    assert_string_equal(json_text(entry, "message"), "a\\x0ab: gone");
    assert_string_equal(json_text(entry, "hint"), "Look for it.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),       cmocka_unit_test(test_status_of_recovered),
        cmocka_unit_test(test_line),         cmocka_unit_test(test_text),
        cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_colours),
        cmocka_unit_test(test_problem),
    };

    return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
