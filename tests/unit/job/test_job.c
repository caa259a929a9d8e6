/* A job's steps: which are taken, which would be a mistake of ours, and what is given up when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "job/job.h"
#include "tests/unit/util/temp_dir.h"

static struct job *job_in(enum job_state state)
{
    struct job *job = NULL;

    assert_int_equal(job_new(7, &job), 0);
    job->state = state;
    return job;
}

static struct snapshot *make_snapshot(uint64_t size)
{
    struct snapshot *snapshot = malloc(sizeof(*snapshot));

    assert_non_null(snapshot);
    *snapshot =
        (struct snapshot){.fd = memfd_create("test", MFD_CLOEXEC), .source = -EBADF, .size = size};
    assert_int_equal(ftruncate(snapshot->fd, (off_t)size), 0);
    return snapshot;
}

/* Does this end the process, as a failed assertion does? */
static bool aborts(void (*step)(struct job *job, enum job_state to), enum job_state from,
                   enum job_state to)
{
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        struct job *job = job_in(from);

        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        step(job, to);
        job_free(job);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void finish(struct job *job, enum job_state ignored)
{
    const struct outcome outcome = outcome_superseded();

    (void)ignored;
    job_finish(job, &outcome);
}

static void finish_without_outcome(struct job *job, enum job_state ignored)
{
    const struct outcome outcome = {.result = RESULT_NONE};

    (void)ignored;
    job_finish(job, &outcome);
}

static void test_new(void **state)
{
    struct job *job = NULL;
    (void)state;

    uint64_t before = job_now_usec();
    assert_int_equal(job_new(12, &job), 0);
    assert_true(job->id == 12);
    assert_int_equal(job->state, JOB_NEW);
    assert_int_equal(job->outcome.result, RESULT_NONE);
    assert_in_range(job->begun_usec, before, job_now_usec());
    assert_true(job->key.inode == 0);
    assert_string_equal(job->sha256, "");
    assert_null(job_free(job));
    assert_null(job_free(NULL));
}

/* Every step that is taken by an upload, and every one that none may take. */
static void test_steps(void **state)
{
    static const char allowed[_JOB_STATE_MAX][_JOB_STATE_MAX + 1] = {
        /* to: NWTCRPD */
        [JOB_NEW] = ".xxxxxx",      [JOB_WAITING] = "xxxxxxx", [JOB_TO_CHECK] = ".x.xxxx",
        [JOB_CHECKING] = ".x..xxx", [JOB_READY] = ".....xx",   [JOB_PROGRAMMING] = "......x",
        [JOB_DONE] = ".......",
    };
    (void)state;

    for (enum job_state from = JOB_NEW; from < _JOB_STATE_MAX; from++)
        for (enum job_state to = JOB_NEW; to < _JOB_STATE_MAX; to++)
            assert_int_equal(aborts(job_set_state, from, to), allowed[from][to] != 'x');
}

static void test_ends(void **state)
{
    (void)state;

    for (enum job_state from = JOB_NEW; from < JOB_DONE; from++) {
        assert_false(aborts(finish, from, from));
        assert_true(aborts(finish_without_outcome, from, from));
    }
    assert_true(aborts(finish, JOB_DONE, JOB_DONE));
}

static void test_names(void **state)
{
    (void)state;

    for (enum job_state s = JOB_NEW; s < _JOB_STATE_MAX; s++)
        assert_true(strlen(job_state_name(s)) > 0);
}

/* The end gives up what was held for it, and keeps what is told of it. */
static void test_finish(void **state)
{
    const struct outcome outcome = outcome_rejected(SKETCH_EMPTY, "S.", "H.");
    unsigned fds = count_fds();
    struct job *job = job_in(JOB_CHECKING);
    (void)state;

    job_set_snapshot(job, make_snapshot(5));
    job->image = malloc(8);
    job_finish(job, &outcome);
    assert_int_equal(job->state, JOB_DONE);
    assert_int_equal(job->reached, JOB_CHECKING);
    assert_string_equal(job->outcome.code, "empty");
    assert_null(job->snapshot);
    assert_null(job->image);
    assert_true(job->bytes == 5);
    assert_int_equal(count_fds(), fds);
    job_free(job);
}

static void test_snapshots(void **state)
{
    unsigned fds = count_fds();
    struct job *job = job_in(JOB_NEW);
    (void)state;

    job_set_snapshot(job, make_snapshot(5));
    job_set_snapshot(job, make_snapshot(9));
    assert_true(job->bytes == 9);
    assert_true(job->snapshot->size == 9);
    assert_int_equal(count_fds(), fds + 1);
    job_free(job);
    assert_int_equal(count_fds(), fds);
}

/* SHA-256 of one byte 0. */
#define DIGEST "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"

static void test_digest_at_the_end(void **state)
{
    static const struct {
        bool disturbed, doubted;
        const char *before, *after;
    } cases[] = {
        {false, false, "", DIGEST}, {false, false, "aa", "aa"}, /* the checker's word counts */
        {true, false, "", ""},      {false, true, "", ""},      {true, false, "aa", "aa"},
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct job *job = job_in(JOB_CHECKING);

        job_set_snapshot(job, make_snapshot(1));
        job->disturbed = cases[i].disturbed;
        job->doubted = cases[i].doubted;
        strcpy(job->sha256, cases[i].before);
        finish(job, JOB_DONE);
        assert_string_equal(job->sha256, cases[i].after);
        job_free(job);
    }
}

static void test_digest_of_what_was_never_read(void **state)
{
    struct job *job = job_in(JOB_NEW);
    (void)state;

    finish(job, JOB_DONE);
    assert_string_equal(job->sha256, "");
    job_free(job);
}

/* printf image123 | sha256sum */
static const char IMAGE_DIGEST[] =
    "7795abf98a44fd866a5cc061cf842a41530d4c75a76149f4cf69ef5b86c32ab8";

static void accept_image(struct job *job)
{
    uint8_t *image = malloc(8);

    assert_non_null(image);
    memcpy(image, "image123", 8);
    job->report.image_size = 8;
    job_accept(job, image);
    assert_ptr_equal(job->image, image);
}

/* Accepted by its checker, which then failed, or did not. */
static void test_confirmation(void **state)
{
    unsigned fds = count_fds();
    (void)state;

    for (int good = 0; good < 2; good++) {
        struct job *job = job_in(JOB_CHECKING);

        job_set_snapshot(job, make_snapshot(1));
        job->unconfirmed = true;
        accept_image(job);
        assert_string_equal(job->image_sha256, "");
        assert_int_equal(count_fds(), fds + 1);
        if (good) {
            job_confirm(job, DIGEST);
            job_hash_image(job, job->image);
            assert_false(job->unconfirmed);
            assert_int_equal(count_fds(), fds);
            assert_string_equal(job->intent.image_sha256, IMAGE_DIGEST);
        }
        finish(job, JOB_DONE);
        assert_string_equal(job->sha256, DIGEST);
        assert_string_equal(job->image_sha256, IMAGE_DIGEST);
        assert_int_equal(count_fds(), fds);
        job_free(job);
    }
}

/* Of what came of it nothing is left, and it can be read and accepted again. */
static void test_take_back(void **state)
{
    static const enum job_state states[] = {JOB_CHECKING, JOB_READY, JOB_PROGRAMMING};
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(states); i++) {
        struct job *job = job_in(JOB_CHECKING);

        job_set_snapshot(job, make_snapshot(1));
        if (states[i] > JOB_CHECKING) {
            job->unconfirmed = true;
            accept_image(job);
        }
        if (states[i] == JOB_PROGRAMMING)
            job_set_state(job, JOB_PROGRAMMING);
        job_take_back(job);
        assert_int_equal(job->state, JOB_WAITING);
        assert_null(job->image);
        assert_true(job->disturbed && !job->unconfirmed && job->report.image_size == 0);
        assert_string_equal(job->image_sha256, "");
        job_set_snapshot(job, make_snapshot(1));
        job->disturbed = false;
        for (enum job_state s = JOB_NEW; s <= JOB_CHECKING; s++)
            if (s != JOB_WAITING)
                job_set_state(job, s);
        accept_image(job);
        assert_string_equal(job->intent.image_sha256, IMAGE_DIGEST);
        job_free(job);
    }
}

