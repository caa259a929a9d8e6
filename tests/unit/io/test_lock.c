/* Of two who want the lock one gets it, the other learns from whom; and it ends with its holder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "io/lock.h"
#include "tests/unit/util/temp_dir.h"

static int set_up(void **state)
{
    struct temp_dir *dir = malloc(sizeof(*dir));

    assert_non_null(dir);
    *dir = temp_dir_make();
    *state = dir;
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(*state);
    free(*state);
    return 0;
}

/* The errno of a second attempt, and in holder what it learns. */
static int attempt(const struct temp_dir *dir, char holder[static LOCK_HOLDER_MAX])
{
    _cleanup_fd_ int fd = -EBADF;

    strcpy(holder, "nobody");
    int r = lock_take(dir->fd, "second", &fd, holder);
    assert_true(r == 0 ? fd >= 0 : fd == -EBADF);
    return r;
}

static void test_one_holder(void **state)
{
    struct temp_dir *dir = *state;
    char holder[LOCK_HOLDER_MAX] = "nobody", expected[LOCK_HOLDER_MAX];
    _cleanup_fd_ int fd = -EBADF;
    size_t size;

    assert_int_equal(lock_take(dir->fd, "first", &fd, holder), 0);
    assert_string_equal(holder, "nobody");
    _cleanup_free_ char *content = temp_dir_read(dir, "lock", &size);
    snprintf(expected, sizeof(expected), "%d first\n", (int)getpid());
    assert_string_equal(content, expected);
    assert_int_equal(attempt(dir, holder), -EWOULDBLOCK);
    snprintf(expected, sizeof(expected), "first (pid %d)", (int)getpid());
    assert_string_equal(holder, expected);
    fd = fd_close(fd);
    assert_int_equal(attempt(dir, holder), 0);
    assert_string_equal(holder, "nobody");
}

static void test_long_name(void **state)
{
    struct temp_dir *dir = *state;
    char holder[LOCK_HOLDER_MAX], expected[LOCK_HOLDER_MAX];
    _cleanup_fd_ int fd = -EBADF;

    assert_int_equal(lock_take(dir->fd, "a234567890b234567890c234567890d234567890", &fd, holder),
                     0);
    assert_int_equal(attempt(dir, holder), -EWOULDBLOCK);
    snprintf(expected, sizeof(expected), "a234567890b234567890c234567890d2 (pid %d)",
             (int)getpid());
    assert_string_equal(holder, expected);
}

/* What is in the file beforehand matters neither to who takes the lock nor to who comes then. */
static void test_stale_content(void **state)
{
    struct temp_dir *dir = *state;
    static const char stale[] = "4194304 a process that was there before and had a long name\n\n\n";
    char holder[LOCK_HOLDER_MAX];
    size_t size;

    temp_dir_write(dir, "lock", stale, sizeof(stale) - 1);
    assert_int_equal(attempt(dir, holder), 0);
    _cleanup_free_ char *content = temp_dir_read(dir, "lock", &size);
    assert_null(strstr(content, "before"));
    assert_int_equal(content[size - 1], '\n');
}

/* A holder that has not said who it is, or lies in a way that could harm. */
static void test_unreadable_holder(void **state)
{
    struct temp_dir *dir = *state;
    static const char *const contents[] = {
        "",     "\n",        "12 first",   "first\n",      " first\n",
        "12\n", "12first\n", "-1 first\n", "12 \x1b[2J\n", "12 \xff\n",
    };
    char holder[LOCK_HOLDER_MAX];
    _cleanup_fd_ int fd = -EBADF;

    assert_int_equal(lock_take(dir->fd, "first", &fd, holder), 0);
    for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
        temp_dir_write(dir, "lock", contents[i], strlen(contents[i]));
        assert_int_equal(attempt(dir, holder), -EWOULDBLOCK);
        assert_string_equal(holder, "another process");
    }
    temp_dir_write(dir, "lock", "12 a b\n", 7);
    assert_int_equal(attempt(dir, holder), -EWOULDBLOCK);
    assert_string_equal(holder, "a b (pid 12)");
}

