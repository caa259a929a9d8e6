#include "job/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "io/child.h"
#include "sketch/answer.h"
#include "util/capabilities.h"
#include "util/fd.h"
#include "util/fd_pass.h"

enum {
    TIMEOUT_USEC = 30 * 1000 * 1000, /* 64 MiB take well under a second on a board */
};

/* How far its answer has come. Each part is judged when it is whole, and before the next is read.
 */
enum part {
    PART_SIGNATURE, /* if it was asked for */
    PART_HEAD,
    PART_IMAGE,
    PART_TAIL,
    PART_NOTHING, /* which is to follow */
    PART_BAD,     /* what came is no answer */
};

struct check {
    struct check_spec spec;
    struct child *child;
    int channel;
    sd_event_source *channel_source;
    enum part part;
    size_t received;           /* bytes of that part */
    struct sketch_gap missing; /* of the snapshot, as far as the checker was told */
    struct answer_signature signature;
    struct answer_head head;
    struct answer_tail tail;
    char surplus;
    bool begun;
    bool must_be_signed; /* by one of: */
    uint32_t n_keys;
    bool judged;  /* its verdict is there */
    bool unheard; /* it ended without having taken the upload */
    struct check_answer answer;
};

struct check *check_free(struct check *check)
{
    if (!check)
        return NULL;
    sd_event_source_disable_unref(check->channel_source);
    child_free(check->child);
    fd_close(check->channel);
    free(check->answer.image);
    free(check);
    return NULL;
}

struct check_answer *check_answer(struct check *check)
{
    return &check->answer;
}

/* ---- Its answer --------------------------------------------------------------------------------
 */

/* Where the next bytes of the answer belong, and how many of them. */
static void *room(struct check *check, size_t *ret_size)
{
    void *start = NULL;
    size_t size = 0;

    switch (check->part) {
    case PART_SIGNATURE:
        start = &check->signature;
        size = sizeof(check->signature);
        break;
    case PART_HEAD:
        start = &check->head;
        size = sizeof(check->head);
        break;
    case PART_IMAGE:
        start = check->answer.image;
        size = check->head.report.image_size;
        break;
    case PART_TAIL:
        start = &check->tail;
        size = sizeof(check->tail);
        break;
    case PART_NOTHING:
        start = &check->surplus;
        size = 1;
        break;
    case PART_BAD:
        return NULL;
    }
    *ret_size = size - check->received;
    return (char *)start + check->received;
}

/*
 * Here, and nowhere else, is a signature asked for: what the checker accepts counts only together
 * with what it has said of the signature, before it could be taken over.
 */
static void enforce_signature(const struct check *check, struct check_answer *answer)
{
    if (!check->must_be_signed || answer->report.code != SKETCH_ACCEPTED ||
        answer->signature.state == SIGNATURE_GOOD)
        return;
    signature_report(&answer->signature, check->n_keys, &answer->report);
    free(TAKE_PTR(answer->image));
}

/* What cannot be sent to it because it is gone, its end tells. */
void check_go_on(struct check *check)
{
    const char rest = ANSWER_REST;

    fd_send_rest(check->channel, &rest, sizeof(rest));
}

static enum part get_more(struct check *check)
{
    const struct check_spec *spec = &check->spec;
    uint64_t up_to = check->head.needed;

    if (!spec->on_need || spec->on_need(check, up_to, spec->userdata) < 0)
        return PART_BAD;
    check->missing.start = up_to;
    check_go_on(check);
    return PART_HEAD;
}

static enum part tell_verdict(struct check *check)
{
    check->judged = true;
    check->answer.report = check->head.report;
    check->answer.cage = check->head.cage;
    enforce_signature(check, &check->answer);
    check->spec.on_verdict(check, check->spec.userdata);
    return PART_TAIL;
}

static enum part judge_signature(struct check *check)
{
    if (answer_check_signature(&check->signature, check->n_keys) < 0)
        return PART_BAD;
    check->answer.signature = check->signature.verdict;
    return PART_HEAD;
}

static enum part judge_head(struct check *check)
{
    const struct sketch_report *report = &check->head.report;

    if (answer_check_request(&check->missing, &check->head) >= 0)
        return get_more(check);
    if (answer_check_head(check->spec.board, &check->head) < 0)
        return PART_BAD;
    if (report->image_size == 0)
        return tell_verdict(check);
    check->answer.image = malloc(report->image_size);
    return check->answer.image ? PART_IMAGE : PART_BAD;
}

static enum part judge_image(struct check *check)
{
    if (answer_check_image(&check->head, check->answer.image) < 0)
        return PART_BAD;
    return tell_verdict(check);
}

/* The part is whole: what is the next one? */
static enum part judge(struct check *check)
{
    switch (check->part) {
    case PART_SIGNATURE:
        return judge_signature(check);
    case PART_HEAD:
        return judge_head(check);
    case PART_IMAGE:
        return judge_image(check);
    case PART_TAIL:
        return answer_check_tail(&check->tail) < 0 ? PART_BAD : PART_NOTHING;
    default:
        return PART_BAD;
    }
}

/*
 * Takes what there is to read. Returns 1 if there may be more, 0 at the end, or -errno. A checker
 * that went away with our message unread makes this end of the socket say -ECONNRESET; before its
 * verdict, that message was the upload.
 */
static int listen_to(struct check *check)
{
    size_t size;
    void *start = room(check, &size);

    if (!start)
        return 0;
    ssize_t n = recv(check->channel, start, size, MSG_DONTWAIT);
    if (n < 0) {
        check->unheard |= errno == ECONNRESET && !check->judged;
        return errno == EINTR ? 1 : -errno;
    }
    check->received += (size_t)n;
    if (n > 0 && !check->begun)
        check->part = PART_BAD;
    if ((size_t)n == size) {
        check->part = judge(check);
        check->received = 0;
    }
    return n > 0;
}

