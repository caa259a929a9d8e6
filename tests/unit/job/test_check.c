/* What is believed of a checker's answer, and that none can hold up the daemon or be left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "job/check.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/job/fake_checker.h"
#include "tests/unit/util/temp_dir.h"

static const char upload[] = "what was uploaded";

struct fixture {
    unsigned fds;
    sd_event *event;
    struct check *check;
    struct snapshot snapshot;
    struct check_answer answer;
    bool judged; /* the verdict has come */
    bool holds;  /* and the rest is not asked for yet */
    bool ended;
    uint64_t needs[4]; /* what was asked for of a snapshot that is not whole */
    size_t n_needs;
    int need_result;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds(),
                         .snapshot = {.source = -EBADF, .size = sizeof(upload) - 1}};
    f.event = loop_make();
    f.snapshot.fd = memfd_create("upload", MFD_CLOEXEC);
    *state = &f;
    return fd_write_full(f.snapshot.fd, upload, sizeof(upload) - 1);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    check_free(f->check);
    free(f->answer.image);
    close(f->snapshot.fd);
    sd_event_unref(f->event);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        return -1;
    return count_fds() == f->fds ? 0 : -1;
}

static void on_verdict(struct check *check, void *userdata)
{
    struct fixture *f = userdata;

    assert_ptr_equal(check, f->check);
    assert_false(f->judged);
    assert_false(f->ended);
    f->judged = true;
    if (!f->holds)
        check_go_on(check);
}

static int on_need(struct check *check, uint64_t up_to, void *userdata)
{
    struct fixture *f = userdata;

    assert_ptr_equal(check, f->check);
    assert_true(f->n_needs < ELEMENTSOF(f->needs));
    assert_false(f->judged);
    f->needs[f->n_needs++] = up_to;
    return f->need_result;
}

static void on_end(struct check *check, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->ended);
    assert_true(f->judged || check_answer(check)->end != CHECK_ANSWERED);
    f->ended = true;
    f->answer = *check_answer(check);
    check_answer(check)->image = NULL;
    f->check = check_free(check);
}

static int prepare(struct fixture *f, const char *checker, const char *mode, uint64_t timeout_usec)
{
    const struct check_spec spec = {
        .checker = checker,
        .board = &fake_board,
        .board_text = mode,
        .board_text_size = strlen(mode),
        .timeout_usec = timeout_usec,
        .on_verdict = on_verdict,
        .on_need = on_need,
        .on_end = on_end,
        .userdata = f,
    };

    f->judged = f->ended = false;
    f->n_needs = 0;
    return check_new(f->event, &spec, &f->check);
}

static int start(struct fixture *f, const char *checker, const char *mode, uint64_t timeout_usec)
{
    int r = prepare(f, checker, mode, timeout_usec);

    return r < 0 ? r : check_begin(f->check, &f->snapshot, NULL);
}

static void check(struct fixture *f, const char *mode)
{
    assert_int_equal(start(f, getenv("FAKE_CHECKER"), mode, 0), 0);
    assert_false(f->ended);
    assert_true(loop_until(f->event, &f->ended));
}

/* Field by field, for what lies between them may be anything. */
static void assert_report(const struct sketch_report *found, const struct sketch_report *expected)
{
    assert_int_equal(found->code, expected->code);
    assert_string_equal(found->sentence, expected->sentence);
    assert_string_equal(found->hint, expected->hint);
    assert_int_equal(found->image_size, expected->image_size);
    assert_int_equal(found->flash_used, expected->flash_used);
    assert_int_equal(found->sectors, expected->sectors);
    assert_memory_equal(found->sector_used, expected->sector_used, sizeof(found->sector_used));
    assert_int_equal(found->ram_used, expected->ram_used);
    assert_int_equal(found->stack_pointer, expected->stack_pointer);
    assert_int_equal(found->reset_vector, expected->reset_vector);
    assert_int_equal(found->entry_point, expected->entry_point);
}

static void assert_image(const struct fixture *f, uint32_t size)
{
    const struct sketch_report report = fake_report(size);
    char digest[SKETCH_DIGEST_HEX];

    assert_int_equal(f->answer.end, CHECK_ANSWERED);
    assert_report(&f->answer.report, &report);
    assert_non_null(f->answer.image);
    for (uint32_t i = 0; i < size; i++)
        if (f->answer.image[i] != fake_byte(i))
            fail_msg("byte %u of the image is wrong", i);
    sketch_digest(upload, sizeof(upload) - 1, digest);
    assert_string_equal(f->answer.sha256, digest);
}

