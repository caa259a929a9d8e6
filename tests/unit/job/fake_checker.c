/*
 * A checker that behaves as its board profile's text says: as it should, or in every way in which
 * one that a hostile upload has taken over could.
 */
#include "tests/unit/job/fake_checker.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sketch/answer.h"
#include "util/fd.h"
#include "util/fd_pass.h"

static char mode[64];
static int upload_fd;
static bool must_be_signed;
static struct signature_order order;
static struct sketch_gap missing;

static bool is(const char *name)
{
    return strcmp(mode, name) == 0;
}

static void say(const void *bytes, size_t size)
{
    size_t step = is("in-pieces") ? 97 : size;

    for (size_t done = 0; done < size; done += step)
        if (fd_write_full(ANSWER_FD_SOCKET, (const char *)bytes + done,
                          size - done < step ? size - done : step) < 0)
            exit(3);
}

/* The order must come first: a checker may have been started on suspicion. */
static void await_go(void)
{
    char byte;
    int r = fd_receive(ANSWER_FD_SOCKET, &byte, &upload_fd);

    if (r == 0)
        exit(0);
    must_be_signed = byte == ANSWER_GO_SIGNED;
    if (r != 1 || (byte != ANSWER_GO && byte != ANSWER_GO_PARTS && !must_be_signed))
        exit(9);
    if (byte == ANSWER_GO_PARTS && fd_receive_rest(ANSWER_FD_SOCKET, &missing, sizeof(missing)) < 0)
        exit(12);
    if (must_be_signed && fd_receive_rest(ANSWER_FD_SOCKET, &order, sizeof(order)) < 0)
        exit(10);
}

static void say_signature(void)
{
    struct signature_verdict verdict = {.state = SIGNATURE_NONE};
    struct answer_signature signature;

    if (is("good"))
        verdict = (struct signature_verdict){.state = SIGNATURE_GOOD, .signer = order.n_keys - 1};
    else if (is("foreign"))
        verdict = (struct signature_verdict){.state = SIGNATURE_FOREIGN, .key = {7}};
    else if (is("wrong"))
        verdict.state = SIGNATURE_WRONG;
    else if (is("impossible"))
        verdict.state = _SIGNATURE_STATE_MAX;
    else if (is("too-good"))
        verdict = (struct signature_verdict){.state = SIGNATURE_GOOD, .signer = order.n_keys};
    answer_make_signature(&verdict, &signature);
    if (must_be_signed && !is("skips-signature"))
        say(&signature, sizeof(signature));
}

static void digest_upload(char ret[static SKETCH_DIGEST_HEX])
{
    struct stat status;

    if (fstat(upload_fd, &status) < 0)
        exit(4);
    void *upload = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, upload_fd, 0);
    if (upload == MAP_FAILED)
        exit(5);
    sketch_digest(upload, (size_t)status.st_size, ret);
}

static void say_accepted(uint32_t size)
{
    struct sketch_report report = fake_report(size);
    struct answer_head head;

    uint8_t *image = malloc(size);
    for (uint32_t i = 0; i < size; i++)
        image[i] = fake_byte(i);
    answer_make_head(&report, &head);
    if (is("wrong-version"))
        head.version++;
    if (is("wrong-size"))
        head.report.image_size++;
    say(&head, sizeof(head));
    if (is("dies-midway"))
        raise(SIGABRT);
    if (is("wrong-stack") || is("wrong-reset"))
        image[is("wrong-stack") ? 3 : 4]++;
    say(image, size);
    free(image);
}

static void say_rejected(void)
{
    const struct sketch_report report = {
        .code = SKETCH_NOT_ELF, .sentence = "It is none.", .hint = "Take one."};
    struct answer_head head;

    answer_make_head(&report, &head);
    say(&head, sizeof(head));
    if (is("rejected-with-image"))
        say("image", 5);
}

static void await_rest(void)
{
    struct pollfd question = {.fd = ANSWER_FD_SOCKET, .events = POLLIN};
    char byte;

    if (is("wrong-size")) /* who promises more than it says is not asked for more */
        return;
    if (is("unheard-question")) {
        poll(&question, 1, -1);
        return;
    }
    if (fd_receive_rest(ANSWER_FD_SOCKET, &byte, 1) < 0 || byte != ANSWER_REST)
        exit(11);
}

/* In two steps, and as a liar could. */
static void ask_for_more(void)
{
    const uint64_t steps[] = {missing.start + 1, missing.end};
    struct answer_head head;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        answer_make_request(steps[i], &head);
        if (is("wants-nothing"))
            head.needed = missing.start;
        if (is("wants-the-same-again"))
            head.needed = missing.start + 1;
        if (is("wants-too-much"))
            head.needed = missing.end + 1;
        if (is("wants-and-judges"))
            head.report.image_size = 1;
        say(&head, sizeof(head));
        await_rest();
    }
}

static void say_tail(void)
{
    char digest[SKETCH_DIGEST_HEX];
    struct answer_tail tail;

    digest_upload(digest);
    answer_make_tail(digest, &tail);
    if (is("wrong-tail"))
        tail.magic[0]++;
    say(&tail, sizeof(tail) - (is("too-short") ? 1 : 0));
    if (is("too-long") || is("full-and-more"))
        say("x", 1);
}

static void answer(void)
{
    static char endless[65536];

    while (is("endless"))
        say(endless, sizeof(endless));
    if (is("says-nothing"))
        exit(0);
    if (is("says-a-word")) {
        say("m4flash\1", 8);
        exit(0);
    }
    if (is("hangs"))
        pause();
    say_signature();
    if (strncmp(mode, "wants", 5) == 0)
        ask_for_more();
    if (strncmp(mode, "rejected", 8) == 0)
        say_rejected();
    else
        say_accepted(strncmp(mode, "full", 4) == 0 ? FAKE_WINDOW : FAKE_IMAGE);
    if (strstr(mode, "hangs-before-tail"))
        pause();
    await_rest();
    say_tail();
    if (is("hangs-afterwards"))
        pause();
    if (is("closes-and-hangs")) {
        close(ANSWER_FD_SOCKET);
        pause();
    }
}

int main(void)
{
    const struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    if (fd_read_full(ANSWER_FD_BOARD, mode, sizeof(mode) - 1) < 0)
        return 2;
    if (is("dies-at-once"))
        raise(SIGKILL);
    if (is("gives-up"))
        return 1;
    if (is("speaks-first"))
        say("m", 1);
    await_go();
    if (is("dies-with-upload"))
        raise(SIGKILL);
    answer();
    return is("fails") ? 1 : 0;
}
