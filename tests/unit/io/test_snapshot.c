/* Which files are copied, and that nothing reaches the copy afterwards. */
#include "tests/unit/io/snapshot_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum {
    NOBODY = 65534,
};

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

    assert_int_equal(snapshot_take(dev, "zero", MAX, SNAPSHOT_WHOLE, &f->snapshot, &f->key),
                     SNAPSHOT_NOT_REGULAR);
    assert_null(f->snapshot);
}

/* ---- From an open file ----------------------------------------------------------------------- */

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
    if (snapshot_take(f->dir.fd, "control", MAX, SNAPSHOT_WHOLE, &f->snapshot, &f->key) !=
        SNAPSHOT_TAKEN)
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

    struct snapshot closed = {.fd = -EBADF, .source = -EBADF, .size = 5};
    assert_int_equal(snapshot_begins(&closed, page), -EBADF);
    assert_int_equal(snapshot_begins(&closed, &closed), -EBADF);
    struct snapshot long_closed = {.fd = -EBADF, .source = -EBADF, .size = 4096};
    assert_int_equal(snapshot_begins(page, &long_closed), -EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_regular),      TEST(test_owner),         TEST(test_empty),
        TEST(test_largest),      TEST(test_sparse),        TEST(test_gone),
        TEST(test_link),         TEST(test_dangling_link), TEST(test_fifo),
        TEST(test_folder),       TEST(test_socket),        TEST(test_device),
        TEST(test_open_file),    TEST(test_open_memory),   TEST(test_open_otherwise),
        TEST(test_unreadable),   TEST(test_shortage),      TEST(test_sealed),
        TEST(test_later_writes), TEST(test_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
