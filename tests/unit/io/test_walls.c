/*
 * What a process behind the walls can still do, tried by one: each attempt is made in a process of
 * its own, before and behind them, so that it is them that it fails at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io/walls.h"
#include "tests/unit/util/temp_dir.h"
#include "util/landlock.h"

struct fixture {
    struct temp_dir dir;
    char file[64], new[64], inside[64]; /* paths: a file, one that is not there; the permitted */
    char inside_new[64], socket[64];    /* folder, one to be made in it; and a local socket */
    int listener;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    f = (struct fixture){.dir = temp_dir_make()};
    snprintf(f.file, sizeof(f.file), "%s/file", f.dir.path);
    snprintf(f.new, sizeof(f.new), "%s/new", f.dir.path);
    snprintf(f.inside, sizeof(f.inside), "%s/inside", f.dir.path);
    snprintf(f.inside_new, sizeof(f.inside_new), "%s/inside/new", f.dir.path);
    snprintf(f.socket, sizeof(f.socket), "%s/socket", f.dir.path);
    temp_dir_write(&f.dir, "file", "text", 4);
    if (mkdir(f.inside, 0700) < 0)
        return -1;
    memcpy(address.sun_path, f.socket, sizeof(f.socket));
    f.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(f.listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(f.listener, 8) < 0)
        return -1;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fd_close(f->listener);
    temp_dir_remove(&f->dir);
    return 0;
}

/* ---- Attempts: each returns 0, or what the kernel said -----------------------------------------
 */

static int opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    return fd < 0 ? errno : 0;
}

static int try_read(const struct fixture *f)
{
    return opens(f->file, O_RDONLY);
}

static int try_list(const struct fixture *f)
{
    return opens(f->dir.path, O_RDONLY | O_DIRECTORY);
}

static int try_null(const struct fixture *f)
{
    (void)f;
    return opens("/dev/null", O_RDWR);
}

static int try_run(const struct fixture *f)
{
    int status;

    (void)f;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : EACCES;
}

static int try_change(const struct fixture *f)
{
    return opens(f->file, O_WRONLY);
}

static int try_cut_off(const struct fixture *f)
{
    return opens(f->file, O_RDONLY | O_TRUNC);
}

static int try_make(const struct fixture *f)
{
    return opens(f->new, O_WRONLY | O_CREAT);
}

static int try_make_folder(const struct fixture *f)
{
    return mkdir(f->new, 0700) < 0 ? errno : 0;
}

static int try_link(const struct fixture *f)
{
    return symlink("/etc/shadow", f->new) < 0 ? errno : 0;
}

static int try_remove(const struct fixture *f)
{
    return unlink(f->file) < 0 ? errno : 0;
}

static int try_rename(const struct fixture *f)
{
    return rename(f->file, f->new) < 0 ? errno : 0;
}

static int try_make_inside(const struct fixture *f)
{
    return opens(f->inside_new, O_WRONLY | O_CREAT | O_TRUNC);
}

static int try_remove_inside(const struct fixture *f)
{
    int r = try_make_inside(f);

    return r ? r : unlink(f->inside_new) < 0 ? errno : 0;
}

static int makes(int family, int type)
{
    return socket(family, type | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int try_tcp(const struct fixture *f)
{
    (void)f;
    return makes(AF_INET, SOCK_STREAM);
}

static int try_udp(const struct fixture *f)
{
    (void)f;
    return makes(AF_INET6, SOCK_DGRAM);
}

static int try_netlink(const struct fixture *f)
{
    (void)f;
    return makes(AF_NETLINK, SOCK_RAW);
}

static int try_local(const struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, f->socket, sizeof(f->socket));
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
}

/* io_uring can be switched off altogether; it only must not be there behind the walls. */
static int try_ring(const struct fixture *f)
{
    (void)f;
    return syscall(SYS_io_uring_setup, 0, NULL) < 0 ? errno : 0;
}

/* ---- Before the walls and behind them ----------------------------------------------------------
 */

typedef int (*attempt_t)(const struct fixture *f);

/* What becomes of it in a fresh process; -1 if that dies. walls may be NULL. */
static int try(const struct fixture *f, const struct walls_spec *spec, attempt_t attempt)
{
    struct walls walls;
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGILL, SIG_DFL); /* cmocka would tell of them as the test's */
        signal(SIGSEGV, SIG_DFL);
        if (spec && (walls_make(spec, &walls) < 0 || walls_enter(&walls) < 0))
            _exit(200);
        _exit(attempt(f));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned kernel_lacks(void)
{
    static const char *const none[] = {NULL};
    struct walls walls;
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        if (walls_make(&(struct walls_spec){none, none, false}, &walls) < 0)
            _exit(200);
        _exit(walls_enter(&walls));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 3);
    return (unsigned)WEXITSTATUS(status);
}

static void expect(const struct fixture *f, const struct walls_spec *spec, attempt_t attempt,
                   const char *name, int expected)
{
    int r = try(f, spec, attempt);

    if (r != expected)
        fail_msg("%s: %s instead of %s", name, strerror(r), strerror(expected));
}

#define EXPECT(attempt, expected) expect(f, &spec, attempt, #attempt, expected)