/* ---- As it should be ------------------------------------------------------------------------- */

static void test_accepted(void **state)
{
    check(*state, "accepted");
    assert_image(*state, FAKE_IMAGE);
}

static void test_in_pieces(void **state)
{
    check(*state, "in-pieces");
    assert_image(*state, FAKE_IMAGE);
}

/* That it was asked for the tail is left unread, which the socket tells as an error. */
static void test_unheard_question(void **state)
{
    check(*state, "unheard-question");
    assert_image(*state, FAKE_IMAGE);
}

/* As much as an answer can be. */
static void test_full(void **state)
{
    check(*state, "full");
    assert_image(*state, FAKE_WINDOW);
}

static void test_rejected(void **state)
{
    struct fixture *f = *state;
    char digest[SKETCH_DIGEST_HEX];

    check(f, "rejected");
    assert_int_equal(f->answer.end, CHECK_ANSWERED);
    assert_int_equal(f->answer.report.code, SKETCH_NOT_ELF);
    assert_string_equal(f->answer.report.sentence, "It is none.");
    assert_string_equal(f->answer.report.hint, "Take one.");
    assert_null(f->answer.image);
    sketch_digest(upload, sizeof(upload) - 1, digest);
    assert_string_equal(f->answer.sha256, digest);
}

/* Started ahead of need, it waits for as long as it takes. */
static void test_waits(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(prepare(f, getenv("FAKE_CHECKER"), "accepted", 100000), 0);
    loop_for(f->event, 0.3);
    assert_false(f->judged || f->ended);
    assert_int_equal(check_begin(f->check, &f->snapshot, NULL), 0);
    assert_true(loop_until(f->event, &f->ended));
    assert_image(f, FAKE_IMAGE);
}

/* The snapshot is the checker's as well as ours: it may go as soon as it has been handed over. */
static void test_snapshot_goes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f, getenv("FAKE_CHECKER"), "accepted", 0), 0);
    f->snapshot.fd = fd_close(f->snapshot.fd);
    assert_true(loop_until(f->event, &f->ended));
    assert_image(f, FAKE_IMAGE);
    f->snapshot.fd = memfd_create("upload", MFD_CLOEXEC);
}

/* The verdict does not wait for the rest. */
static void test_verdict_comes_first(void **state)
{
    static const char *const modes[] = {"hangs-before-tail", "rejected-hangs-before-tail"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        assert_int_equal(start(f, getenv("FAKE_CHECKER"), modes[i], 0), 0);
        assert_true(loop_until(f->event, &f->judged));
        struct check_answer *answer = check_answer(f->check);
        assert_int_equal(answer->report.code, i == 0 ? SKETCH_ACCEPTED : SKETCH_NOT_ELF);
        assert_int_equal(answer->image != NULL, i == 0);
        assert_false(f->ended);
        f->check = check_free(f->check);
    }
}

static void test_rest_only_when_asked_for(void **state)
{
    struct fixture *f = *state;

    f->holds = true;
    assert_int_equal(start(f, getenv("FAKE_CHECKER"), "accepted", 0), 0);
    assert_true(loop_until(f->event, &f->judged));
    loop_for(f->event, 0.3);
    assert_false(f->ended);
    check_go_on(f->check);
    assert_true(loop_until(f->event, &f->ended));
    assert_image(f, FAKE_IMAGE);
}

/* ---- Not believed ---------------------------------------------------------------------------- */

static void assert_not_answered(struct fixture *f, const char *mode, enum check_end end)
{
    const struct sketch_report nothing = {.code = SKETCH_ACCEPTED};

    f->ended = false;
    check(f, mode);
    if (f->answer.end != end)
        fail_msg("%s: %d instead of %d", mode, f->answer.end, end);
    assert_string_equal(f->answer.sha256, "");
    if (!f->judged) {
        assert_report(&f->answer.report, &nothing);
    }
    free(f->answer.image);
    f->answer.image = NULL;
}

static void test_broken(void **state)
{
    static const char *const modes[] = {
        "fails",         "says-nothing", "says-a-word",         "too-short",  "too-long",
        "wrong-version", "wrong-size",   "rejected-with-image", "wrong-tail", "full-and-more",
        "endless",       "wrong-stack",  "wrong-reset",
    };

    for (size_t i = 0; i < ELEMENTSOF(modes); i++)
        assert_not_answered(*state, modes[i], CHECK_BROKEN);
}

