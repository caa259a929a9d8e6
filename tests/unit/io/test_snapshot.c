/* Which files are copied, in which state, and that nothing reaches the copy afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "io/snapshot.h"
#include "tests/unit/util/temp_dir.h"

enum {
    MAX = 1 << 20,    /* bytes an upload may have here */
    LARGE = 64 << 20, /* and where its copy is to take longer than a process may run at once */
    NOBODY = 65534,
    SKIPPED = 77,   /* exit status of a forked test that cannot run here */
    LIMIT_SEC = 20, /* only a failed test waits that long */
    ROUNDS = 2000,  /* for what depends on two processes meeting */
};

struct fixture {
    struct temp_dir dir;
    unsigned fds; /* open before the test */
    uint64_t max;
    struct advance *advance;
    struct snapshot *snapshot;
    struct file_key key;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds(), .max = MAX};
    f.dir = temp_dir_make();
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    advance_free(f->advance);
    snapshot_free(f->snapshot);
    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

static int take(struct fixture *f)
{
    f->snapshot = snapshot_free(f->snapshot);
    return snapshot_take(f->dir.fd, "upload", f->max, f->advance, &f->snapshot, &f->key);
}

static void assert_key(const struct fixture *f)
{
    struct stat status;

    assert_int_equal(fstatat(f->dir.fd, "upload", &status, AT_SYMLINK_NOFOLLOW), 0);
    const struct file_key key = file_key_of(&status);
    assert_true(file_key_equal(&key, &f->key));
}

static void assert_copy(const struct fixture *f, const void *bytes, size_t size)
{
    assert_non_null(f->snapshot);
    assert_true(f->snapshot->size == size);
    _cleanup_free_ char *copy = malloc(size + 1);
    assert_int_equal(pread(f->snapshot->fd, copy, size + 1, 0), size);
    assert_memory_equal(copy, bytes, size);
}

static void put(struct fixture *f, const char *text)
{
    temp_dir_write(&f->dir, "upload", text, strlen(text));
}

/* ---- What is copied -------------------------------------------------------------------------- */

static void test_regular(void **state)
{
    struct fixture *f = *state;

    put(f, "a sketch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_key(f);
}

/* Of the file itself, as the descriptor that was read shows it. */
static void test_owner(void **state)
{
    struct fixture *f = *state;

    put(f, "a sketch");
    if (geteuid() == 0)
        assert_int_equal(fchownat(f->dir.fd, "upload", 4711, (gid_t)-1, 0), 0);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_int_equal(f->snapshot->owner, geteuid() == 0 ? 4711 : geteuid());
    assert_false(f->snapshot->linked);
    assert_int_equal(linkat(f->dir.fd, "upload", f->dir.fd, "second", 0), 0);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_true(f->snapshot->linked);
}

static void test_empty(void **state)
{
    struct fixture *f = *state;

    put(f, "");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "", 0);
}

static void test_largest(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *bytes = malloc(MAX + 1);

    for (size_t i = 0; i <= MAX; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
    temp_dir_write(&f->dir, "upload", bytes, MAX);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, bytes, MAX);

    temp_dir_write(&f->dir, "upload", bytes, MAX + 1);
    assert_int_equal(take(f), SNAPSHOT_TOO_LARGE);
    assert_null(f->snapshot);
    assert_key(f);
}

static uint64_t bytes_read_so_far(void)
{
    uint64_t n = 0;
    FILE *io = fopen("/proc/self/io", "r");

    if (!io || fscanf(io, "rchar: %" SCNu64, &n) != 1)
        n = UINT64_MAX;
    if (io)
        fclose(io);
    return n;
}

/* The size decides: a terabyte of nothing is not read first. The sizes are also those that 32 bits
 * would take for a negative one, for a small one, or for none. */
static void test_sparse(void **state)
{
    static const uint64_t sizes[] = {(UINT64_C(1) << 31) + 1, UINT64_C(1) << 32,
                                     (UINT64_C(1) << 32) + 100, UINT64_C(1) << 40};
    struct fixture *f = *state;
    uint64_t before = bytes_read_so_far();

    put(f, "");
    for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
        _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, (off_t)sizes[i]), 0);
        fd = fd_close(fd);
        assert_int_equal(take(f), SNAPSHOT_TOO_LARGE);
        assert_true(f->key.size == sizes[i]);
    }
    if (before != UINT64_MAX)
        assert_true(bytes_read_so_far() - before < MAX / 2);
}

