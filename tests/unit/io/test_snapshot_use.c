/* Uploads that somebody has open, writes to or stamps while they are read. */
#include "tests/unit/io/snapshot_fixture.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum {
    LARGE = 64 << 20, /* where a copy is to take longer than a process may run at once */
    LIMIT_SEC = 20,   /* only a failed test waits that long */
    ROUNDS = 2000,    /* for what depends on two processes meeting */
};

static void test_open_for_writing(void **state)
{
    struct fixture *f = *state;

    put(f, "half a sk");
    _cleanup_fd_ int writer = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_key(f);
    assert_copy(f, "half a sk", 9);
    writer = fd_close(writer);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
}

/* Too large is too large, even while it is being written. */
static void test_too_large_while_written(void **state)
{
    struct fixture *f = *state;

    put(f, "");
    _cleanup_fd_ int writer = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(writer, MAX + 1), 0);
    assert_int_equal(take(f), SNAPSHOT_TOO_LARGE);
}

/* Goes on until killed. */
_Noreturn static void keep_changing(const struct fixture *f)
{
    int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned char c = 0;; c++)
        if (pwrite(fd, &c, 1, 0) != 1)
            _exit(1);
}

/* Copies until one is refused because the file is in use; false if none is for long. */
static bool is_busy_once(struct fixture *f, int (*copy)(struct fixture *f))
{
    for (time_t end = time(NULL) + LIMIT_SEC; time(NULL) < end;) {
        int r = copy(f);
        if (r == SNAPSHOT_BUSY)
            return !f->snapshot;
        assert_int_equal(r, SNAPSHOT_TAKEN);
    }
    return false;
}

static void put_large(struct fixture *f)
{
    put(f, "");
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, LARGE), 0);
    f->max = LARGE;
}

/* There is no copy of a file that does not hold still. */
static void test_changing(void **state)
{
    struct fixture *f = *state;

    put_large(f);
    pid_t writer = fork();
    if (writer == 0)
        keep_changing(f);
    assert_true(is_busy_once(f, take));
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
}

/* Gives it one old time after the other, until killed. */
_Noreturn static void keep_stamping(const struct fixture *f)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (time_t second = 1;; second = second % 1000 + 1)
        if (utimensat(f->dir.fd, "upload", (struct timespec[]){{second, 0}, {second, 0}}, 0) < 0)
            _exit(1);
}

static int open_and_take(struct fixture *f)
{
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_RDONLY | O_CLOEXEC);

    return take_open(f, fd);
}

/* As adb sets the time stamps when the upload is being read already: nothing is read twice. */
static void test_stamped_meanwhile(void **state)
{
    struct fixture *f = *state;

    put_large(f);
    assert_int_equal(utimensat(f->dir.fd, "upload", (struct timespec[]){{1, 0}, {1, 0}}, 0), 0);
    pid_t uploader = fork();
    if (uploader == 0)
        keep_stamping(f);
    for (unsigned i = 0; i < ROUNDS / 200; i++) {
        assert_int_equal(take(f), SNAPSHOT_TAKEN);
        assert_true(f->key.modified_nsec <= INT64_C(1000) * 1000000000);
    }
    assert_true(is_busy_once(f, open_and_take)); /* nobody would have told of a write */
    assert_int_equal(linkat(f->dir.fd, "upload", f->dir.fd, "other", 0), 0);
    assert_true(is_busy_once(f, take)); /* nor of one to its other name */
    kill(uploader, SIGKILL);
    waitpid(uploader, NULL, 0);
}

/* Opens for writing, as touch(1) does, again and again: 1 if that was ever refused. */
_Noreturn static void keep_touching(const struct fixture *f)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = openat(f->dir.fd, "upload", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            _exit(1);
        close(fd);
    }
}

static void test_is_in_no_writers_way(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *bytes = calloc(1, MAX);
    int status;

    temp_dir_write(&f->dir, "upload", bytes, MAX);
    pid_t writer = fork();
    if (writer == 0)
        keep_touching(f);
    for (unsigned i = 0; i < ROUNDS / 10; i++)
        assert_int_equal(take(f), SNAPSHOT_TAKEN);
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_open_for_writing),  TEST(test_too_large_while_written), TEST(test_changing),
        TEST(test_stamped_meanwhile), TEST(test_is_in_no_writers_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
