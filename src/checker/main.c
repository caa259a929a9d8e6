/*
 * m4flash-checker and m4flash-checker-signed, which can verify signatures too: judges one upload,
 * in a process of its own because it parses a stranger's bytes. Everything it needs is inherited or
 * handed to it (sketch/answer.h has the descriptors and the conversation), so it opens nothing, and
 * locks itself up (checker/cage.h) before it gets the upload.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "build-config.h"
#include "checker/cage.h"
#include "config/board.h"
#include "config/values.h"
#include "sketch/answer.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/fd_pass.h"
#include "util/footprint.h"

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

/* What the daemon wants of us. */
struct task {
    int upload;
    struct sketch_gap missing; /* of the upload */
    bool signature_counts;
    struct signature_order signature;
};

static int wait_for_signature_order(struct signature_order *ret)
{
    int r = fd_receive_rest(ANSWER_FD_SOCKET, ret, sizeof(*ret));
    if (r < 0)
        return failed("the keys cannot be heard", r);
    if (ret->n_keys > SIGNATURE_KEYS_MAX)
        return failed("these are too many keys", -EBADMSG);
    return 1;
}

static int wait_for_gap(struct sketch_gap *ret)
{
    int r = fd_receive_rest(ANSWER_FD_SOCKET, ret, sizeof(*ret));

    return r < 0 ? failed("the upload's gap cannot be heard", r) : 1;
}

struct options {
    uid_t uid;
    gid_t gid;
    uint64_t max_size; /* bytes of an upload */
    bool signatures;   /* they may be asked for */
};

/* Returns 1 for go with the upload, 0 if the daemon does not need us after all, or -errno. */
static int wait_for_go(const struct options *options, struct task *ret)
{
    char byte;

    int r = fd_receive(ANSWER_FD_SOCKET, &byte, &ret->upload);
    if (r < 0)
        return failed("the daemon cannot be heard", r);
    if (r == 0)
        return 0;
    if (byte == ANSWER_GO_PARTS)
        return wait_for_gap(&ret->missing);
    if (byte != ANSWER_GO && !(byte == ANSWER_GO_SIGNED && options->signatures))
        return failed("the daemon said something else than go", -EBADMSG);
    ret->signature_counts = byte == ANSWER_GO_SIGNED;
    return ret->signature_counts ? wait_for_signature_order(&ret->signature) : 1;
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
    /* Not fstat(): as a system call that can look at any file by its path. */
    const off_t size = lseek(fd, 0, SEEK_END);

    if (size < 0)
        return failed("the upload cannot be looked at", -errno);
    if (size == 0) {
        *ret = (struct upload){NULL, 0}; /* which cannot be mapped, but judged */
        return 0;
    }
    if ((uint64_t)size > SIZE_MAX)
        return failed("the upload cannot be mapped", -EFBIG);
    void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return failed("the upload cannot be mapped", -errno);
    *ret = (struct upload){bytes, (size_t)size};
    return 0;
}

static int answer(const void *data, size_t size)
{
    int r = fd_write_full(ANSWER_FD_SOCKET, data, size);
    return r < 0 ? failed("the answer cannot be written", r) : 0;
}

/* Before anything else is done with the upload, see sketch/answer.h. */
static int answer_signature(const struct task *task, const struct upload *upload)
{
    struct signature_verdict verdict;
    struct answer_signature signature;

    if (!task->signature_counts)
        return 0;
    int r = signature_judge(&task->signature, upload->size > 0 ? upload->bytes : "", upload->size,
                            &verdict);
    if (r < 0)
        return failed("the signature cannot be verified", r);
    answer_make_signature(&verdict, &signature);
    return answer(&signature, sizeof(signature));
}

static int answer_verdict(uint32_t cage, const struct sketch_report *report, const uint8_t *image)
{
    struct answer_head head;

    answer_make_head(report, &head);
    head.cage = cage;
    int r = answer(&head, sizeof(head));
    return r < 0 ? r : answer(image, report->image_size);
}

static int wait_for_rest(void)
{
    char byte;

    int r = fd_receive_rest(ANSWER_FD_SOCKET, &byte, 1);
    if (r >= 0 && byte != ANSWER_REST)
        r = -EBADMSG;
    return r < 0 ? failed("the daemon does not ask for the rest", r) : 0;
}

/* Asks for more until it can be judged. */
static int check_upload(const struct board *board, uint32_t cage, const struct upload *upload,
                        struct sketch_gap *missing, struct sketch_report *ret, uint8_t **ret_image)
{
    const void *bytes = upload->size > 0 ? upload->bytes : "";
    struct answer_head head;
    uint64_t needed = 0;
    int r;

    while ((r = sketch_check_part(board, bytes, upload->size, missing, ret, ret_image, &needed)) ==
           -EAGAIN) {
        answer_make_request(needed, &head);
        head.cage = cage;
        r = answer(&head, sizeof(head));
        if (r >= 0)
            r = wait_for_rest();
        if (r < 0)
            return r;
        missing->start = needed;
    }
    return r < 0 ? failed("the upload cannot be checked", r) : 0;
}

/* Last, and not before the daemon has started OpenOCD, if it does. */
static int answer_digest(const struct upload *upload)
{
    char digest[SKETCH_DIGEST_HEX];
    struct answer_tail tail;

    int r = wait_for_rest();
    if (r < 0)
        return r;
    sketch_digest(upload->size > 0 ? upload->bytes : "", upload->size, digest);
    answer_make_tail(digest, &tail);
    return answer(&tail, sizeof(tail));
}