/* Starts a process that takes the lock and tells through a pipe; it waits to be killed. */
static pid_t start_holder(const struct temp_dir *dir)
{
    char holder[LOCK_HOLDER_MAX], taken = 0;
    int pipe_fds[2], fd;

    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        taken = lock_take(dir->fd, "victim", &fd, holder) == 0;
        (void)!write(pipe_fds[1], &taken, 1);
        for (;;)
            pause();
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &taken, 1), 1);
    assert_int_equal(taken, 1);
    close(pipe_fds[0]);
    return pid;
}

static void test_killed_holder(void **state)
{
    struct temp_dir *dir = *state;
    char holder[LOCK_HOLDER_MAX], expected[LOCK_HOLDER_MAX];

    pid_t pid = start_holder(dir);
    assert_int_equal(attempt(dir, holder), -EWOULDBLOCK);
    snprintf(expected, sizeof(expected), "victim (pid %d)", (int)pid);
    assert_string_equal(holder, expected);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(attempt(dir, holder), 0);
}

/* A program that the holder has started does not hold the lock. */
static void test_not_inherited(void **state)
{
    struct temp_dir *dir = *state;
    char holder[LOCK_HOLDER_MAX];
    _cleanup_fd_ int fd = -EBADF;
    int pipe_fds[2];
    char byte;

    assert_int_equal(lock_take(dir->fd, "first", &fd, holder), 0);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", "echo; exec sleep 1000", (char *)NULL);
        _exit(127);
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1); /* it is a shell by now */
    fd = fd_close(fd);
    assert_int_equal(attempt(dir, holder), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipe_fds[0]);
}

/* On a full disk, for which a limit on the size of files stands in, there still is one holder. */
static void test_nothing_can_be_written(void **state)
{
    struct temp_dir *dir = *state;
    struct rlimit before;
    char holder[LOCK_HOLDER_MAX];
    _cleanup_fd_ int fd = -EBADF;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, before.rlim_max}), 0);
    int r = lock_take(dir->fd, "first", &fd, holder);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(r, 0);
    assert_int_equal(attempt(dir, holder), -EWOULDBLOCK);
    assert_string_equal(holder, "another process");
}

/* Needs the right to mount; passed over without. */
static void test_read_only_disk(void **state)
{
    struct temp_dir *dir = *state;
    struct temp_dir disk = {.fd = -EBADF};
    char holder[LOCK_HOLDER_MAX];

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", dir->path, "tmpfs", 0, NULL) < 0)
        skip();
    disk.fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mount("none", dir->path, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    int without = attempt(&disk, holder);
    assert_int_equal(mount("none", dir->path, "none", MS_REMOUNT, NULL), 0);
    int writable = attempt(&disk, holder);
    assert_int_equal(mount("none", dir->path, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
    int fd = -EBADF;
    int with = lock_take(disk.fd, "first", &fd, holder);
    int second = attempt(&disk, holder);
    fd_close(fd);
    fd_close(disk.fd);
    umount2(dir->path, MNT_DETACH);
    assert_int_equal(without, -EROFS);
    assert_int_equal(writable, 0);
    assert_int_equal(with, 0);
    assert_int_equal(second, -EWOULDBLOCK);
}

static void test_no_lock_to_be_had(void **state)
{
    struct temp_dir *dir = *state;
    char holder[LOCK_HOLDER_MAX];

    assert_int_equal(mkdirat(dir->fd, "lock", 0755), 0);
    assert_int_equal(attempt(dir, holder), -EISDIR);
    assert_int_equal(unlinkat(dir->fd, "lock", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("elsewhere", dir->fd, "lock"), 0);
    assert_int_equal(attempt(dir, holder), -ELOOP);
    assert_string_equal(holder, "nobody");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_one_holder),
        TEST(test_long_name),
        TEST(test_stale_content),
        TEST(test_unreadable_holder),
        TEST(test_killed_holder),
        TEST(test_not_inherited),
        TEST(test_nothing_can_be_written),
        TEST(test_read_only_disk),
        TEST(test_no_lock_to_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
