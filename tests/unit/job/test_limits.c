/* When another programming is allowed, and what is remembered of earlier ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "job/limits.h"
#include "util/cleanup.h"

#define SEC    INT64_C(1000)
#define MINUTE (60 * SEC)
#define DAY    (24 * 60 * MINUTE)
#define NOW    (1000 * DAY)

static struct limits_past past_of(const int64_t *ago, size_t n)
{
    struct limits_past past = {.n = n};

    for (size_t i = 0; i < n; i++)
        past.msec[i] = NOW - ago[i];
    return past;
}

static void test_judge(void **state)
{
    static const struct {
        struct limits limits;
        int64_t ago[4]; /* ends with 0 */
        enum limits_span expected;
        int64_t until; /* from now */
    } cases[] = {
        {{2, 0}, {0}, LIMITS_NONE, 0},
        {{2, 0}, {10 * SEC}, LIMITS_NONE, 0},
        {{2, 0}, {20 * SEC, 10 * SEC}, LIMITS_MINUTE, 40 * SEC},
        {{2, 0}, {30 * SEC, 20 * SEC, 10 * SEC}, LIMITS_MINUTE, 40 * SEC},
        {{2, 0}, {MINUTE - 1, 10 * SEC}, LIMITS_MINUTE, 1},
        {{2, 0}, {MINUTE, 10 * SEC}, LIMITS_NONE, 0},
        {{0, 2}, {DAY - 1, MINUTE}, LIMITS_DAY, 1},
        {{0, 2}, {DAY, MINUTE}, LIMITS_NONE, 0},
        {{0, 1}, {DAY, 2 * MINUTE}, LIMITS_DAY, DAY - 2 * MINUTE},
        /* The one that lasts longer is told. */
        {{1, 2}, {2 * MINUTE, 10 * SEC}, LIMITS_DAY, DAY - 2 * MINUTE},
        {{1, 2}, {DAY - 10 * SEC, 10 * SEC}, LIMITS_MINUTE, 50 * SEC},
        {{0, 0}, {3 * SEC, 2 * SEC, 1 * SEC}, LIMITS_NONE, 0},
        /* The clock was set back: what is to come does not count, what is past does. */
        {{1, 1}, {-1}, LIMITS_NONE, 0},
        {{1, 1}, {-10 * DAY, -20 * DAY}, LIMITS_NONE, 0},
        {{1, 0}, {10 * SEC, -DAY}, LIMITS_MINUTE, 50 * SEC},
        {{2, 0}, {10 * SEC, -DAY}, LIMITS_NONE, 0},
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        size_t n = 0;
        int64_t until;

        while (cases[i].ago[n] != 0)
            n++;
        const struct limits_past past = past_of(cases[i].ago, n);
        assert_int_equal(limits_judge(&cases[i].limits, &past, NOW, &until), cases[i].expected);
        if (cases[i].expected != LIMITS_NONE)
            assert_int_equal(until, NOW + cases[i].until);
    }
}

/* What was told is true: a millisecond before it is forbidden, and then no more. */
static void test_until(void **state)
{
    const struct limits limits = {3, 5};
    struct limits_past past = {.n = 0};
    int64_t now = NOW, until;
    (void)state;

    for (int i = 0; i < 50; i++) {
        if (limits_judge(&limits, &past, now, &until) != LIMITS_NONE) {
            assert_true(until > now);
            assert_int_not_equal(limits_judge(&limits, &past, until - 1, &now), LIMITS_NONE);
            now = until;
            assert_int_equal(limits_judge(&limits, &past, now, &until), LIMITS_NONE);
        }
        limits_note(&past, now);
        now += 7 * SEC;
    }
    /* 50 at 5 a day. */
    assert_in_range(now - NOW, 9 * DAY, 10 * DAY);
}

static void test_note(void **state)
{
    static const int64_t ago[] = {DAY + 1, DAY, DAY - 1, 1, -1, -2};
    struct limits_past past = past_of(ago, ELEMENTSOF(ago));
    (void)state;

    limits_note(&past, NOW);
    assert_int_equal(past.n, 3);
    assert_int_equal(past.msec[0], NOW - DAY + 1);
    assert_int_equal(past.msec[1], NOW - 1);
    assert_int_equal(past.msec[2], NOW);
}

static void test_note_when_full(void **state)
{
    struct limits_past past = {.n = 0};
    (void)state;

    for (int i = 0; i < LIMITS_MAX + 2; i++)
        limits_note(&past, NOW + i);
    assert_int_equal(past.n, LIMITS_MAX);
    assert_int_equal(past.msec[0], NOW + 2);
    assert_int_equal(past.msec[LIMITS_MAX - 1], NOW + LIMITS_MAX + 1);
}

static void test_text(void **state)
{
    struct limits_past past = {.n = 0}, read;
    char text[LIMITS_TEXT_MAX];
    (void)state;

    assert_int_equal(limits_format(&past, text), 0);
    limits_parse(text, 0, &read);
    assert_int_equal(read.n, 0);
    for (int i = 0; i < LIMITS_MAX; i++)
        past.msec[past.n++] = INT64_MAX - DAY - LIMITS_MAX + i;
    size_t size = limits_format(&past, text);
    assert_int_equal(size, strlen(text));
    limits_parse(text, size, &read);
    assert_int_equal(read.n, past.n);
    assert_memory_equal(read.msec, past.msec, sizeof(past.msec));
}

static void test_strange_text(void **state)
{
    static const char text[] = "30\n\nten\n-5\n 7\n1\0002\n9223372036854775807\n"
                               "99999999999999999999\n10\r\n10\n20";
    struct limits_past past;
    (void)state;

    limits_parse(text, sizeof(text) - 1, &past);
    assert_int_equal(past.n, 3);
    assert_int_equal(past.msec[0], 10);
    assert_int_equal(past.msec[1], 20);
    assert_int_equal(past.msec[2], 30);
}

static void test_long_text(void **state)
{
    char text[(LIMITS_MAX + 5) * 8] = "";
    struct limits_past past;
    size_t size = 0;
    (void)state;

    for (int i = 0; i < LIMITS_MAX + 5; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d\n", i);
    limits_parse(text, size, &past);
    assert_int_equal(past.n, LIMITS_MAX);
    assert_int_equal(past.msec[0], 5);
    assert_int_equal(past.msec[LIMITS_MAX - 1], LIMITS_MAX + 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),     cmocka_unit_test(test_until),
        cmocka_unit_test(test_note),      cmocka_unit_test(test_note_when_full),
        cmocka_unit_test(test_text),      cmocka_unit_test(test_strange_text),
        cmocka_unit_test(test_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
