/* Whole reads and writes, and files that are replaced whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/unit/util/temp_dir.h"

static int set_up(void **state)
{
    static struct temp_dir dir;

    dir = temp_dir_make();
    *state = &dir;
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

/* Bytes that do not repeat at any buffer's size. */
static void fill(char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void test_read_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 3000000};
    struct temp_dir *dir = *state;

    for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
        _cleanup_free_ char *bytes = malloc(sizes[i] + 1), *text = NULL;
        size_t size = 99;

        fill(bytes, sizes[i]);
        temp_dir_write(dir, "file", bytes, sizes[i]);
        _cleanup_fd_ int fd = openat(dir->fd, "file", O_RDONLY);
        assert_int_equal(fd_read_file(fd, sizes[i], &text, &size), 0);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(text, bytes, size);
        assert_int_equal(text[size], '\0');
    }
}

static void test_read_too_long(void **state)
{
    struct temp_dir *dir = *state;
    char *text = (char *)"untouched";
    size_t size = 99;

    temp_dir_write(dir, "file", "12345", 5);
    _cleanup_fd_ int fd = openat(dir->fd, "file", O_RDONLY);
    assert_int_equal(fd_read_file(fd, 4, &text, &size), -EFBIG);
    assert_string_equal(text, "untouched");
    assert_int_equal(size, 99);
}

static void test_read_endless(void **state)
{
    _cleanup_fd_ int fd = open("/dev/zero", O_RDONLY);
    char *text = NULL;
    size_t size;
    (void)state;

    assert_int_equal(fd_read_file(fd, 1 << 20, &text, &size), -EFBIG);
    assert_null(text);
}

