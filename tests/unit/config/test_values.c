/* Texts that are sizes, times, paths and names, and texts that only look like them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "config/values.h"
#include "util/cleanup.h"

struct number_case {
    const char *text;
    uint64_t value;
};

static void test_sizes(void **state)
{
    static const struct number_case cases[] = {
        {"0", 0},
        {"1", 1},
        {"010", 10},
        {"64M", 64 << 20},
        {"128K", 128 << 10},
        {"3G", 3ULL << 30},
        {"0x10000298", 0x10000298},
        {"0XfF", 255},
        {"18446744073709551615", UINT64_MAX},
        {"17179869183G", 17179869183ULL << 30},
    };
    uint64_t value;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        assert_int_equal(value_parse_size(cases[i].text, &value), 0);
        assert_int_equal(value, cases[i].value);
    }
}

static void test_no_sizes(void **state)
{
    static const char *const texts[] = {
        "",
        "M",
        "-1",
        "+1",
        "1.5M",
        "64MB",
        "64m",
        "1 M",
        " 1",
        "1 ",
        "0x",
        "0x1K",
        "0x1g",
        "12a",
        "1KK",
        "\xD9\xA1",
        "18446744073709551616",
        "17179869184G",
        "0x10000000000000000",
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        uint64_t value = 7;
        assert_int_equal(value_parse_size(texts[i], &value), -EINVAL);
        assert_int_equal(value, 7);
    }
}

static void test_u32(void **state)
{
    uint32_t value = 7;
    (void)state;

    assert_int_equal(value_parse_u32("0x100000000", &value), -EINVAL);
    assert_int_equal(value_parse_u32("4G", &value), -EINVAL);
    assert_int_equal(value, 7);
    assert_int_equal(value_parse_u32("0xFFFFFFFF", &value), 0);
    assert_int_equal(value, UINT32_MAX);
}

static void test_times(void **state)
{
    static const struct number_case cases[] = {
        {"120", 120000000},      {"0", 0},
        {"500ms", 500000},       {"7us", 7},
        {"2s", 2000000},         {"2sec", 2000000},
        {"2min", 120000000},     {"3m", 180000000},
        {"1h", 3600000000},      {"2 min", 120000000},
        {"2min 30s", 150000000}, {"2min30s", 150000000},
        {"1min 5", 65000000},
    };
    uint64_t usec;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        assert_int_equal(value_parse_time(cases[i].text, &usec), 0);
        assert_int_equal(usec, cases[i].value);
    }
}

static void test_no_times(void **state)
{
    static const char *const texts[] = {
        "",       "s",        "-1",   "1.5",   "5 30",           "infinity",
        "2 mins", "2minutes", "0x10", "1 s s", "18446744073710", "18446744073709s 1s",
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
        uint64_t usec = 7;
        assert_int_equal(value_parse_time(texts[i], &usec), -EINVAL);
        assert_int_equal(usec, 7);
    }
}

static void test_names(void **state)
{
    static const char *const good[] = {"portenta-x8", "a", "Board_2.1"};
    static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "../a", "a b", "\xC3\xA9"};
    char long_name[257];
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        assert_true(value_is_name(good[i]));
    for (size_t i = 0; i < ELEMENTSOF(bad); i++)
        assert_false(value_is_name(bad[i]));
    assert_true(value_is_file_name(".hidden"));
    assert_true(value_is_file_name("a b"));
    assert_false(value_is_file_name("a/b"));
    assert_false(value_is_file_name(".."));
    assert_false(value_is_file_name(""));
    memset(long_name, 'x', 256);
    long_name[256] = '\0';
    assert_false(value_is_file_name(long_name));
    long_name[255] = '\0';
    assert_true(value_is_file_name(long_name));
}

static void test_booleans(void **state)
{
    static const char *const on[] = {"1", "yes", "Y", "true", "t", "ON"};
    static const char *const off[] = {"0", "no", "N", "False", "f", "off"};
    static const char *const neither[] = {"", "2", "01", "yes ", "ye", "yess", "-1", "none"};
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(on); i++) {
        bool value = false;
        assert_int_equal(value_parse_boolean(on[i], &value), 0);
        assert_true(value);
    }
    for (size_t i = 0; i < ELEMENTSOF(off); i++) {
        bool value = true;
        assert_int_equal(value_parse_boolean(off[i], &value), 0);
        assert_false(value);
    }
    for (size_t i = 0; i < ELEMENTSOF(neither); i++) {
        bool value = i % 2;
        assert_int_equal(value_parse_boolean(neither[i], &value), -EINVAL);
        assert_int_equal(value, i % 2);
    }
}

static void test_paths(void **state)
{
    (void)state;
    assert_true(value_is_path("/"));
    assert_true(value_is_path("/usr/bin/a b"));
    assert_false(value_is_path(""));
    assert_false(value_is_path("usr/bin"));
    assert_false(value_is_path("\"/usr/bin\""));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_no_sizes),
        cmocka_unit_test(test_u32),      cmocka_unit_test(test_times),
        cmocka_unit_test(test_no_times), cmocka_unit_test(test_names),
        cmocka_unit_test(test_booleans), cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
