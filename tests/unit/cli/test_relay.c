/* The lines that a board says: bytes in, meaning out. */
#include "cli/relay.h"

#include "json_of.h"

static void check(const char *line, enum relay_kind expected)
{
    _cleanup_(json_putp) struct json_object *object = NULL;
    unsigned status = 4711;

    enum relay_kind kind = relay_read(line, strlen(line), &object, &status);
    if (kind != expected)
        fail_msg("found %d, not %d: %s", (int)kind, (int)expected, line);
    assert_int_equal(object != NULL, kind == RELAY_PROGRESS || kind == RELAY_ENDING);
    assert_true(status == 4711 || kind == RELAY_STATUS);
}

static void check_status(const char *line, unsigned expected)
{
    struct json_object *object;
    unsigned status = 4711;

    assert_int_equal(relay_read(line, strlen(line), &object, &status), RELAY_STATUS);
    assert_int_equal(status, expected);
}

static void test_objects(_unused_ void **state)
{
    check("{\"id\":1,\"state\":\"checking\"}\n", RELAY_PROGRESS);
    check("{\"id\":1,\"state\":\"checking\"}\r\n", RELAY_PROGRESS);
    check("{\"id\":1,\"result\":\"programmed\"}\r\n", RELAY_ENDING);
    check("{\"id\":1,\"result\":\"programmed\"}", RELAY_ENDING);
    check("{\"id\":1,\"result\":\"\"}", RELAY_PROGRESS);
    check("{\"id\":1,\"result\":1}", RELAY_PROGRESS);
}

/* Half a line, when the connection breaks, is no outcome. */
static void test_broken_objects(_unused_ void **state)
{
    check("{\"id\":1,\"result\":\"programmed\"", RELAY_OTHER);
    check("{\"id\":1,\"result\":\"programmed\"} ", RELAY_ENDING);
    check("{\"id\":1,\"result\":\"programmed\"}{}", RELAY_OTHER);
    check("{id:1}", RELAY_OTHER);
    check("{\"\xff\":1}", RELAY_OTHER);
    check("{", RELAY_OTHER);
    check("[{\"result\":\"programmed\"}]", RELAY_OTHER);
    check("", RELAY_OTHER);
    check("\r\n", RELAY_OTHER);
}

static void test_status(_unused_ void **state)
{
    check_status("m4flash-status: 0\n", 0);
    check_status("m4flash-status: 127\r\n", 127);
    check("m4flash-status: \n", RELAY_OTHER);
    check("m4flash-status: 1234\n", RELAY_OTHER);
    check("m4flash-status: -1\n", RELAY_OTHER);
    check("m4flash-status: $?\n", RELAY_OTHER);
    check(" m4flash-status: 0\n", RELAY_OTHER);
    check("m4flash-status: no copy\r\n", RELAY_NO_COPY);
    check("m4flash-status: no copy at all\r\n", RELAY_OTHER);
    check("sh: 1: m4flash: not found\r\n", RELAY_OTHER);
}

/* The bytes behind size are nobody's. */
static void test_size(_unused_ void **state)
{
    struct json_object *object;
    unsigned status;

    assert_int_equal(relay_read("m4flash-status: 12", 17, &object, &status), RELAY_STATUS);
    assert_int_equal(status, 1);
    assert_int_equal(relay_read("m4flash-status: 1", 16, &object, &status), RELAY_OTHER);
    assert_int_equal(relay_read("{\"a\":1}", 6, &object, &status), RELAY_OTHER);
    assert_int_equal(relay_read("x", 0, &object, &status), RELAY_OTHER);
}

static void test_script(_unused_ void **state)
{
    char script[RELAY_SCRIPT_MAX], sha256[SKETCH_DIGEST_HEX];

    memset(sha256, 'a', sizeof(sha256) - 1);
    sha256[sizeof(sha256) - 1] = '\0';
    assert_string_equal(relay_script(sha256, 1500001, NULL, script),
                        "m4flash wait --follow --json --timeout 1501ms --sha256 "
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; "
                        "echo \"m4flash-status: $?\"");
    assert_string_equal(
        relay_script(sha256, UINT64_MAX, "/tmp/x", script),
        "if cat >/tmp/x; then m4flash wait --follow --json --timeout infinity --sha256 "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; "
        "echo \"m4flash-status: $?\"; else echo \"m4flash-status: no copy\"; fi");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects), cmocka_unit_test(test_broken_objects),
        cmocka_unit_test(test_status),  cmocka_unit_test(test_size),
        cmocka_unit_test(test_script),
    };

    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
