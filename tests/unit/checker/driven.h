/* A checker program that is driven over its two descriptors, as the daemon does it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
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
    const char *program;       /* $M4FLASH_CHECKER unless a test says otherwise */
    void (*before_exec)(void); /* in the checker's process; or NULL */
};

static inline int memory_file(const void *data, size_t size)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, data, size), 0);
    return fd;
}

static inline void complain(const char *file, unsigned line, const char *message, void *userdata)
{
    (void)userdata;
    fail_msg("%s:%u: %s", file, line, message);
}

static inline int set_up(void **state)
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
    f->program = getenv("M4FLASH_CHECKER");
    f->here = sockets[0];
    f->there = sockets[1];
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
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
static inline void arrange(const struct fixture *f)
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

static inline void start_with(struct fixture *f, const char *argument)
{
    assert_non_null(f->program);
    f->checker = fork();
    assert_true(f->checker >= 0);
    if (f->checker == 0) {
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO); /* ours is for TAP */
        arrange(f);
        signal(SIGPIPE, SIG_DFL);
        if (f->before_exec)
            f->before_exec();
        execl(f->program, f->program, argument, (char *)NULL);
        _exit(127);
    }
    f->there = fd_close(f->there); /* so that the checker's end is the last one */
}

static inline void start(struct fixture *f)
{
    start_with(f, NULL);
}

/* The exit status; a signal would be none. */
static inline int finish(struct fixture *f)
{
    int status = 0;

    assert_int_equal(waitpid(f->checker, &status, 0), f->checker);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline void go(struct fixture *f)
{
    assert_int_equal(fd_send(f->here, ANSWER_GO, f->upload), 0);
}

static inline void assert_silent(struct fixture *f)
{
    char byte;

    assert_int_equal(fd_read_full(f->here, &byte, 1), 0);
}

static inline void replace_upload(struct fixture *f, const void *data, size_t size)
{
    fd_close(f->upload);
    f->upload = memory_file(data, size);
}

static inline void read_head(struct fixture *f, struct answer_head *ret)
{
    assert_int_equal(fd_read_full(f->here, ret, sizeof(*ret)), sizeof(*ret));
    assert_int_equal(answer_check_head(&f->board, ret), 0);
}

static inline void send_rest(struct fixture *f)
{
    assert_int_equal(fd_send_rest(f->here, (char[]){ANSWER_REST}, 1), 0);
}

/* The tail is right and the last there is, and the checker ends well. */
static inline void assert_ends_with_digest(struct fixture *f, const void *data, size_t size)
{
    char digest[SKETCH_DIGEST_HEX];
    struct answer_tail tail;

    send_rest(f);
    assert_int_equal(fd_read_full(f->here, &tail, sizeof(tail)), sizeof(tail));
    assert_int_equal(answer_check_tail(&tail), 0);
    sketch_digest(data, size, digest);
    assert_string_equal(tail.sha256, digest);
    assert_silent(f);
    assert_int_equal(finish(f), 0);
}