static void test_gone(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f), SNAPSHOT_GONE);
    assert_null(f->snapshot);
}

/* ---- What is not ----------------------------------------------------------------------------- */

static void assert_not_regular(struct fixture *f)
{
    assert_int_equal(take(f), SNAPSHOT_NOT_REGULAR);
    assert_null(f->snapshot);
    assert_key(f);
    assert_int_equal(take(f), SNAPSHOT_NOT_REGULAR);
}

static void test_link(void **state)
{
    struct fixture *f = *state;

    temp_dir_write(&f->dir, "secret", "secret", 6);
    assert_int_equal(symlinkat("secret", f->dir.fd, "upload"), 0);
    assert_not_regular(f);
}

static void test_dangling_link(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(symlinkat("nothing", f->dir.fd, "upload"), 0);
    assert_not_regular(f);
}

/* Nobody writes to it: opening it the plain way would wait for ever. */
static void test_fifo(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkfifoat(f->dir.fd, "upload", 0666), 0);
    alarm(30);
    assert_not_regular(f);
    alarm(0);
}

static void test_folder(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "upload", 0700), 0);
    assert_not_regular(f);
}

static void test_socket(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/upload", f->dir.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_not_regular(f);
}

static void test_device(void **state)
{
    struct fixture *f = *state;
    _cleanup_fd_ int dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(snapshot_take(dev, "zero", MAX, NULL, &f->snapshot, &f->key),
                     SNAPSHOT_NOT_REGULAR);
    assert_null(f->snapshot);
}

/* ---- From an open file ----------------------------------------------------------------------- */

static int take_open(struct fixture *f, int fd)
{
    f->snapshot = snapshot_free(f->snapshot);
    return snapshot_take_fd(fd, f->max, &f->snapshot, &f->key);
}

