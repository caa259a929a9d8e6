/* Which routines there are, and that what is loaded has the form that the chip will jump to. What
 * they do is shown on the simulated chip (tests/real). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "build-config.h"
#include "routine/mailbox.h"
#include "routine/routine.h"

static void test_unknown(void **state)
{
    (void)state;
    assert_null(routine_find(""));
    assert_null(routine_find("stm32"));
    assert_null(routine_find("stm32h7x"));
}

/* Whole words: the debugger loads nothing else, and it leaves room for what lies behind it. */
static void test_known(void **state)
{
    (void)state;
#ifdef HAVE_ROUTINES
    const struct routine *routine = routine_find("stm32h7");

    assert_non_null(routine);
    assert_string_equal(routine->name, "stm32h7");
    assert_in_range(routine->size, 64, ROUTINE_CODE_MAX - sizeof(struct mailbox));
    assert_int_equal(routine->size % 4, 0);
#else
    assert_null(routine_find("stm32h7"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
