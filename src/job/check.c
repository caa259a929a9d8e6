#include "job/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "io/child.h"
#include "sketch/answer.h"
#include "util/fd.h"

enum {
    TIMEOUT_USEC = 30 * 1000 * 1000, /* 64 MiB take well under a second on a board */
};

static const char go = ANSWER_GO;

struct check {
    struct check_spec spec;
    struct child *child;
    int channel;
    sd_event_source *channel_source;
    uint8_t *said; /* what the checker has written so far */
    size_t said_size, said_max;
    struct check_answer answer;
};

struct check *check_free(struct check *check)
{
    if (!check)
        return NULL;
    sd_event_source_disable_unref(check->channel_source);
    child_free(check->child);
    fd_close(check->channel);
    free(check->said);
    free(check->answer.image);
    free(check);
    return NULL;
}

struct check_answer *check_answer(struct check *check)
{
    return &check->answer;
}

/* It has said more than any answer has. */
static bool is_overfull(const struct check *check)
{
    return check->said_size == check->said_max;
}

/* Takes what there is to read; more than any answer can have ends the reading. */
static int listen_to(struct check *check)
{
    ssize_t n = recv(check->channel, check->said + check->said_size,
                     check->said_max - check->said_size, MSG_DONTWAIT);

    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    check->said_size += (size_t)n;
    return n > 0;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)fd;
    (void)events;
    struct check *check = userdata;
    int r = listen_to(check);

    if (is_overfull(check))
        child_kill(check->child); /* it may never end by itself */
    if (r <= 0 && r != -EAGAIN)
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

/*
 * Judges the whole of what was said: a head that holds together, an image of just the announced
 * size whose digest is the announced one, a tail, and nothing behind it.
 */
static int understand(struct check *check)
{
    struct check_answer *answer = &check->answer;
    struct answer_head head;
    struct answer_tail tail;
    char digest[SKETCH_DIGEST_HEX];

    if (check->said_size < sizeof(head) + sizeof(tail))
        return -EBADMSG;
    memcpy(&head, check->said, sizeof(head));
    int r = answer_check_head(check->spec.board, &head);
    if (r < 0)
        return r;
    size_t image_size = head.report.image_size;
    if (check->said_size != sizeof(head) + image_size + sizeof(tail))
        return -EBADMSG;
    memcpy(&tail, check->said + sizeof(head) + image_size, sizeof(tail));
    r = answer_check_tail(&tail);
    if (r < 0)
        return r;

    if (image_size > 0) {
        const uint8_t *image = check->said + sizeof(head);
        r = sketch_digest(image, image_size, digest);
        if (r < 0)
            return r;
        if (strcmp(digest, head.image_sha256) != 0)
            return -EBADMSG;
        answer->image = malloc(image_size);
        if (!answer->image)
            return -ENOMEM;
        memcpy(answer->image, image, image_size);
    }
    answer->report = head.report;
    memcpy(answer->sha256, tail.sha256, sizeof(answer->sha256));
    memcpy(answer->image_sha256, head.image_sha256, sizeof(answer->image_sha256));
    return 0;
}

static void on_child_end(enum child_end end, int status, void *userdata)
{
    struct check *check = userdata;

    while (listen_to(check) > 0)
        ;
    if (is_overfull(check))
        check->answer.end = CHECK_BROKEN;
    else if (end != CHILD_EXITED)
        check->answer.end = CHECK_DIED;
    else if (status != 0 || understand(check) < 0)
        check->answer.end = CHECK_BROKEN;
    else
        check->answer.end = CHECK_ANSWERED;
    check->spec.on_end(check, check->spec.userdata);
}

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

static int start_child(struct check *check, sd_event *event, int their_end)
{
    const struct check_spec *spec = &check->spec;
    _cleanup_fd_ int board = board_text_fd(spec);

    if (board < 0)
        return board;
    const int fds[] = {spec->snapshot->fd, their_end, board};
    char *const argv[] = {(char *)spec->checker, NULL};
    char *const env[] = {"LC_ALL=C", NULL};
    const struct child_spec child = {
        .description = "checker",
        .argv = argv,
        .env = env,
        .fds = fds,
        .n_fds = ELEMENTSOF(fds),
        .timeout_usec = spec->timeout_usec ? spec->timeout_usec : TIMEOUT_USEC,
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
    check->said_max =
        sizeof(struct answer_head) + spec->board->flash.size + sizeof(struct answer_tail) + 1;
    check->said = malloc(check->said_max);
    if (!check->said)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    check->channel = ends[0];
    _cleanup_fd_ int their_end = ends[1];

    int r = start_child(check, event, their_end);
    if (r < 0)
        return r;
    if (send(check->channel, &go, 1, MSG_NOSIGNAL) < 0)
        return -errno;
    r = sd_event_add_io(event, &check->channel_source, check->channel, EPOLLIN, on_channel, check);
    if (r < 0)
        return r;
    sd_event_source_set_description(check->channel_source, "checker-channel");
    *ret = TAKE_PTR(check);
    return 0;
}
