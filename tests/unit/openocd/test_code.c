/* Every code and stage has its name and its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "openocd/transcript.h"
#include "util/cleanup.h"

static void test_names(void **state)
{
    static const char *const names[] = {
        "ok",           "openocd-missing", "openocd-crashed", "no-adapter",    "no-target",
        "halt-timeout", "erase-failed",    "write-failed",    "verify-failed", "timeout",
        "no-health",    "internal",
    };

    (void)state;
    assert_int_equal(ELEMENTSOF(names), _OPENOCD_CODE_MAX);
    for (enum openocd_code code = 0; code < _OPENOCD_CODE_MAX; code++)
        assert_string_equal(openocd_code_name(code), names[code]);
}

static void check_sentence(const char *text)
{
    size_t length = strlen(text);

    assert_true(length > 20);
    assert_true(text[0] >= 'A' && text[0] <= 'Z');
    assert_int_equal(text[length - 1], '.');
    assert_null(strchr(text, '\n'));
    assert_null(strstr(text, "  "));
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(openocd_code_hint(OPENOCD_OK), "");
    for (enum openocd_code code = 0; code < _OPENOCD_CODE_MAX; code++) {
        check_sentence(openocd_code_sentence(code));
        if (code != OPENOCD_OK)
            check_sentence(openocd_code_hint(code));
    }
}

static void test_stage_names(void **state)
{
    static const char *const names[] = {"none",   "connect", "erase", "write",
                                        "verify", "reset",   "done"};

    (void)state;
    assert_int_equal(ELEMENTSOF(names), _OPENOCD_STAGE_MAX);
    for (enum openocd_stage stage = 0; stage < _OPENOCD_STAGE_MAX; stage++)
        assert_string_equal(openocd_stage_name(stage), names[stage]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_stage_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
