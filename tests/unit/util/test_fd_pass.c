/* One byte and one descriptor, whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "tests/unit/util/temp_dir.h"
#include "util/fd_pass.h"

struct fixture {
    unsigned fds;
    int here, there;
    int file; /* what is handed over */
};

static int set_up(void **state)
{
    static struct fixture f;
    int ends[2];

    f.fds = count_fds();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    f.here = ends[0];
    f.there = ends[1];
    f.file = memfd_create("file", MFD_CLOEXEC);
    *state = &f;
    return fd_write_full(f.file, "content", 7);
}

/* No descriptor is left, whatever came. */
static int tear_down(void **state)
{
    struct fixture *f = *state;

    fd_close(f->here);
    fd_close(f->there);
    fd_close(f->file);
    return count_fds() == f->fds ? 0 : -1;
}

static void test_handed_over(void **state)
{
    struct fixture *f = *state;
    char byte = 0, content[8] = "";
    int fd = -1;

    assert_int_equal(fd_send(f->here, 'x', f->file), 0);
    assert_int_equal(fd_receive(f->there, &byte, &fd), 1);
    assert_int_equal(byte, 'x');
    assert_int_not_equal(fd, f->file);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(pread(fd, content, sizeof(content), 0), 7);
    assert_string_equal(content, "content");
    close(fd);
}

static void test_nobody_there(void **state)
{
    struct fixture *f = *state;
    char byte;
    int fd;

    f->there = fd_close(f->there);
    assert_int_equal(fd_send(f->here, 'x', f->file), -EPIPE);
    assert_int_equal(fd_receive(f->here, &byte, &fd), 0);
}

static void test_byte_alone(void **state)
{
    struct fixture *f = *state;
    char byte;
    int fd = -1;

    assert_int_equal(fd_write_full(f->here, "x", 1), 0);
    assert_int_equal(fd_receive(f->there, &byte, &fd), -EBADMSG);
    assert_int_equal(fd, -1);
}

static void send_two(struct fixture *f)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {0};
    const int fds[] = {f->file, f->file};
    struct iovec content = {.iov_base = (char[]){'x'}, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    *header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fds))};
    memcpy(CMSG_DATA(header), fds, sizeof(fds));
    assert_int_equal(sendmsg(f->here, &message, 0), 1);
}

static void test_two(void **state)
{
    struct fixture *f = *state;
    char byte;
    int fd = -1;

    send_two(f);
    assert_int_equal(fd_receive(f->there, &byte, &fd), -EBADMSG);
    assert_int_equal(fd, -1);
}

static void test_rest(void **state)
{
    struct fixture *f = *state;
    char byte, text[8] = "";
    int fd = -1;

    assert_int_equal(fd_send(f->here, 'x', f->file), 0);
    assert_int_equal(fd_send_rest(f->here, "and more", 8), 0);
    assert_int_equal(fd_receive(f->there, &byte, &fd), 1);
    close(fd);
    assert_int_equal(fd_receive_rest(f->there, text, 4), 0);
    assert_int_equal(fd_receive_rest(f->there, text + 4, 4), 0);
    assert_memory_equal(text, "and more", 8);
}

static void test_rest_that_is_cut_off(void **state)
{
    struct fixture *f = *state;
    char text[8];

    assert_int_equal(fd_send_rest(f->here, "and", 3), 0);
    f->here = fd_close(f->here);
    assert_int_equal(fd_receive_rest(f->there, text, 8), -EBADMSG);
    assert_int_equal(fd_send_rest(f->there, "more", 4), -EPIPE);
}

static void test_rest_with_a_descriptor(void **state)
{
    struct fixture *f = *state;
    char text[1];

    assert_int_equal(fd_send(f->here, 'x', f->file), 0);
    assert_int_equal(fd_receive_rest(f->there, text, 1), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_handed_over),
        TEST(test_nobody_there),
        TEST(test_byte_alone),
        TEST(test_two),
        TEST(test_rest),
        TEST(test_rest_that_is_cut_off),
        TEST(test_rest_with_a_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
