/* What a terminal can show, by what is known of it. */
#include "cli/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/cleanup.h"

static void check(struct screen screen, unsigned columns, bool colour, bool utf8)
{
    assert_int_equal(screen.columns, columns);
    assert_int_equal(screen.colour, colour);
    assert_int_equal(screen.utf8, utf8);
}

static void test_terminal(_unused_ void **state)
{
    check(screen_from(true, 132, "xterm", NULL, "UTF-8"), 132, true, true);
    check(screen_from(true, 0, "vt100", NULL, "UTF-8"), 80, true, true);
}

static void test_no_terminal(_unused_ void **state)
{
    check(screen_from(false, 132, "xterm", NULL, "UTF-8"), 0, false, true);
    check(screen_from(true, 132, "dumb", NULL, "UTF-8"), 0, false, true);
    check(screen_from(true, 132, "", NULL, "UTF-8"), 0, false, true);
    check(screen_from(true, 132, NULL, NULL, "UTF-8"), 0, false, true);
}

static void test_no_colour(_unused_ void **state)
{
    check(screen_from(true, 80, "xterm", "1", "UTF-8"), 80, false, true);
    check(screen_from(true, 80, "xterm", "", "UTF-8"), 80, true, true);
}

static void test_no_utf8(_unused_ void **state)
{
    check(screen_from(true, 80, "xterm", NULL, "ANSI_X3.4-1968"), 80, true, false);
    check(screen_from(true, 80, "xterm", NULL, NULL), 80, true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_no_terminal),
        cmocka_unit_test(test_no_colour),
        cmocka_unit_test(test_no_utf8),
    };

    return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
