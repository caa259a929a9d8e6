/* When two looks at a file saw the same file in the same state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file_key.h"
#include "util/cleanup.h"

static const struct stat status = {
    .st_dev = 7,
    .st_ino = 42,
    .st_size = 4096,
    .st_mtim = {.tv_sec = 1700000000, .tv_nsec = 123456789},
    .st_ctim = {.tv_sec = 1700000001, .tv_nsec = 987654321},
};

static void test_of(void **state)
{
    const struct file_key key = file_key_of(&status);
    (void)state;

    assert_true(key.inode == 42);
    assert_true(key.size == 4096);
    assert_true(key.modified_nsec == 1700000000123456789);
    assert_true(key.changed_nsec == 1700000001987654321);
}

static void test_format(void **state)
{
    const struct file_key key = file_key_of(&status), none = {.inode = 0, .size = 5};
    const struct file_key longest = {UINT64_MAX, UINT64_MAX, INT64_MIN, INT64_MIN};
    char text[FILE_KEY_TEXT_MAX];
    (void)state;

    file_key_format(&key, text);
    assert_string_equal(text, "42:4096:1700000000123456789:1700000001987654321");
    file_key_format(&none, text);
    assert_string_equal(text, "");
    file_key_format(&longest, text);
    assert_string_equal(text, "18446744073709551615:18446744073709551615:-9223372036854775808:"
                              "-9223372036854775808");
}

static void test_parse(void **state)
{
    static const char *const wrong[] = {
        "",         "1",
        "1:2:3",    "1:2:3:",
        "1:2:3:4:", "1:2:3:4 ",
        " 1:2:3:4", "+1:2:3:4",
        "1:2:3:x",  "0:1:2:3",
        "-1:2:3:4", "1:2:3:4\n5:6:7:8",
        "01:2:3:4", "99999999999999999999:2:3:4",
    };
    const struct file_key key = file_key_of(&status);
    const struct file_key longest = {UINT64_MAX, UINT64_MAX, INT64_MIN, INT64_MAX};
    char text[FILE_KEY_TEXT_MAX];
    struct file_key found;
    (void)state;

    file_key_format(&key, text);
    file_key_parse(text, &found);
    assert_true(file_key_equal(&found, &key));
    file_key_format(&longest, text);
    file_key_parse(text, &found);
    assert_true(file_key_equal(&found, &longest));
    for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
        found = key;
        file_key_parse(wrong[i], &found);
        if (found.inode != 0)
            fail_msg("%s is taken for a file", wrong[i]);
    }
}

/* Each part counts, to the last nanosecond; the device does not. */
static void test_equal(void **state)
{
    const struct file_key key = file_key_of(&status);
    struct file_key others[] = {key, key, key, key};
    struct stat elsewhere = status;
    (void)state;

    others[0].inode++;
    others[1].size++;
    others[2].modified_nsec++;
    others[3].changed_nsec++;
    for (size_t i = 0; i < ELEMENTSOF(others); i++)
        assert_false(file_key_equal(&key, &others[i]));
    elsewhere.st_dev = 8;
    const struct file_key same = file_key_of(&elsewhere);
    assert_true(file_key_equal(&key, &same));
}

/* Anybody may give a file any time stamp; what does not fit must only be told apart. */
static void test_wild_times(void **state)
{
    struct stat far = status, farther = status;
    (void)state;

    far.st_mtim.tv_sec = INT64_MAX;
    farther.st_mtim.tv_sec = INT64_MIN;
    const struct file_key a = file_key_of(&far), b = file_key_of(&farther);
    assert_false(file_key_equal(&a, &b));
}

/* 2100, which 32 bits would take for 1963, or refuse to look at (EOVERFLOW). */
static void test_after_2038(void **state)
{
    const struct timespec times[] = {{.tv_sec = INT64_C(4102444800)},
                                     {.tv_sec = INT64_C(4102444800)}};
    char name[] = "/tmp/m4flash-test-XXXXXX";
    struct stat late;
    (void)state;

    _cleanup_fd_ int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(futimens(fd, times), 0);
    assert_int_equal(fstat(fd, &late), 0);
    assert_true(file_key_of(&late).modified_nsec == INT64_C(4102444800000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of),         cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_equal),
        cmocka_unit_test(test_wild_times), cmocka_unit_test(test_after_2038),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