static void test_read_directory(void **state)
{
    struct temp_dir *dir = *state;
    char *text = NULL;
    size_t size;

    assert_int_equal(fd_read_file(dir->fd, 100, &text, &size), -EISDIR);
    assert_int_equal(fd_read_file(-EBADF, 100, &text, &size), -EBADF);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

/* A pipe that gives little at a time, and signals in between that interrupt each read. */
static void test_read_in_pieces(void **state)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {.it_value = {0, 0}};
    char bytes[32];
    int ends[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        for (int i = 0; i < 20; i++) {
            usleep(10000);
            (void)!write(ends[1], "x", 1);
        }
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    setitimer(ITIMER_REAL, &often, NULL);
    ssize_t n = fd_read_full(ends[0], bytes, sizeof(bytes));
    setitimer(ITIMER_REAL, &never, NULL);
    close(ends[0]);
    waitpid(writer, NULL, 0);
    assert_int_equal(n, 20);
    assert_true(alarms > 0);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* More than a pipe holds, to a reader that is interrupted by nothing and slow. */
static void test_write_in_pieces(void **state)
{
    static char bytes[1 << 20];
    int ends[2], status;
    (void)state;

    fill(bytes, sizeof(bytes));
    assert_int_equal(pipe(ends), 0);
    pid_t reader = fork();
    if (reader == 0) {
        static char got[sizeof(bytes) + 1];
        close(ends[1]);
        usleep(20000);
        ssize_t n = fd_read_full(ends[0], got, sizeof(got));
        _exit(n == sizeof(bytes) && memcmp(got, bytes, sizeof(bytes)) == 0 ? 0 : 1);
    }
    close(ends[0]);
    assert_int_equal(fd_write_full(ends[1], bytes, sizeof(bytes)), 0);
    close(ends[1]);
    waitpid(reader, &status, 0);
    assert_int_equal(status, 0);
}

static void test_write_refused(void **state)
{
    int ends[2];
    (void)state;

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(fd_write_full(ends[1], "x", 1), -EPIPE);
    close(ends[1]);
}

/* ---- Replacing ------------------------------------------------------------------------------- */

static void assert_content(const struct temp_dir *dir, const char *name, const char *expected)
{
    size_t size;
    _cleanup_free_ char *text = temp_dir_read(dir, name, &size);

    assert_non_null(text);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
}

static mode_t mode_of(const struct temp_dir *dir, const char *name)
{
    struct stat status;

    assert_int_equal(fstatat(dir->fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status.st_mode & 07777;
}

static void test_replace(void **state)
{
    struct temp_dir *dir = *state;

    assert_int_equal(fd_replace_file(dir->fd, "file", "first, longer", 13, 0600), 0);
    assert_content(dir, "file", "first, longer");
    assert_int_equal(fd_replace_file(dir->fd, "file", "second", 6, 0600), 0);
    assert_content(dir, "file", "second");
    assert_int_equal(fd_replace_file(dir->fd, "file", "", 0, 0600), 0);
    assert_content(dir, "file", "");
    assert_int_equal(count_entries(dir->path), 1);
}

/* Who has the old file open goes on reading the old file: it was replaced, not written to. */
static void test_replace_is_atomic(void **state)
{
    struct temp_dir *dir = *state;
    char old[8] = "";

    temp_dir_write(dir, "file", "old", 3);
    _cleanup_fd_ int fd = openat(dir->fd, "file", O_RDONLY);
    assert_int_equal(fd_replace_file(dir->fd, "file", "new", 3, 0600), 0);
    assert_int_equal(fd_read_full(fd, old, sizeof(old)), 3);
    assert_string_equal(old, "old");
}

static void test_replace_mode(void **state)
{
    struct temp_dir *dir = *state;

    mode_t before = umask(0077);
    assert_int_equal(fd_replace_file(dir->fd, "open", "x", 1, 0644), 0);
    umask(0);
    assert_int_equal(fd_replace_file(dir->fd, "closed", "x", 1, 0600), 0);
    umask(before);
    assert_int_equal(mode_of(dir, "open"), 0644);
    assert_int_equal(mode_of(dir, "closed"), 0600);
}

/* A crash in the middle left its temporary file: the next time it is in nobody's way. */
static void test_replace_after_crash(void **state)
{
    struct temp_dir *dir = *state;

    temp_dir_write(dir, "file.tmp", "half of something longer", 24);
    assert_int_equal(fd_replace_file(dir->fd, "file", "new", 3, 0600), 0);
    assert_content(dir, "file", "new");
    assert_int_equal(count_entries(dir->path), 1);
}

static void test_replace_follows_no_link(void **state)
{
    struct temp_dir *dir = *state;

    temp_dir_write(dir, "victim", "secret", 6);
    assert_int_equal(symlinkat("victim", dir->fd, "file.tmp"), 0);
    assert_int_equal(fd_replace_file(dir->fd, "file", "new", 3, 0600), -ELOOP);
    assert_content(dir, "victim", "secret");
}

static void test_replace_over_folder(void **state)
{
    struct temp_dir *dir = *state;

    assert_int_equal(mkdirat(dir->fd, "file", 0700), 0);
    assert_int_equal(fd_replace_file(dir->fd, "file", "new", 3, 0600), -EISDIR);
    assert_int_equal(count_entries(dir->path), 1);
    assert_int_equal(mode_of(dir, "file"), 0700);
}

/* The disk is full, as far as this process can tell. */
static void test_replace_without_room(void **state)
{
    static char bytes[65536];
    struct temp_dir *dir = *state;
    struct rlimit before, limit;

    temp_dir_write(dir, "file", "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = sizeof(bytes) / 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int r = fd_replace_file(dir->fd, "file", bytes, sizeof(bytes), 0600);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, -EFBIG);
    assert_content(dir, "file", "old");
    assert_int_equal(count_entries(dir->path), 1);
}

static void test_replace_long_name(void **state)
{
    struct temp_dir *dir = *state;
    char name[300];

    memset(name, 'n', sizeof(name));
    name[251] = '\0'; /* with ".tmp" just as long as a name may be */
    assert_int_equal(fd_replace_file(dir->fd, name, "x", 1, 0600), 0);
    assert_content(dir, name, "x");
    name[251] = 'n';
    name[252] = '\0';
    assert_int_equal(fd_replace_file(dir->fd, name, "x", 1, 0600), -ENAMETOOLONG);
    name[252] = 'n';
    name[299] = '\0';
    assert_int_equal(fd_replace_file(dir->fd, name, "x", 1, 0600), -ENAMETOOLONG);
    assert_int_equal(count_entries(dir->path), 1);
}

static void test_replace_keeps_no_fd(void **state)
{
    struct temp_dir *dir = *state;
    unsigned before = count_fds();

    assert_int_equal(fd_replace_file(dir->fd, "file", "x", 1, 0600), 0);
    assert_int_equal(fd_replace_file(dir->fd, "none/file", "x", 1, 0600), -ENOENT);
    assert_int_equal(count_fds(), before);
}

static void test_close(void **state)
{
    int ends[2];
    (void)state;

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fd_close(ends[0]), -EBADF);
    assert_int_equal(fcntl(ends[0], F_GETFD), -1);
    assert_int_equal(fd_close(-EBADF), -EBADF);
    close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read_sizes),
        TEST(test_read_too_long),
        TEST(test_read_endless),
        TEST(test_read_directory),
        TEST(test_read_in_pieces),
        TEST(test_write_in_pieces),
        TEST(test_write_refused),
        TEST(test_replace),
        TEST(test_replace_is_atomic),
        TEST(test_replace_mode),
        TEST(test_replace_after_crash),
        TEST(test_replace_follows_no_link),
        TEST(test_replace_over_folder),
        TEST(test_replace_without_room),
        TEST(test_replace_long_name),
        TEST(test_replace_keeps_no_fd),
        TEST(test_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
