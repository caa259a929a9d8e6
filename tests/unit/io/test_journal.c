/* When the journal is spoken to, with which fields, and what is written to stderr otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <syslog.h>

#include "io/journal.h"
#include "tests/unit/util/temp_dir.h"

/* Standard error of its own for each test: a memfd. */
struct fixture {
    int stderr_before;
    int stream;
    char number[64]; /* as in JOURNAL_STREAM */
};

static int set_up(void **state)
{
    static struct fixture f;
    struct stat status;

    f.stream = memfd_create("stderr", MFD_CLOEXEC);
    f.stderr_before = dup(STDERR_FILENO);
    if (f.stream < 0 || f.stderr_before < 0 || fstat(f.stream, &status) < 0)
        return -1;
    snprintf(f.number, sizeof(f.number), "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    fflush(stderr);
    dup2(f.stream, STDERR_FILENO);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fflush(stderr);
    dup2(f->stderr_before, STDERR_FILENO);
    close(f->stderr_before);
    close(f->stream);
    unsetenv("JOURNAL_STREAM");
    return 0;
}

static void assert_written(const struct fixture *f, const char *expected)
{
    char text[4096] = "";

    assert_true(pread(f->stream, text, sizeof(text) - 1, 0) >= 0);
    assert_string_equal(text, expected);
}

static void test_plain(void **state)
{
    struct fixture *f = *state;
    struct iovec field = {.iov_base = (char *)"M4FLASH_JOB=1", .iov_len = 13};

    unsetenv("JOURNAL_STREAM");
    const struct journal journal = journal_open();
    assert_false(journal.structured);
    journal_log(&journal, LOG_ERR, "%s: %d", "a number", 7);
    journal_send(&journal, LOG_INFO, "100 %s of it", &field, 1);
    assert_written(f, "a number: 7\n100 %s of it\n");
}

/* An overlong line is cut, not dropped. */
static void test_long_line(void **state)
{
    const struct journal journal = {.structured = false};
    struct fixture *f = *state;
    char line[6000], text[4096] = "";

    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    journal_log(&journal, LOG_ERR, "%s", line);
    ssize_t n = pread(f->stream, text, sizeof(text) - 1, 0);
    assert_in_range(n, 1000, 3000);
    assert_int_equal(text[n - 1], '\n');
    assert_int_equal(strspn(text, "x"), n - 1);
}

/* Standard error may have been led elsewhere since systemd set the variable. */
static void test_mismatch(void **state)
{
    static const char *const streams[] = {"1:1", "", ":", "x:y", "1", "-1:-1", "8:", "/dev/null"};
    struct fixture *f = *state;
    char wrong[80];

    for (size_t i = 0; i < ELEMENTSOF(streams); i++) {
        setenv("JOURNAL_STREAM", streams[i], 1);
        assert_false(journal_open().structured);
    }
    snprintf(wrong, sizeof(wrong), "%s1", f->number); /* the right device only */
    setenv("JOURNAL_STREAM", wrong, 1);
    assert_false(journal_open().structured);
    snprintf(wrong, sizeof(wrong), "9%s", f->number); /* the right inode only */
    setenv("JOURNAL_STREAM", wrong, 1);
    assert_false(journal_open().structured);
}

static void test_match(void **state)
{
    struct fixture *f = *state;

    setenv("JOURNAL_STREAM", f->number, 1);
    assert_true(journal_open().structured);
}

static void test_no_stderr(void **state)
{
    struct fixture *f = *state;

    setenv("JOURNAL_STREAM", f->number, 1);
    close(STDERR_FILENO);
    bool structured = journal_open().structured;
    dup2(f->stream, STDERR_FILENO);
    assert_false(structured);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain), TEST(test_long_line), TEST(test_mismatch),
        TEST(test_match), TEST(test_no_stderr),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
