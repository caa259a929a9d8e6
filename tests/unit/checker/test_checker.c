/* Drives the real m4flash-checker over its two descriptors, as the daemon does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/config_files.h"
#include "sketch/answer.h"
#include "tiny_elf.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/fd_pass.h"

struct fixture {
    struct board board;
    int upload, profile; /* what the checker gets with the order to go, and on 4 */
    int here, there;     /* the socket's ends; there becomes 3 */
    pid_t checker;
};

static int memory_file(const void *data, size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, data, size), 0);
    return fd;
}

static void complain(const char *file, unsigned line, const char *message, void *userdata)
{
    (void)userdata;
    fail_msg("%s:%u: %s", file, line, message);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    int sockets[2];

    assert_non_null(f);
    assert_non_null(elf);
    tiny_elf(elf);
    f->upload = memory_file(elf, TINY_ELF_SIZE);
    assert_int_equal(board_load("portenta-x8", complain, NULL, &f->board, &text, &size), 0);
    f->profile = memory_file(text, size); /* its offset is at the end, as a careless writer's */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    f->here = sockets[0];
    f->there = sockets[1];
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fd_close(f->upload);
    fd_close(f->profile);
    fd_close(f->here);
    fd_close(f->there);
    free(f);
    return 0;
}

/* In the child: exactly the descriptors of the protocol, a missing one closed. */
static void arrange(const struct fixture *f)
{
    int from[] = {f->there, f->profile};

    for (size_t i = 0; i < ELEMENTSOF(from); i++)
        from[i] = from[i] >= 0 ? fcntl(from[i], F_DUPFD_CLOEXEC, 10) : -EBADF;
    for (int i = 0; i < (int)ELEMENTSOF(from); i++) {
        close(ANSWER_FD_SOCKET + i);
        if (from[i] >= 0)
            dup2(from[i], ANSWER_FD_SOCKET + i);
    }
}

static void start_with(struct fixture *f, const char *argument)
{
    const char *program = getenv("M4FLASH_CHECKER");

    assert_non_null(program);
    f->checker = fork();
    assert_true(f->checker >= 0);
    if (f->checker == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO); /* ours is for TAP */
        arrange(f);
        signal(SIGPIPE, SIG_DFL);
        execl(program, program, argument, (char *)NULL);
        _exit(127);
    }
    f->there = fd_close(f->there); /* so that the checker's end is the last one */
}

static void start(struct fixture *f)
{
    start_with(f, NULL);
}

/* The exit status; a signal would be none. */
static int finish(struct fixture *f)
{
    int status = 0;

    assert_int_equal(waitpid(f->checker, &status, 0), f->checker);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void go(struct fixture *f)
{
    assert_int_equal(fd_send(f->here, ANSWER_GO, f->upload), 0);
}

static void assert_silent(struct fixture *f)
{
    char byte;

    assert_int_equal(fd_read_full(f->here, &byte, 1), 0);
}

static void replace_upload(struct fixture *f, const void *data, size_t size)
{
    fd_close(f->upload);
    f->upload = memory_file(data, size);
}

static void read_head(struct fixture *f, struct answer_head *ret)
{
    assert_int_equal(fd_read_full(f->here, ret, sizeof(*ret)), sizeof(*ret));
    assert_int_equal(answer_check_head(&f->board, ret), 0);
}

/* The tail is right and the last there is, and the checker ends well. */
static void assert_ends_with_digest(struct fixture *f, const void *data, size_t size)
{
    char digest[SKETCH_DIGEST_HEX];
    struct answer_tail tail;

    assert_int_equal(fd_read_full(f->here, &tail, sizeof(tail)), sizeof(tail));
    assert_int_equal(answer_check_tail(&tail), 0);
    assert_int_equal(sketch_digest(data, size, digest), 0);
    assert_string_equal(tail.sha256, digest);
    assert_silent(f);
    assert_int_equal(finish(f), 0);
}

static void assert_accepted(struct fixture *f, const uint8_t *elf, size_t size)
{
    _cleanup_free_ uint8_t *image = malloc(TINY_ELF_IMAGE);
    struct answer_head head;

    assert_non_null(image);
    read_head(f, &head);
    assert_string_equal(head.report.sentence, "");
    assert_int_equal(head.report.code, SKETCH_ACCEPTED);
    assert_int_equal(head.report.image_size, TINY_ELF_IMAGE);
    assert_int_equal(fd_read_full(f->here, image, TINY_ELF_IMAGE), TINY_ELF_IMAGE);
    assert_memory_equal(image, elf + TINY_ELF_HEADERS, TINY_ELF_IMAGE);
    assert_ends_with_digest(f, elf, size);
}

static void test_accepted(void **state)
{
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);

    assert_non_null(elf);
    tiny_elf(elf);
    start(*state);
    go(*state);
    assert_accepted(*state, elf, TINY_ELF_SIZE);
}