static int listen_to_all(struct check *check)
{
    int r;

    do
        r = listen_to(check);
    while (r > 0);
    return r;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)fd;
    (void)events;
    struct check *check = userdata;

    if (listen_to_all(check) != -EAGAIN)
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
    if (check->part == PART_BAD)
        child_kill(check->child); /* it may never end by itself */
    return 0;
}

static enum check_end judge_end(const struct check *check, enum child_end end, int status)
{
    if (check->unheard || !check->begun)
        return CHECK_UNHEARD;
    if (check->part == PART_BAD)
        return CHECK_BROKEN;
    if (end != CHILD_EXITED)
        return CHECK_DIED;
    return status == 0 && check->part == PART_NOTHING ? CHECK_ANSWERED : CHECK_BROKEN;
}

static void on_child_end(enum child_end end, int status, void *userdata)
{
    struct check *check = userdata;
    struct check_answer *answer = &check->answer;

    listen_to_all(check);
    answer->end = judge_end(check, end, status);
    if (answer->end == CHECK_ANSWERED)
        memcpy(answer->sha256, check->tail.sha256, sizeof(answer->sha256));
    check->spec.on_end(check, check->spec.userdata);
}

/* ---- Its start ---------------------------------------------------------------------------------
 */

/* A memfd with the profile's text, read from its start by the checker. */
static int board_text_fd(const struct check_spec *spec)
{
    _cleanup_fd_ int fd = memfd_create("m4flash-board", MFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    int r = fd_write_full(fd, spec->board_text, spec->board_text_size);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    return TAKE_FD(fd);
}

/* To be found, to become another user and to lock itself up, after which it has none. */
static const uint64_t capabilities = CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_SETUID) |
                                     CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETPCAP) |
                                     CAPABILITY(CAP_SYS_CHROOT) | CAPABILITY(CAP_SYS_ADMIN);

/* The checker's command line, in buffers of the caller's. */
struct command {
    char user[48], max_size[48];
    char *argv[5];
};

static void make_command(const struct check_spec *spec, struct command *ret)
{
    size_t n = 0;

    ret->argv[n++] = (char *)spec->checker;
    if (spec->user) {
        snprintf(ret->user, sizeof(ret->user), "--user=%s", spec->user);
        ret->argv[n++] = ret->user;
    }
    if (spec->max_size > 0) {
        snprintf(ret->max_size, sizeof(ret->max_size), "--max-size=%" PRIu64, spec->max_size);
        ret->argv[n++] = ret->max_size;
    }
    if (spec->signatures)
        ret->argv[n++] = "--signatures";
    ret->argv[n] = NULL;
}

static int start_child(struct check *check, sd_event *event, int their_end)
{
    const struct check_spec *spec = &check->spec;
    _cleanup_fd_ int board = board_text_fd(spec);
    struct command command;

    if (board < 0)
        return board;
    const int fds[] = {their_end, board};
    make_command(spec, &command);
    char *const env[] = {"LC_ALL=C", NULL};
    const struct child_spec child = {
        .description = "checker",
        .argv = command.argv,
        .env = env,
        .capabilities = capabilities,
        .fds = fds,
        .n_fds = ELEMENTSOF(fds),
        .on_end = on_child_end,
        .userdata = check,
    };
    return child_new(event, &child, &check->child);
}

int check_new(sd_event *event, const struct check_spec *spec, struct check **ret)
{
    _cleanup_(check_freep) struct check *check = calloc(1, sizeof(*check));
    int ends[2];

    if (!check)
        return -ENOMEM;
    check->spec = *spec;
    check->channel = -EBADF;
    check->part = PART_HEAD;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    check->channel = ends[0];
    _cleanup_fd_ int their_end = ends[1];

    int r = start_child(check, event, their_end);
    if (r < 0)
        return r;
    r = sd_event_add_io(event, &check->channel_source, check->channel, EPOLLIN, on_channel, check);
    if (r < 0)
        return r;
    sd_event_source_set_description(check->channel_source, "checker-channel");
    *ret = TAKE_PTR(check);
    return 0;
}

static int order_parts(struct check *check, const struct snapshot *snapshot)
{
    int r = fd_send(check->channel, ANSWER_GO_PARTS, snapshot->fd);

    check->missing = snapshot->missing;
    return r < 0 ? r : fd_send_rest(check->channel, &check->missing, sizeof(check->missing));
}

static int order(struct check *check, const struct snapshot *snapshot,
                 const struct signature_order *signature)
{
    if (!signature)
        return snapshot->missing.end > 0 ? order_parts(check, snapshot)
                                         : fd_send(check->channel, ANSWER_GO, snapshot->fd);
    if (snapshot->missing.end > 0)
        return -EINVAL;
    check->must_be_signed = true;
    check->n_keys = signature->n_keys;
    if (check->part == PART_HEAD && check->received == 0)
        check->part = PART_SIGNATURE;
    int r = fd_send(check->channel, ANSWER_GO_SIGNED, snapshot->fd);
    return r < 0 ? r : fd_send_rest(check->channel, signature, sizeof(*signature));
}

int check_begin(struct check *check, const struct snapshot *snapshot,
                const struct signature_order *signature)
{
    const struct check_spec *spec = &check->spec;

    int r = child_set_timeout(check->child, spec->timeout_usec ? spec->timeout_usec : TIMEOUT_USEC);
    if (r >= 0)
        r = order(check, snapshot, signature);
    check->begun = r >= 0;
    return r;
}