static void test_died(void **state)
{
    static const char *const modes[] = {"dies-with-upload", "dies-midway"};

    for (size_t i = 0; i < ELEMENTSOF(modes); i++)
        assert_not_answered(*state, modes[i], CHECK_DIED);
}

/* One that was gone before it took its upload is no verdict on that, however fast it went. */
static void test_unheard(void **state)
{
    static const char *const modes[] = {"dies-at-once", "gives-up"};
    struct fixture *f = *state;

    for (size_t i = 0; i < 20 * ELEMENTSOF(modes); i++) {
        int r = start(f, getenv("FAKE_CHECKER"), modes[i % ELEMENTSOF(modes)], 0);
        assert_true(r == 0 || r == -EPIPE || r == -ECONNRESET);
        assert_true(loop_until(f->event, &f->ended));
        assert_false(f->judged);
        assert_int_equal(f->answer.end, CHECK_UNHEARD);
    }
}

/* It ends while nobody has given it anything, or speaks unasked: that is told too, once. */
static void test_unneeded(void **state)
{
    static const char *const modes[] = {"dies-at-once", "gives-up", "speaks-first"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        assert_int_equal(prepare(f, getenv("FAKE_CHECKER"), modes[i], 0), 0);
        assert_true(loop_until(f->event, &f->ended));
        assert_false(f->judged);
        assert_int_equal(f->answer.end, CHECK_UNHEARD);
    }
}

/* A whole answer counts for nothing if its giver does not come to an end. */
static void test_hangs(void **state)
{
    static const char *const modes[] = {"hangs", "hangs-afterwards", "closes-and-hangs"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        f->ended = false;
        assert_int_equal(start(f, getenv("FAKE_CHECKER"), modes[i], 500000), 0);
        /* Nobody spins on a closed channel meanwhile. */
        unsigned turns = 0;
        for (; !f->ended && turns < 10000; turns++)
            sd_event_run(f->event, 1000000);
        assert_true(f->ended);
        assert_true(turns < 1000);
        assert_int_equal(f->answer.end, CHECK_DIED);
        free(f->answer.image);
        f->answer.image = NULL;
    }
}

/* ---- Snapshots that are not whole ------------------------------------------------------------ */

static void test_nothing_is_asked_of_a_whole_one(void **state)
{
    struct fixture *f = *state;

    check(f, "accepted");
    assert_image(f, FAKE_IMAGE);
    assert_int_equal(f->n_needs, 0);
}

/* What the verdict does not depend on is there when its receiver goes on. */
static void test_nothing_is_asked_for(void **state)
{
    struct fixture *f = *state;

    f->snapshot.missing = (struct sketch_gap){5, 10};
    check(f, "accepted");
    assert_image(f, FAKE_IMAGE);
    assert_int_equal(f->n_needs, 0);
}

static void test_asks_for_more(void **state)
{
    struct fixture *f = *state;

    f->snapshot.missing = (struct sketch_gap){5, 10};
    check(f, "wants-more");
    assert_image(f, FAKE_IMAGE);
    assert_int_equal(f->n_needs, 2);
    assert_true(f->needs[0] == 6 && f->needs[1] == 10);
}

/* Each time more, and no more than there is; and not of what is whole. */
static void test_asks_for_what_it_cannot_get(void **state)
{
    static const char *const modes[] = {"wants-nothing", "wants-the-same-again", "wants-too-much",
                                        "wants-and-judges"};
    struct fixture *f = *state;

    f->snapshot.missing = (struct sketch_gap){5, 10};
    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        check(f, modes[i]);
        assert_int_equal(f->answer.end, CHECK_BROKEN);
        assert_false(f->judged);
        assert_int_equal(f->n_needs, i == 1);
    }
    f->snapshot.missing = (struct sketch_gap){0, 0};
    check(f, "wants-more");
    assert_int_equal(f->answer.end, CHECK_BROKEN);
    assert_int_equal(f->n_needs, 0);
}

/* It is not judged by what is not there. */
static void test_more_is_not_to_be_had(void **state)
{
    struct fixture *f = *state;

    f->snapshot.missing = (struct sketch_gap){5, 10};
    f->need_result = -ESTALE;
    check(f, "wants-more");
    assert_int_equal(f->answer.end, CHECK_BROKEN);
    assert_false(f->judged);
    assert_int_equal(f->n_needs, 1);
}

