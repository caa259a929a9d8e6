/* Ranges at their borders: empty ones, neighbours, and those that end at 2^32. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/range.h"

static const uint64_t top = UINT64_C(1) << 32;

static void test_end_at_the_top(void **state)
{
    const struct range last = {.start = UINT32_MAX, .size = 1};
    (void)state;

    assert_true(range_end(last) == top);
    assert_true(range_contains(last, UINT32_MAX));
    assert_false(range_contains(last, 0));
    assert_false(range_contains(last, top));
    assert_false(range_contains(last, UINT32_MAX - 1));
}

/* A start and a size that together pass 2^32: a 32-bit sum would come out small. */
static void test_no_wrap(void **state)
{
    const struct range wild = {.start = 0xFFFFFF00, .size = UINT32_MAX};
    const struct range flash = {.start = 0, .size = 0x1000};
    const struct range whole = {.start = 0, .size = top};
    (void)state;

    assert_false(range_covers(flash, wild));
    assert_false(range_overlaps(flash, wild));
    assert_false(range_covers(whole, wild));
    assert_true(range_overlaps(whole, wild));
}

static void test_contains(void **state)
{
    const struct range flash = {.start = 0x08100000, .size = 0x100000};
    const struct range empty = {.start = 0x08100000, .size = 0};
    (void)state;

    assert_true(range_contains(flash, 0x08100000));
    assert_true(range_contains(flash, 0x081FFFFF));
    assert_false(range_contains(flash, 0x080FFFFF));
    assert_false(range_contains(flash, 0x08200000));
    assert_false(range_contains(empty, 0x08100000));
}

static void test_covers(void **state)
{
    const struct range outer = {.start = 0x1000, .size = 0x1000};
    const struct {
        struct range inner;
        bool covered;
    } cases[] = {
        {{0x1000, 0x1000}, true},  {{0x1000, 1}, true},       {{0x1FFF, 1}, true},
        {{0x0FFF, 1}, false},      {{0x2000, 1}, false},      {{0x1000, 0x1001}, false},
        {{0x0FFF, 0x1000}, false}, {{0x0FFF, 0x2000}, false}, {{0x1FFF, 2}, false},
        {{0x1000, 0}, true},       {{0x2000, 0}, true},       {{0x2001, 0}, false},
        {{0x0FFF, 0}, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(range_covers(outer, cases[i].inner), cases[i].covered);
}

static void test_overlaps(void **state)
{
    const struct range a = {.start = 0x1000, .size = 0x1000};
    const struct {
        struct range b;
        bool overlap;
    } cases[] = {
        {{0x1000, 0x1000}, true}, {{0x1FFF, 1}, true},  {{0x0FFF, 2}, true},
        {{0, 0x10000}, true},     {{0x1800, 1}, true},  {{0x0FFF, 1}, false},
        {{0x2000, 1}, false},     {{0x1800, 0}, false}, {{0x1000, 0}, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(range_overlaps(a, cases[i].b), cases[i].overlap);
        assert_int_equal(range_overlaps(cases[i].b, a), cases[i].overlap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_at_the_top), cmocka_unit_test(test_no_wrap),
        cmocka_unit_test(test_contains),       cmocka_unit_test(test_covers),
        cmocka_unit_test(test_overlaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