/* All of it, wherever its owner stands in it, and he stands there still. */
static void test_open_file(void **state)
{
    struct fixture *f = *state;

    put(f, "a sketch");
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
    assert_int_equal(take_open(f, fd), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_key(f);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
}

static void test_open_memory(void **state)
{
    struct fixture *f = *state;
    _cleanup_fd_ int fd = memfd_create("sketch", MFD_CLOEXEC);

    assert_int_equal(write(fd, "a sketch", 8), 8);
    assert_int_equal(take_open(f, fd), SNAPSHOT_TAKEN);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_copy(f, "a sketch", 8);

    assert_int_equal(ftruncate(fd, MAX + 1), 0);
    assert_int_equal(take_open(f, fd), SNAPSHOT_TOO_LARGE);
    assert_int_equal(f->key.size, MAX + 1);
    assert_null(f->snapshot);
}

static void test_open_otherwise(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    put(f, "a sketch");
    _cleanup_fd_ int written = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(take_open(f, written), SNAPSHOT_UNREADABLE);
    _cleanup_fd_ int reference = openat(f->dir.fd, "upload", O_PATH | O_CLOEXEC);
    assert_int_equal(take_open(f, reference), SNAPSHOT_UNREADABLE);
    assert_int_equal(take_open(f, f->dir.fd), SNAPSHOT_NOT_REGULAR);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(take_open(f, ends[0]), SNAPSHOT_NOT_REGULAR);
    fd_close(ends[0]);
    fd_close(ends[1]);
    assert_int_equal(take_open(f, ends[0]), -EBADF);
    assert_null(f->snapshot);
}

/* As somebody whom permissions hold back. Returns whether the control and the test went well. */
static bool is_unreadable_to_nobody(struct fixture *f)
{
    if (geteuid() == 0 &&
        (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
        return false;
    prctl(PR_SET_DUMPABLE, 1); /* else /proc/self is root's now */
    if (snapshot_take(f->dir.fd, "control", MAX, NULL, &f->snapshot, &f->key) != SNAPSHOT_TAKEN)
        return false;
    f->snapshot = snapshot_free(f->snapshot);
    return take(f) == SNAPSHOT_UNREADABLE && !f->snapshot && f->key.size == 6;
}

static void test_unreadable(void **state)
{
    struct fixture *f = *state;
    int status;

    temp_dir_write(&f->dir, "control", "public", 6);
    temp_dir_write(&f->dir, "upload", "secret", 6);
    assert_int_equal(fchmodat(f->dir.fd, "upload", 0, 0), 0);
    assert_int_equal(chmod(f->dir.path, 0755), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(is_unreadable_to_nobody(f) ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* With only so many descriptors to spare. */
static bool tells_shortage(struct fixture *f, unsigned spare)
{
    const struct rlimit few = {64, 64};
    int last = -1;

    setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = dup(f->dir.fd); fd >= 0; fd = dup(f->dir.fd))
        last = fd;
    for (; spare > 0; spare--)
        close(last--);
    return take(f) == -EMFILE && !f->snapshot;
}

/* Without descriptors it is the machine that fails, not the file. */
static void test_shortage(void **state)
{
    struct fixture *f = *state;
    int status;

    put(f, "a sketch");
    for (unsigned spare = 0; spare < 2; spare++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(tells_shortage(f, spare) ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* ---- In advance ------------------------------------------------------------------------------ */

static void begin(struct fixture *f)
{
    f->advance = advance_free(f->advance);
    assert_int_equal(advance_new(f->dir.fd, "upload", &f->advance), 0);
}

/* Writes text at an offset, as any writer may who has the file open. */
static void write_at(struct fixture *f, size_t offset, const char *text)
{
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)offset), strlen(text));
}

static void assert_advanced(const struct fixture *f, uint64_t size)
{
    assert_true(f->advance->size == size);
}

static void test_advance(void **state)
{
    struct fixture *f = *state;

    put(f, "a");
    begin(f);
    assert_advanced(f, 0);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 1);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 1);
    write_at(f, 1, " ske");
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 5);
    write_at(f, 5, "tch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_key(f);
    assert_copy(f, "a sketch", 8);
    assert_true(f->snapshot->source >= 0);
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
    assert_int_equal(take(f), SNAPSHOT_TAKEN); /* with the emptied one */
    assert_copy(f, "a sketch", 8);
    assert_int_equal(f->snapshot->source, -EBADF);
}

/* Nobody tells that an earlier part was written anew, but comparing does. */
static void test_advance_written_anew(void **state)
{
    enum { PAST_THE_FIRST_PAGE = 5000 };
    struct fixture *f = *state;
    char bytes[PAST_THE_FIRST_PAGE + 1];

    memset(bytes, 'a', PAST_THE_FIRST_PAGE);
    bytes[PAST_THE_FIRST_PAGE] = '\0';
    put(f, bytes);
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    write_at(f, PAST_THE_FIRST_PAGE - 1, "bcd");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_true(f->snapshot->source >= 0);
    assert_int_equal(snapshot_is_true(f->snapshot), 0);
    write_at(f, PAST_THE_FIRST_PAGE - 1, "a");
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
    write_at(f, PAST_THE_FIRST_PAGE + 2, "e");
    assert_int_equal(snapshot_is_true(f->snapshot), 0); /* it is longer now */
    temp_dir_write(&f->dir, "upload", "", 0);
    assert_int_equal(snapshot_is_true(f->snapshot), 0); /* and shorter */
}

/* As linkers do: then it was not worth it. */
static void test_advance_first_page_written_last(void **state)
{
    struct fixture *f = *state;

    put(f, "_____tch");
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    write_at(f, 0, "a ske");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(f->snapshot->source, -EBADF);
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
}

static void test_advance_of_what_became_shorter(void **state)
{
    struct fixture *f = *state;

    put(f, "a long text");
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    temp_dir_write(&f->dir, "upload", "a", 1);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a", 1);
    assert_int_equal(f->snapshot->source, -EBADF);
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    put(f, "another");
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    temp_dir_write(&f->dir, "upload", "a sk", 4);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 4);
    write_at(f, 4, "etch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
}

static void test_advance_of_another_file(void **state)
{
    struct fixture *f = *state;

    put(f, "a sk");
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_int_equal(renameat(f->dir.fd, "upload", f->dir.fd, "elsewhere"), 0);
    put(f, "a sketch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(f->snapshot->source, -EBADF);
}

static void test_advance_too_large(void **state)
{
    struct fixture *f = *state;

    put(f, "");
    begin(f);
    _cleanup_fd_ int writer = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(writer, MAX), 0);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_int_equal(ftruncate(writer, 2 * MAX), 0);
    assert_int_equal(advance_go_on(f->advance, MAX), -EFBIG);
    assert_advanced(f, MAX + 1);
}

static void test_no_advance(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(advance_new(f->dir.fd, "upload", &f->advance), -ENOENT);
    assert_int_equal(symlinkat("/etc/passwd", f->dir.fd, "upload"), 0);
    assert_int_equal(advance_new(f->dir.fd, "upload", &f->advance), -EMEDIUMTYPE);
    assert_null(f->advance);
}

/* ---- Files in use ---------------------------------------------------------------------------- */

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

/* ---- The copy -------------------------------------------------------------------------------- */

static void test_sealed(void **state)
{
    const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct fixture *f = *state;

    put(f, "a sketch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    int fd = f->snapshot->fd;
    assert_int_equal(fcntl(fd, F_GET_SEALS), all);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, MAX), -1);
    assert_int_equal(errno, EPERM);
    assert_ptr_equal(mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_copy(f, "a sketch", 8);
}

static void test_later_writes(void **state)
{
    struct fixture *f = *state;

    put(f, "a sketch");
    _cleanup_fd_ int writer = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_int_equal(pwrite(writer, "another one", 11, 0), 11);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(ftruncate(writer, 0), 0);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(unlinkat(f->dir.fd, "upload", 0), 0);
    assert_copy(f, "a sketch", 8);
}

static struct snapshot *snapshot_of(struct fixture *f, const void *bytes, size_t size)
{
    temp_dir_write(&f->dir, "upload", bytes, size);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    return TAKE_PTR(f->snapshot);
}

static void test_begins(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *bytes = calloc(1, 3 * 4096);
    _cleanup_(snapshot_freep) struct snapshot *empty = snapshot_of(f, bytes, 0);
    _cleanup_(snapshot_freep) struct snapshot *page = snapshot_of(f, bytes, 4096);
    _cleanup_(snapshot_freep) struct snapshot *whole = snapshot_of(f, bytes, 4097);
    bytes[4096] = 'x';
    _cleanup_(snapshot_freep) struct snapshot *other = snapshot_of(f, bytes, 3 * 4096);

    assert_int_equal(snapshot_begins(empty, empty), 1);
    assert_int_equal(snapshot_begins(empty, page), 1);
    assert_int_equal(snapshot_begins(page, empty), 0);
    assert_int_equal(snapshot_begins(page, page), 1);
    assert_int_equal(snapshot_begins(page, whole), 1);
    assert_int_equal(snapshot_begins(whole, page), 0);
    assert_int_equal(snapshot_begins(page, other), 1);
    assert_int_equal(snapshot_begins(whole, other), 0);

    const struct snapshot closed = {.fd = -EBADF, .size = 5};
    assert_int_equal(snapshot_begins(&closed, page), -EBADF);
    assert_int_equal(snapshot_begins(&closed, &closed), -EBADF);
    const struct snapshot long_closed = {.fd = -EBADF, .size = 4096};
    assert_int_equal(snapshot_begins(page, &long_closed), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_regular),
        TEST(test_empty),
        TEST(test_largest),
        TEST(test_owner),
        TEST(test_sparse),
        TEST(test_gone),
        TEST(test_link),
        TEST(test_dangling_link),
        TEST(test_fifo),
        TEST(test_folder),
        TEST(test_socket),
        TEST(test_device),
        TEST(test_open_file),
        TEST(test_open_memory),
        TEST(test_open_otherwise),
        TEST(test_unreadable),
        TEST(test_shortage),
        TEST(test_advance),
        TEST(test_advance_written_anew),
        TEST(test_advance_first_page_written_last),
        TEST(test_advance_of_what_became_shorter),
        TEST(test_advance_of_another_file),
        TEST(test_advance_too_large),
        TEST(test_no_advance),
        TEST(test_open_for_writing),
        TEST(test_too_large_while_written),
        TEST(test_changing),
        TEST(test_stamped_meanwhile),
        TEST(test_is_in_no_writers_way),
        TEST(test_sealed),
        TEST(test_later_writes),
        TEST(test_begins),
    };

    signal(SIGIO, SIG_IGN); /* a lease that is broken says so */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