static void test_files_can_be_read_and_run(void **state)
{
    const struct fixture *f = *state;
    const char *const none[] = {NULL};
    const struct walls_spec spec = {none, none, false};

    EXPECT(try_read, 0);
    EXPECT(try_list, 0);
    EXPECT(try_run, 0);
    EXPECT(try_null, 0);
}

static void test_files_cannot_be_changed(void **state)
{
    static const attempt_t attempts[] = {
        try_change, try_cut_off, try_make,        try_make_folder,   try_link,
        try_rename, try_remove,  try_make_inside, try_remove_inside,
    };
    const struct fixture *f = *state;
    const char *const none[] = {NULL};
    const struct walls_spec spec = {none, none, false};

    for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
        if (try(f, &spec, attempts[i]) != EACCES)
            fail_msg("attempt %zu is not refused", i);
    assert_int_equal(access(f->file, F_OK), 0);
    /* And without the walls, each of them in a world where the others have not been. */
    for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
        if (try(f, NULL, attempts[i]) != 0)
            fail_msg("attempt %zu fails anyhow", i);
        temp_dir_write(&f->dir, "file", "text", 4);
        remove(f->new);
        remove(f->inside_new);
    }
}

/* A folder that is permitted is; a device can be written to but not replaced. */
static void test_what_is_permitted(void **state)
{
    const struct fixture *f = *state;
    const char *const devices[] = {f->file, "/nowhere/at/all", NULL};
    const char *const folders[] = {f->inside, NULL};
    const struct walls_spec spec = {devices, folders, false};

    EXPECT(try_change, 0);
    EXPECT(try_make_inside, 0);
    EXPECT(try_remove_inside, 0);
    EXPECT(try_remove, EACCES);
    EXPECT(try_rename, EACCES);
    EXPECT(try_make, EACCES);
}

static void test_folder_of_devices(void **state)
{
    const struct fixture *f = *state;
    const char *const devices[] = {f->dir.path, NULL}, *const none[] = {NULL};
    const struct walls_spec spec = {devices, none, false};

    EXPECT(try_change, 0);
    EXPECT(try_make, EACCES);
    EXPECT(try_make_inside, EACCES);
    EXPECT(try_remove, EACCES);
}

static void test_no_socket(void **state)
{
    const struct fixture *f = *state;
    const char *const none[] = {NULL};
    const struct walls_spec spec = {none, none, false};

    assert_int_equal(try(f, NULL, try_tcp), 0);
    assert_int_equal(try(f, NULL, try_local), 0);
    EXPECT(try_tcp, EAFNOSUPPORT);
    EXPECT(try_udp, EAFNOSUPPORT);
    EXPECT(try_netlink, EAFNOSUPPORT);
    EXPECT(try_local, EBADF);
    EXPECT(try_ring, ENOSYS);
}

static void test_local_sockets(void **state)
{
    const struct fixture *f = *state;
    const char *const none[] = {NULL};
    const struct walls_spec spec = {none, none, true};

    EXPECT(try_local, 0);
    EXPECT(try_tcp, EAFNOSUPPORT);
    EXPECT(try_udp, EAFNOSUPPORT);
    EXPECT(try_netlink, EAFNOSUPPORT);
}

#if defined(__x86_64__)
/* socket() by the numbers of 32-bit programs: i386's, and x32's, 64-bit calls with a mark. */
static int try_other_numbers(const struct fixture *f)
{
    long result;

    (void)f;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(359L), "b"(AF_INET), "c"(SOCK_STREAM), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    return result < 0 ? (int)-result : 0;
}

static int try_marked_numbers(const struct fixture *f)
{
    (void)f;
    return syscall(SYS_socket | 0x40000000, AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static void test_other_machines_numbers(void **state)
{
    const struct fixture *f = *state;
    const char *const none[] = {NULL};
    const struct walls_spec spec = {none, none, true};

    if (try(f, NULL, try_other_numbers) == 0) /* a kernel may be built without them */
        EXPECT(try_other_numbers, ENOSYS);
    EXPECT(try_marked_numbers, ENOSYS);
}
#endif

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* Which kind: files or sockets. A program of its own for each, since a kernel may lack one. */
int main(int argc, char **argv)
{
    static const struct CMUnitTest of_files[] = {
        TEST(test_files_can_be_read_and_run),
        TEST(test_files_cannot_be_changed),
        TEST(test_what_is_permitted),
        TEST(test_folder_of_devices),
    };
    static const struct CMUnitTest of_sockets[] = {
        TEST(test_no_socket),
        TEST(test_local_sockets),
#if defined(__x86_64__)
        TEST(test_other_machines_numbers),
#endif
    };

    bool files = argc == 2 && strcmp(argv[1], "files") == 0;
    if (!files && (argc != 2 || strcmp(argv[1], "sockets") != 0))
        return 2;
    if (kernel_lacks() & (files ? WALLS_FILES : WALLS_SOCKETS)) {
        printf("1..0 # SKIP this kernel has no %s\n", files ? "Landlock" : "system call filter");
        return 0;
    }
    return files ? cmocka_run_group_tests(of_files, NULL, NULL)
                 : cmocka_run_group_tests(of_sockets, NULL, NULL);
}
