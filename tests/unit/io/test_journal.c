/* When the journal is spoken to, with which fields, and what is written to stderr otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>

#include "io/journal.h"
#include "tests/unit/util/temp_dir.h"

static const char journal_dir[] = "/run/systemd/journal";

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

/* ---- A journal of our own, in a mount namespace of our own ----------------------------------- */

/* Returns the socket that libsystemd will send to, or -errno. */
static int be_the_journal(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -errno;
    if (mount("test", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 ||
        mkdir(journal_dir, 0755) < 0)
        return -errno;
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", journal_dir);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static bool hears(int fd, const char *expected)
{
    char text[4096] = "";

    return recv(fd, text, sizeof(text) - 1, 0) > 0 && strcmp(text, expected) == 0;
}

/* Returns an exit status. */
static int try_structured(const struct fixture *f)
{
    const struct journal journal = {.structured = true};
    struct iovec fields[] = {
        {.iov_base = (char *)"M4FLASH_JOB=1", .iov_len = 13},
        {.iov_base = (char *)"M4FLASH_HINT=", .iov_len = 13},
    };
    char text[16];

    int fd = be_the_journal();
    if (fd < 0)
        return 77;
    journal_log(&journal, LOG_WARNING, "a %s", "line");
    if (!hears(fd, "MESSAGE=a line\nPRIORITY=4\nSYSLOG_IDENTIFIER=test_journal\n"))
        return 1;
    journal_send(&journal, LOG_ERR, "with fields", fields, ELEMENTSOF(fields));
    if (!hears(fd, "MESSAGE=with fields\nPRIORITY=3\nM4FLASH_JOB=1\nM4FLASH_HINT=\n"
                   "SYSLOG_IDENTIFIER=test_journal\n"))
        return 2;
    return pread(f->stream, text, sizeof(text), 0) == 0 ? 0 : 3;
}

static void test_structured(void **state)
{
    int status;

    pid_t pid = fork();
    if (pid == 0)
        _exit(try_structured(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("no privilege to mount\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain), TEST(test_long_line), TEST(test_mismatch),
        TEST(test_match), TEST(test_no_stderr), TEST(test_structured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