/* The largest upload the daemon takes by default; what lies behind the ELF is its debug data. */
static void test_64_mib(void **state)
{
    const size_t size = (size_t)64 << 20;
    uint8_t *elf = calloc(1, size);

    assert_non_null(elf);
    tiny_elf(elf);
    memset(elf + TINY_ELF_SIZE, 0xA5, size - TINY_ELF_SIZE);
    replace_upload(*state, elf, size);
    start(*state);
    go(*state);
    assert_accepted(*state, elf, size);
    free(elf);
}

static void assert_rejected(struct fixture *f, const void *data, size_t size, enum sketch_code code)
{
    struct answer_head head;

    replace_upload(f, data, size);
    start(f);
    go(f);
    read_head(f, &head);
    assert_int_equal(head.report.code, code);
    assert_ends_with_digest(f, data, size);
}

static void test_rejected(void **state)
{
    static const char text[] = "no ELF file at all, but long enough to have a header of one";

    assert_rejected(*state, text, sizeof(text), SKETCH_NOT_ELF);
}

static void test_empty(void **state)
{
    assert_rejected(*state, "", 0, SKETCH_EMPTY);
}

static void test_truncated(void **state)
{
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);

    assert_non_null(elf);
    tiny_elf(elf);
    assert_rejected(*state, elf, TINY_ELF_SIZE - 1, SKETCH_TRUNCATED);
}

/* A checker that was started ahead of need and is not needed. */
static void test_not_needed(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(shutdown(f->here, SHUT_WR), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 0);
}

static void test_wrong_byte(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(fd_send(f->here, 'g', f->upload), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void assert_board_refused(struct fixture *f, const void *text, size_t size)
{
    fd_close(f->profile);
    f->profile = memory_file(text, size);
    start(f);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_no_text_for_board(void **state)
{
    static const char garbage[] = "\x7f"
                                  "ELF\0\1\2\xff\n[Flash";

    assert_board_refused(*state, garbage, sizeof(garbage));
}

static void test_incomplete_board(void **state)
{
    static const char text[] = "[Board]\nName=x\n";

    assert_board_refused(*state, text, sizeof(text) - 1);
}

static void test_huge_board(void **state)
{
    static char blanks[BOARD_PROFILE_SIZE_MAX + 1];

    memset(blanks, '\n', sizeof(blanks));
    assert_board_refused(*state, blanks, sizeof(blanks));
}

static void test_no_upload(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(fd_write_full(f->here, (char[]){ANSWER_GO}, 1), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_no_socket(void **state)
{
    struct fixture *f = *state;

    f->there = fd_close(f->there);
    start(f);
    assert_int_equal(finish(f), 1);
}

static void test_no_board(void **state)
{
    struct fixture *f = *state;

    f->profile = fd_close(f->profile);
    start(f);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

/* Not by a signal: the image is larger than what the socket holds, so a write must fail. */
static void test_daemon_hangs_up(void **state)
{
    struct fixture *f = *state;

    start(f);
    go(f);
    f->here = fd_close(f->here);
    assert_int_equal(finish(f), 1);
}

static void test_arguments(void **state)
{
    struct fixture *f = *state;

    start_with(f, "--nonsense");
    assert_int_equal(finish(f), 2);
    start_with(f, "--version");
    assert_int_equal(finish(f), 0);
    start_with(f, "--help");
    assert_int_equal(finish(f), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_accepted),         TEST(test_64_mib),
        TEST(test_rejected),         TEST(test_empty),
        TEST(test_truncated),        TEST(test_not_needed),
        TEST(test_wrong_byte),       TEST(test_no_text_for_board),
        TEST(test_incomplete_board), TEST(test_huge_board),
        TEST(test_no_upload),        TEST(test_no_socket),
        TEST(test_no_board),         TEST(test_daemon_hangs_up),
        TEST(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
