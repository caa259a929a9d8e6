/* What reaches the journal, byte for byte. As root only: the test stands in for journald. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <syslog.h>

#include "io/journal.h"
#include "tests/unit/io/journal_socket.h"
#include "tests/unit/io/namespace.h"

#define IDENTIFIER "SYSLOG_IDENTIFIER=test_journal_fields\n"

static const struct journal journal = {.structured = true};

static int set_up(void **state)
{
    static int fd;

    fd = journal_socket_open();
    *state = &fd;
    return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    close(*(int *)*state);
    return umount2("/run", MNT_DETACH);
}

static void assert_entry(void **state, const char *expected)
{
    char text[8192];

    assert_string_equal(journal_socket_read(*(int *)*state, text, sizeof(text)), expected);
}

static void test_line(void **state)
{
    journal_log(&journal, LOG_WARNING, "a %s", "line");
    assert_entry(state, "MESSAGE=a line\nPRIORITY=4\n" IDENTIFIER);
    assert_entry(state, "");
}

static void test_line_about_a_job(void **state)
{
    journal_log_job(&journal, 18446744073709551615U, LOG_INFO, "a %s", "line");
    assert_entry(state,
                 "MESSAGE=a line\nPRIORITY=6\nM4FLASH_JOB=18446744073709551615\n" IDENTIFIER);
}

static void test_fields(void **state)
{
    struct iovec fields[] = {
        {.iov_base = (char *)"M4FLASH_JOB=1", .iov_len = 13},
        {.iov_base = (char *)"M4FLASH_HINT=", .iov_len = 13},
    };

    journal_send(&journal, LOG_ERR, "100 % done", fields, ELEMENTSOF(fields));
    assert_entry(state,
                 "MESSAGE=100 % done\nPRIORITY=3\nM4FLASH_JOB=1\nM4FLASH_HINT=\n" IDENTIFIER);
}

/* A message of two lines is one entry, not two fields. */
static void test_newline(void **state)
{
    char text[512];

    journal_send(&journal, LOG_INFO, "one\nPRIORITY=0", NULL, 0);
    ssize_t n = recv(*(int *)*state, text, sizeof(text), 0);
    assert_true(n > 24);
    assert_memory_equal(text, "MESSAGE\n\x0e\0\0\0\0\0\0\0one\nPRIORITY=0\n", 31);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_line),
        TEST(test_line_about_a_job),
        TEST(test_fields),
        TEST(test_newline),
    };

    if (!namespace_enter())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