static void test_no_signature_of_a_part(void **state)
{
    const struct signature_order order = {.n_keys = 2};
    struct fixture *f = *state;

    f->snapshot.missing = (struct sketch_gap){5, 10};
    assert_int_equal(prepare(f, getenv("FAKE_CHECKER"), "good", 0), 0);
    assert_int_equal(check_begin(f->check, &f->snapshot, &order), -EINVAL);
}

/* ---- Signatures ------------------------------------------------------------------------------ */

static void check_signed(struct fixture *f, const char *mode)
{
    const struct signature_order order = {.n_keys = 2};

    assert_int_equal(prepare(f, getenv("FAKE_CHECKER"), mode, 0), 0);
    assert_int_equal(check_begin(f->check, &f->snapshot, &order), 0);
    assert_true(loop_until(f->event, &f->ended));
}

static void test_good_signature(void **state)
{
    struct fixture *f = *state;

    check_signed(f, "good");
    assert_image(f, FAKE_IMAGE);
    assert_int_equal(f->answer.signature.state, SIGNATURE_GOOD);
    assert_int_equal(f->answer.signature.signer, 1);
}

/* Whatever it says afterwards, and however well: it was accepted by the checker alone. */
static void test_not_signed(void **state)
{
    static const char *const modes[] = {"none", "foreign", "wrong", "full"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        check_signed(f, modes[i]);
        assert_int_equal(f->answer.end, CHECK_ANSWERED);
        assert_int_equal(f->answer.report.code, SKETCH_SIGNATURE);
        assert_true(*f->answer.report.sentence && *f->answer.report.hint);
        assert_int_equal(f->answer.report.image_size, 0);
        assert_null(f->answer.image);
        assert_int_equal(strlen(f->answer.sha256), SKETCH_DIGEST_HEX - 1);
    }
}

/* What is wrong with the sketch itself is the better reason. */
static void test_rejected_and_not_signed(void **state)
{
    struct fixture *f = *state;

    check_signed(f, "rejected");
    assert_int_equal(f->answer.end, CHECK_ANSWERED);
    assert_int_equal(f->answer.report.code, SKETCH_NOT_ELF);
}

static void test_signature_not_believed(void **state)
{
    static const char *const modes[] = {"impossible", "too-good", "skips-signature"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        check_signed(f, modes[i]);
        assert_int_equal(f->answer.end, CHECK_BROKEN);
        assert_false(f->judged);
        assert_null(f->answer.image);
    }
}

/* ---- Beginnings and ends --------------------------------------------------------------------- */

static void test_no_checker(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(start(f, "/nowhere/checker", "accepted", 0), -ENOENT);
    assert_null(f->check);
    loop_drain(f->event);
    assert_false(f->ended);
}

/* In the middle of whatever it does: no process and no call is left. */
static void test_free_running(void **state)
{
    static const char *const modes[] = {"waits", "hangs", "endless", "accepted", "full"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        assert_int_equal(prepare(f, getenv("FAKE_CHECKER"), modes[i], 0), 0);
        if (i > 0)
            assert_int_equal(check_begin(f->check, &f->snapshot, NULL), 0);
        sd_event_run(f->event, 20000);
        if (!f->ended)
            f->check = check_free(f->check);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        free(f->answer.image);
        f->answer.image = NULL;
        f->ended = false;
        loop_drain(f->event);
        assert_false(f->ended);
    }
    assert_null(check_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_asked_of_a_whole_one),
        TEST(test_nothing_is_asked_for),
        TEST(test_asks_for_more),
        TEST(test_asks_for_what_it_cannot_get),
        TEST(test_more_is_not_to_be_had),
        TEST(test_no_signature_of_a_part),
        TEST(test_waits),
        TEST(test_snapshot_goes),
        TEST(test_verdict_comes_first),
        TEST(test_rest_only_when_asked_for),
        TEST(test_unheard),
        TEST(test_unneeded),
        TEST(test_accepted),
        TEST(test_in_pieces),
        TEST(test_unheard_question),
        TEST(test_full),
        TEST(test_rejected),
        TEST(test_broken),
        TEST(test_died),
        TEST(test_hangs),
        TEST(test_no_checker),
        TEST(test_free_running),
        TEST(test_good_signature),
        TEST(test_not_signed),
        TEST(test_rejected_and_not_signed),
        TEST(test_signature_not_believed),
    };

    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
