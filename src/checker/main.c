/*
 * m4flash-checker: judges one upload, in a process of its own because it parses a stranger's bytes.
 * Everything it needs is inherited or handed to it (sketch/answer.h has the descriptors and the
 * conversation), so it opens nothing, and it can be locked up before it gets the upload.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build-config.h"
#include "config/board.h"
#include "sketch/answer.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/fd_pass.h"

static void complain(const char *file, unsigned line, const char *message, _unused_ void *userdata)
{
    fprintf(stderr, "m4flash-checker: %s:%u: %s\n", file, line, message);
}

static int failed(const char *what, int error)
{
    fprintf(stderr, "m4flash-checker: %s: %s\n", what, strerror(-error));
    return error;
}

static int read_board(struct board *ret)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    /* Whoever wrote the profile may share our offset and have left it at the end. */
    if (lseek(ANSWER_FD_BOARD, 0, SEEK_SET) < 0)
        return failed("the board profile cannot be read", -errno);
    int r = fd_read_file(ANSWER_FD_BOARD, BOARD_PROFILE_SIZE_MAX, &text, &size);
    if (r < 0)
        return failed("the board profile cannot be read", r);
    r = board_parse(text, size, "board profile", complain, NULL, ret);
    if (r < 0)
        return failed("the board profile cannot be used", r);
    return 0;
}

/*
 * libcrypto sets itself up at its first use, which takes longer than a verdict. If nobody waits for
 * one yet, now is the time.
 */
static int prepare_digest(void)
{
    struct pollfd order = {.fd = ANSWER_FD_SOCKET, .events = POLLIN};
    char digest[SKETCH_DIGEST_HEX];

    if (poll(&order, 1, 0) != 0)
        return 0;
    int r = sketch_digest("", 0, digest);
    return r < 0 ? failed("libcrypto cannot be used", r) : 0;
}

/* Returns 1 for go with the upload, 0 if the daemon does not need us after all, or -errno. */
static int wait_for_go(int *ret_upload)
{
    _cleanup_fd_ int upload = -EBADF;
    char byte;

    int r = fd_receive(ANSWER_FD_SOCKET, &byte, &upload);
    if (r < 0)
        return failed("the daemon cannot be heard", r);
    if (r == 0)
        return 0;
    if (byte != ANSWER_GO)
        return failed("the daemon said something else than go", -EBADMSG);
    *ret_upload = TAKE_FD(upload);
    return 1;
}

struct upload {
    void *bytes;
    size_t size;
};

static void upload_done(struct upload *upload)
{
    if (upload->size > 0)
        munmap(upload->bytes, upload->size);
}

static int map_upload(int fd, struct upload *ret)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return failed("the upload cannot be looked at", -errno);
    if (st.st_size == 0) {
        *ret = (struct upload){NULL, 0}; /* which cannot be mapped, but judged */
        return 0;
    }
    if ((uint64_t)st.st_size > SIZE_MAX)
        return failed("the upload cannot be mapped", -EFBIG);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return failed("the upload cannot be mapped", -errno);
    *ret = (struct upload){bytes, (size_t)st.st_size};
    return 0;
}

static int answer(const void *data, size_t size)
{
    int r = fd_write_full(ANSWER_FD_SOCKET, data, size);
    return r < 0 ? failed("the answer cannot be written", r) : 0;
}

static int answer_verdict(const struct sketch_report *report, const uint8_t *image)
{
    struct answer_head head;

    answer_make_head(report, &head);
    int r = answer(&head, sizeof(head));
    return r < 0 ? r : answer(image, report->image_size);
}

/* Last, so that programming can begin before the whole upload is hashed. */
static int answer_digest(const struct upload *upload)
{
    char digest[SKETCH_DIGEST_HEX];
    struct answer_tail tail;

    int r = sketch_digest(upload->size > 0 ? upload->bytes : "", upload->size, digest);
    if (r < 0)
        return failed("the upload's digest cannot be computed", r);
    answer_make_tail(digest, &tail);
    return answer(&tail, sizeof(tail));
}

static int judge(const struct board *board, int fd)
{
    _cleanup_(upload_done) struct upload upload = {NULL, 0};
    _cleanup_free_ uint8_t *image = NULL;
    struct sketch_report report;

    int r = map_upload(fd, &upload);
    if (r < 0)
        return r;
    r = sketch_check(board, upload.size > 0 ? upload.bytes : "", upload.size, &report, &image);
    if (r < 0)
        return failed("the upload cannot be checked", r);
    r = answer_verdict(&report, image);
    return r < 0 ? r : answer_digest(&upload);
}

/*
 * In this order: the board profile is the administrator's and its reader may still use anything the
 * process has; from then on nothing is trusted, so between the two is the place to give up every
 * right. Waiting comes after that, so that a checker can be started, and locked up, ahead of need:
 * then it needs to receive one descriptor, map it and write to the socket, no more.
 */
static int run(void)
{
    _cleanup_fd_ int upload = -EBADF;
    struct board board;

    int r = read_board(&board);
    if (r < 0)
        return r;
    r = prepare_digest();
    if (r < 0)
        return r;
    r = wait_for_go(&upload);
    return r > 0 ? judge(&board, upload) : r;
}

static int parse_argv(int argc, char **argv)
{
    if (argc == 1)
        return 1;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("m4flash-checker %s\n", M4FLASH_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("Usage: m4flash-checker [--help|--version]\n\n"
               "Judges one upload for m4flashd, which starts it with a socket, over which the\n"
               "upload comes, on descriptor %d and the board profile on %d. To check a sketch by\n"
               "hand, use m4flash check FILE.\n\n"
               "Exit status: 0 judged or not needed, 1 failed, 2 usage.\n",
               ANSWER_FD_SOCKET, ANSWER_FD_BOARD);
        return 0;
    }
    fprintf(stderr, "m4flash-checker: only --help and --version are options\n");
    return -EINVAL;
}

int main(int argc, char **argv)
{
    int r = parse_argv(argc, argv);
    if (r <= 0)
        return r < 0 ? 2 : EXIT_SUCCESS;
    /* A daemon that hangs up is no reason to die loudly; write() says so, too. */
    signal(SIGPIPE, SIG_IGN);
    return run() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