static int judge(const struct board *board, uint32_t cage, struct task *task)
{
    _cleanup_(upload_done) struct upload upload = {NULL, 0};
    _cleanup_free_ uint8_t *image = NULL;
    struct sketch_report report;

    int r = map_upload(task->upload, &upload);
    if (r >= 0)
        r = answer_signature(task, &upload);
    if (r >= 0)
        r = check_upload(board, cage, &upload, &task->missing, &report, &image);
    if (r >= 0)
        r = answer_verdict(cage, &report, image);
    return r < 0 ? r : answer_digest(&upload);
}

/*
 * Bytes that judging an upload can take: two copies of the program headers in it, which may be all
 * that it is made of, the image (both in sketch/), and something for the C library.
 */
static uint64_t memory_for(const struct options *options, const struct board *board)
{
    return 2 * options->max_size + board->flash.size + (UINT64_C(16) << 20);
}

static int prepare_signatures(void)
{
    int r = signature_prepare();

    return r < 0 ? failed("signatures cannot be verified", r) : 0;
}

static int lock_up(const struct options *options, const struct board *board)
{
    const struct cage_spec spec = {
        .socket = ANSWER_FD_SOCKET,
        .uid = options->uid,
        .gid = options->gid,
        .memory_max = memory_for(options, board),
        .read_only_max = options->max_size,
    };
    int cage = cage_enter(&spec);

    return cage < 0 ? failed("it cannot be locked up", cage) : cage;
}

/*
 * In this order: the board profile is the administrator's and its reader may still use anything the
 * process has; from then on nothing is trusted, so between the two every right is given up. Waiting
 * comes after that, so that a checker can be started, and locked up, ahead of need.
 */
static int run(const struct options *options)
{
    struct task task = {.upload = -EBADF};
    struct board board;

    int r = read_board(&board);
    if (r >= 0 && options->signatures)
        r = prepare_signatures();
    if (r < 0)
        return r;
    footprint_reduce(); /* it may wait for days */
    int cage = lock_up(options, &board);
    if (cage < 0)
        return cage;
    r = wait_for_go(options, &task);
    if (r > 0)
        r = judge(&board, (uint32_t)cage, &task);
    fd_close(task.upload);
    return r;
}

/* ---- Options -----------------------------------------------------------------------------------
 */

enum {
    NOBODY = 65534,            /* who owns nothing, on every Linux */
    USUAL_MAX_SIZE = 64 << 20, /* [Inbox] MaxSize='s default */
};

/* UID:GID, and neither of them root's. */
static int parse_user(const char *text, struct options *options)
{
    char uid[16], gid[16];
    uint32_t numbers[2];

    if (sscanf(text, "%15[^:]:%15s", uid, gid) != 2 || value_parse_u32(uid, &numbers[0]) < 0 ||
        value_parse_u32(gid, &numbers[1]) < 0 || numbers[0] == 0 || numbers[1] == 0)
        return -EINVAL;
    options->uid = numbers[0];
    options->gid = numbers[1];
    return 1;
}

/* Sums of a few of these still fit in 64 bits. */
#define MAX_SIZE_MAX (UINT64_C(1) << 56)

static int parse_max_size(const char *text, struct options *options)
{
    uint64_t size;

    if (value_parse_size(text, &size) < 0)
        return -EINVAL;
    options->max_size = size < MAX_SIZE_MAX ? size : MAX_SIZE_MAX;
    return 1;
}

static void print_help(void)
{
    printf("Usage: m4flash-checker [--user=UID:GID] [--max-size=BYTES] [--signatures]\n"
           "       m4flash-checker --help | --version\n\n"
           "Judges one upload for m4flashd, which starts it with a socket, over which the\n"
           "upload comes, on descriptor %d and the board profile on %d. To check a sketch by\n"
           "hand, use m4flash check FILE.\n\n"
           "Exit status: 0 judged or not needed, 1 failed, 2 usage.\n",
           ANSWER_FD_SOCKET, ANSWER_FD_BOARD);
}

static int parse_option(int option, struct options *options)
{
    switch (option) {
    case 'u':
        return parse_user(optarg, options);
    case 'm':
        return parse_max_size(optarg, options);
    case 's':
        options->signatures = true;
        return 1;
    case 'h':
        print_help();
        return 0;
    case 'v':
        printf("m4flash-checker %s %cseccomp %clandlock\n", M4FLASH_VERSION,
               WITH_CAGE && WITH_SECCOMP ? '+' : '-', WITH_CAGE && WITH_LANDLOCK ? '+' : '-');
        return 0;
    default:
        return -EINVAL;
    }
}

/* Returns 1 to go on, 0 if all is done, or -EINVAL after saying why. */
static int parse_argv(int argc, char **argv, struct options *ret)
{
    static const struct option table[] = {
        {"user", required_argument, NULL, 'u'}, {"max-size", required_argument, NULL, 'm'},
        {"signatures", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},    {NULL, 0, NULL, 0},
    };
    int option, r = 1;

    *ret = (struct options){.uid = NOBODY, .gid = NOBODY, .max_size = USUAL_MAX_SIZE};
    while (r > 0 && (option = getopt_long(argc, argv, "", table, NULL)) != -1)
        r = parse_option(option, ret);
    if (r > 0 && optind < argc)
        r = -EINVAL;
    if (r < 0)
        fprintf(stderr, "m4flash-checker: wrong usage, see m4flash-checker --help\n");
    return r;
}

int main(int argc, char **argv)
{
    struct options options;

    int r = parse_argv(argc, argv, &options);
    if (r <= 0)
        return r < 0 ? 2 : EXIT_SUCCESS;
    /* A daemon that hangs up is no reason to die loudly; write() says so, too. */
    signal(SIGPIPE, SIG_IGN);
    return run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
