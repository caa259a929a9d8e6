/* What is told of the files in an inbox that stays where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/io/watched.h"

static int set_up(void **state)
{
    static struct watched w;

    watched_make(&w);
    assert_int_equal(mkdirat(w.dir.fd, "inbox", 0755), 0);
    assert_int_equal(watched_begin(&w, "inbox"), 0);
    assert_string_equal(watched_told(&w), "");
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    return watched_free(*state) ? 0 : -1;
}

static void put(struct watched *w, const char *name)
{
    temp_dir_write(&w->dir, name, "x", 1);
}

static void move(struct watched *w, const char *from, const char *to)
{
    assert_int_equal(renameat(w->dir.fd, from, w->dir.fd, to), 0);
}

static void test_written(void **state)
{
    struct watched *w = *state;

    put(w, "inbox/upload");
    assert_string_equal(watched_told(w), "NWC");
}

/* The writes of an upload are told while it lasts, its end only when it is closed. */
static void test_slow(void **state)
{
    struct watched *w = *state;
    _cleanup_fd_ int fd = openat(w->dir.fd, "inbox/upload", O_WRONLY | O_CREAT | O_EXCL, 0644);

    assert_string_equal(watched_told(w), "N");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(write(fd, "x", 1), 1);
        assert_string_equal(watched_told(w), "W");
    }
    fd = fd_close(fd);
    assert_string_equal(watched_told(w), "C");
}

/* As the board's adbd does it: old file away, mode, pieces, close, time. */
static void test_adb_push(void **state)
{
    const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct watched *w = *state;

    put(w, "inbox/upload");
    watched_told(w);
    assert_int_equal(unlinkat(w->dir.fd, "inbox/upload", 0), 0);
    _cleanup_fd_ int fd = openat(w->dir.fd, "inbox/upload", O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_int_equal(fchmod(fd, 0666), 0);
    assert_int_equal(write(fd, "x", 1), 1);
    fd = fd_close(fd);
    assert_int_equal(utimensat(w->dir.fd, "inbox/upload", times, 0), 0);
    assert_string_equal(watched_told(w), "GNAWCA");
}

static void test_aborted_push(void **state)
{
    struct watched *w = *state;

    put(w, "inbox/upload");
    assert_int_equal(unlinkat(w->dir.fd, "inbox/upload", 0), 0);
    assert_string_equal(watched_told(w), "NWCG");
}

static void test_two_in_one_go(void **state)
{
    struct watched *w = *state;

    put(w, "inbox/upload");
    put(w, "inbox/upload"); /* truncates it first: that is a change of content as well */
    assert_string_equal(watched_told(w), "NWCWC");
}

/* Touched, or opened and closed without a write: the same upload once more. */
static void test_touch(void **state)
{
    struct watched *w = *state;

    put(w, "inbox/upload");
    watched_told(w);
    _cleanup_fd_ int fd = openat(w->dir.fd, "inbox/upload", O_WRONLY);
    assert_int_equal(futimens(fd, NULL), 0);
    fd = fd_close(fd);
    assert_string_equal(watched_told(w), "AC");
}

static void test_read(void **state)
{
    struct watched *w = *state;

    put(w, "inbox/upload");
    watched_told(w);
    close(openat(w->dir.fd, "inbox/upload", O_RDONLY));
    assert_string_equal(watched_told(w), "");
}

static void test_moved_in_and_away(void **state)
{
    struct watched *w = *state;

    put(w, "elsewhere");
    move(w, "elsewhere", "inbox/upload");
    assert_string_equal(watched_told(w), "C");
    move(w, "inbox/upload", "elsewhere");
    assert_string_equal(watched_told(w), "G");
    put(w, "inbox/part");
    move(w, "inbox/part", "inbox/upload");
    assert_string_equal(watched_told(w), "C");
    move(w, "inbox/upload", "inbox/done");
    assert_string_equal(watched_told(w), "G");
}

static void test_linked_in(void **state)
{
    struct watched *w = *state;

    put(w, "elsewhere");
    assert_int_equal(linkat(w->dir.fd, "elsewhere", w->dir.fd, "inbox/upload", 0), 0);
    assert_string_equal(watched_told(w), "C");
}

/* What will never be closed after writing is complete at once. */
static void test_other_kinds(void **state)
{
    struct watched *w = *state;

    assert_int_equal(symlinkat("/etc/shadow", w->dir.fd, "inbox/upload"), 0);
    assert_string_equal(watched_told(w), "C");
    assert_int_equal(unlinkat(w->dir.fd, "inbox/upload", 0), 0);
    assert_int_equal(mkfifoat(w->dir.fd, "inbox/upload", 0666), 0);
    assert_string_equal(watched_told(w), "GC");
    assert_int_equal(unlinkat(w->dir.fd, "inbox/upload", 0), 0);
    assert_int_equal(mkdirat(w->dir.fd, "inbox/upload", 0755), 0);
    assert_string_equal(watched_told(w), "GC");
    assert_int_equal(unlinkat(w->dir.fd, "inbox/upload", AT_REMOVEDIR), 0);
    assert_string_equal(watched_told(w), "G");
}

static void test_other_names(void **state)
{
    struct watched *w = *state;

    put(w, "inbox/upload.part");
    put(w, "inbox/Upload");
    put(w, "inbox/uploa");
    move(w, "inbox/uploa", "inbox/o");
    assert_int_equal(symlinkat("x", w->dir.fd, "inbox/link"), 0);
    assert_int_equal(unlinkat(w->dir.fd, "inbox/o", 0), 0);
    assert_int_equal(fchmodat(w->dir.fd, "inbox", 0700, 0), 0);
    assert_string_equal(watched_told(w), "");
}

/* More events than the kernel keeps: the owner has to look for itself. */
static void test_overflow(void **state)
{
    struct watched *w = *state;
    unsigned max = 0;

    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &max), 1);
    fclose(file);
    _cleanup_fd_ int a = openat(w->dir.fd, "inbox/a", O_WRONLY | O_CREAT, 0644);
    _cleanup_fd_ int b = openat(w->dir.fd, "inbox/b", O_WRONLY | O_CREAT, 0644);
    for (unsigned i = 0; i < max + 100; i++) /* in turn, for the like are merged */
        assert_int_equal(write(i % 2 ? a : b, "x", 1), 1);
    w->expected = "last";
    temp_dir_write(&w->dir, "inbox/upload", "last", 4);
    assert_true(loop_until(w->event, &w->seen));
    assert_non_null(strchr(watched_told(w), 'R'));
    assert_true(watched_finds(w, "inbox", "next"));
}

static void test_open(void **state)
{
    struct watched *w = *state;
    struct stat expected, status;

    _cleanup_fd_ int fd = watch_open(w->watch);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(fstatat(w->dir.fd, "inbox", &expected, 0), 0);
    assert_true(status.st_ino == expected.st_ino);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_false(watch_is_refused(w->watch));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_written),       TEST(test_slow),
        TEST(test_adb_push),      TEST(test_aborted_push),
        TEST(test_two_in_one_go), TEST(test_touch),
        TEST(test_read),          TEST(test_moved_in_and_away),
        TEST(test_linked_in),     TEST(test_other_kinds),
        TEST(test_other_names),   TEST(test_overflow),
        TEST(test_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