static void test_accept(void **state)
{
    unsigned fds = count_fds();
    struct job *job = job_in(JOB_CHECKING);
    (void)state;

    job->key = (struct file_key){1, 2, 3, 4};
    strcpy(job->sha256, "aa");
    job_set_snapshot(job, make_snapshot(5));
    accept_image(job);
    assert_int_equal(job->state, JOB_READY);
    assert_int_equal(count_fds(), fds);
    assert_true(job->intent.job_id == 7);
    assert_int_equal(job->intent.slot, STORE_PENDING);
    assert_string_equal(job->intent.image_sha256, IMAGE_DIGEST);
    assert_string_equal(job->intent.file, "1:2:3:4");

    const struct store_image stored = job_image(job);
    assert_true(stored.job_id == 7);
    assert_ptr_equal(stored.image, job->image);
    assert_int_equal(stored.image_size, 8);
    assert_string_equal(stored.sha256, "aa");
    assert_string_equal(stored.image_sha256, IMAGE_DIGEST);
    assert_true(stored.time_msec > INT64_C(1600000000000));
    job_free(job);
}

static void test_recovery(void **state)
{
    static const struct board board = {.sector_size = 4096};
    const struct store_intent intent = {.job_id = 3, .file = "1:2:3:4", .attempts = 2};
    struct store_image image = {.sha256 = "aa", .image_sha256 = "bb", .image_size = 4097};
    struct job *job = job_in(JOB_NEW);
    (void)state;

    image.image = malloc(image.image_size);
    job_set_recovery(job, &intent, &image, &board);
    assert_null(image.image);
    assert_int_equal(job->state, JOB_READY);
    assert_true(job->recovery);
    assert_int_equal(job->intent.attempts, 2);
    assert_int_equal(job->report.image_size, 4097);
    assert_int_equal(job->report.sectors, 2);
    assert_true(job->key.inode == 1 && job->key.changed_nsec == 4);
    assert_string_equal(job->sha256, "aa");
    assert_string_equal(job->image_sha256, "bb");
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_snapshots),
        cmocka_unit_test(test_digest_at_the_end),
        cmocka_unit_test(test_digest_of_what_was_never_read),
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_take_back),
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_recovery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
