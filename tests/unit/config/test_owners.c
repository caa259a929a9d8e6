/* Who is on the list, and that what names nobody lets nobody in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "config/owners.h"

static int find(const char *name, uid_t *ret)
{
    if (strcmp(name, "broken") == 0)
        return -EIO;
    if (strcmp(name, "fio") != 0)
        return -ENOENT;
    *ret = 1000;
    return 0;
}

static void test_anyone(void **state)
{
    const struct owners owners = {.anyone = true};
    (void)state;

    assert_true(owners_allow(&owners, 0));
    assert_true(owners_allow(&owners, 4711));
}

static void test_nobody(void **state)
{
    const struct owners owners = {.n = 0};
    (void)state;

    assert_false(owners_allow(&owners, 0));
    assert_false(owners_allow(&owners, 4711));
}

static void test_names_and_numbers(void **state)
{
    struct owners owners = {.n = 0};
    (void)state;

    assert_int_equal(owners_add(&owners, "fio", find), 0);
    assert_int_equal(owners_add(&owners, "0", find), 0);
    assert_int_equal(owners_add(&owners, "4294967294", NULL), 0);
    assert_true(owners_allow(&owners, 1000));
    assert_true(owners_allow(&owners, 0));
    assert_true(owners_allow(&owners, 4294967294));
    assert_false(owners_allow(&owners, 1));
    assert_false(owners_allow(&owners, (uid_t)-1));
}

static void test_words_that_name_nobody(void **state)
{
    static const struct {
        const char *word;
        int expected;
    } cases[] = {
        {"nosuch", -ENOENT},     {"broken", -EIO},
        {"", -ENOENT},           {"-1", -ENOENT},
        {"0x0", -ENOENT},        {"0K", -ENOENT},
        {"4294967295", -EINVAL}, {"18446744073709551616", -EINVAL},
    };
    struct owners owners = {.n = 0};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_int_equal(owners_add(&owners, cases[i].word, find), cases[i].expected);
    assert_int_equal(owners_add(&owners, "fio", NULL), -ENOENT);
    assert_int_equal(owners.n, 0);
}

static void test_full(void **state)
{
    struct owners owners = {.n = 0};
    (void)state;

    for (int i = 0; i < OWNERS_MAX; i++)
        assert_int_equal(owners_add(&owners, "7", NULL), 0);
    assert_int_equal(owners_add(&owners, "8", NULL), -E2BIG);
    assert_true(owners_allow(&owners, 7));
    assert_false(owners_allow(&owners, 8));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anyone),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_names_and_numbers),
        cmocka_unit_test(test_words_that_name_nobody),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
