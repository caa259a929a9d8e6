/* Numbers, and exactly one line a job: over restarts, dropped jobs and a disk that takes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <json.h>
#include <sys/mman.h>

#include "job/ledger.h"
#include "tests/unit/util/temp_dir.h"

static const struct journal plain = {.structured = false};

struct fixture {
    unsigned fds;
    struct temp_dir dir;
    struct ledger *ledger;
    int stderr_before;
    int stream; /* standard error, for a test to read */
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    fflush(stderr);
    f.stream = memfd_create("stderr", MFD_CLOEXEC);
    f.stderr_before = dup(STDERR_FILENO);
    dup2(f.stream, STDERR_FILENO);
    *state = &f;
    return ledger_new(f.dir.path, &plain, &f.ledger);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    ledger_free(f->ledger);
    fflush(stderr);
    dup2(f->stderr_before, STDERR_FILENO);
    close(f->stderr_before);
    close(f->stream);
    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

static void restart(struct fixture *f)
{
    f->ledger = ledger_free(f->ledger);
    assert_int_equal(ledger_new(f->dir.path, &plain, &f->ledger), 0);
}

static struct job *open_job(struct fixture *f, uint64_t id)
{
    struct job *job = NULL;

    assert_int_equal(ledger_open_job(f->ledger, &job), 0);
    assert_true(job->id == id);
    return job;
}

static void close_job(struct fixture *f, struct job *job)
{
    const struct outcome outcome = outcome_rejected(SKETCH_EMPTY, "It is empty.", "Fill it.");

    ledger_close_job(f->ledger, job, &outcome);
}

/* The ids in the history, in its order: "1 2 3 ". */
static const char *history_ids(const struct fixture *f)
{
    static char ids[256];
    size_t size, used = 0;
    char *rest = NULL;

    ids[0] = '\0';
    _cleanup_free_ char *text = temp_dir_read(&f->dir, "history.jsonl", &size);
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        struct json_object *object = json_tokener_parse(line), *id;
        assert_true(json_object_object_get_ex(object, "id", &id));
        used += (size_t)snprintf(ids + used, sizeof(ids) - used, "%s ", json_object_get_string(id));
        json_object_put(object);
    }
    return ids;
}

/* What was written to standard error since the last call. */
static const char *said(struct fixture *f)
{
    static char text[4096];

    fflush(stderr);
    ssize_t n = pread(f->stream, text, sizeof(text) - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    assert_int_equal(ftruncate(f->stream, 0), 0);
    lseek(f->stream, 0, SEEK_SET);
    return text;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
    struct fixture *f = *state;

    for (uint64_t id = 1; id <= 3; id++)
        close_job(f, open_job(f, id));
    assert_string_equal(history_ids(f), "1 2 3 ");
    restart(f);
    close_job(f, open_job(f, 4));
    assert_string_equal(history_ids(f), "1 2 3 4 ");
}

/* Lines are in the order in which jobs end. */
static void test_open_together(void **state)
{
    struct fixture *f = *state;
    struct job *first = open_job(f, 1), *second = open_job(f, 2);

    close_job(f, second);
    assert_string_equal(history_ids(f), "2 ");
    close_job(f, first);
    assert_string_equal(history_ids(f), "2 1 ");
    restart(f);
    ledger_drop_job(f->ledger, open_job(f, 3));
}

static void test_dropped(void **state)
{
    struct fixture *f = *state;

    ledger_drop_job(f->ledger, open_job(f, 1));
    struct job *first = open_job(f, 1);
    struct job *second = open_job(f, 2);
    ledger_drop_job(f->ledger, first); /* not the last: its number is not given again */
    close_job(f, open_job(f, 3));
    close_job(f, second);
    assert_string_equal(history_ids(f), "3 2 ");
    assert_null(strstr(said(f), "Job 1"));
}

static void test_reopened(void **state)
{
    struct fixture *f = *state;
    struct job *job = NULL;

    close_job(f, open_job(f, 1));
    assert_int_equal(ledger_reopen_job(f->ledger, 7, &job), 0);
    assert_true(job->id == 7);
    struct job *next = open_job(f, 8);
    close_job(f, job);
    close_job(f, next);
    assert_int_equal(ledger_reopen_job(f->ledger, 2, &job), 0);
    ledger_drop_job(f->ledger, job);
    close_job(f, open_job(f, 9));
    assert_string_equal(history_ids(f), "1 7 8 9 ");
}

/* ---- Reports --------------------------------------------------------------------------------- */

static void test_report(void **state)
{
    struct fixture *f = *state;
    struct job *job = open_job(f, 1);
    size_t size;

    job->key = (struct file_key){1, 2, 3, 4};
    job->bytes = 99;
    strcpy(job->sha256, "aa");
    close_job(f, job);
    assert_string_equal(said(f), "Job 1: rejected: empty: It is empty. Hint: Fill it.\n");
    _cleanup_free_ char *line = temp_dir_read(&f->dir, "history.jsonl", &size);
    assert_non_null(strstr(line, "\"result\":\"rejected\",\"code\":\"empty\","
                                 "\"message\":\"It is empty.\",\"hint\":\"Fill it.\""));
    assert_non_null(strstr(line, "\"sha256\":\"aa\",\"image_sha256\":\"\",\"bytes\":99,"));
    assert_non_null(strstr(line, "\"file\":\"1:2:3:4\"}\n"));
}

static void test_result(void **state)
{
    struct fixture *f = *state;
    const struct outcome outcome = outcome_superseded();

    close_job(f, open_job(f, 1));
    ledger_close_job(f->ledger, open_job(f, 2), &outcome);
    assert_int_equal(ledger_result(f->ledger, 1), RESULT_REJECTED);
    assert_int_equal(ledger_result(f->ledger, 2), RESULT_SUPERSEDED);
    assert_int_equal(ledger_result(f->ledger, 3), RESULT_NONE);
}

/* The outcome stands and is told, with one warning that the record lacks it. */
static void test_unwritable(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "history.jsonl", 0755), 0);
    close_job(f, open_job(f, 1));
    assert_string_equal(said(f), "Job 1: rejected: empty: It is empty. Hint: Fill it.\n"
                                 "Job 1 is missing in the history, which cannot be written: "
                                 "Is a directory\n");
    assert_int_equal(unlinkat(f->dir.fd, "history.jsonl", AT_REMOVEDIR), 0);
    close_job(f, open_job(f, 2));
    assert_string_equal(history_ids(f), "2 ");
}

static void test_unreadable(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "history.jsonl", 0755), 0);
    restart(f);
    assert_non_null(
        strstr(said(f), "history.jsonl cannot be read, numbering anew: Is a directory"));
    assert_false(ledger_knows(f->ledger, &(struct file_key){1, 2, 3, 4}));
    assert_non_null(strstr(said(f), "The history cannot be read"));
    assert_int_equal(ledger_result(f->ledger, 1), RESULT_NONE);
}

static void test_no_state_dir(void **state)
{
    struct ledger *ledger = NULL;
    (void)state;

    assert_int_equal(ledger_new("/nowhere", &plain, &ledger), -ENOENT);
    assert_int_equal(ledger_new("/dev/null", &plain, &ledger), -ENOTDIR);
    assert_null(ledger);
    assert_null(ledger_free(NULL));
}

/* ---- Known files ----------------------------------------------------------------------------- */

static const struct file_key file = {10, 20, 30, 40};

static void close_job_of(struct fixture *f, uint64_t id, const struct file_key *key)
{
    struct job *job = open_job(f, id);

    job->key = *key;
    close_job(f, job);
}

static void test_knows(void **state)
{
    const struct file_key other = {10, 20, 30, 41};
    struct fixture *f = *state;

    assert_false(ledger_knows(f->ledger, &file));
    close_job_of(f, 1, &file);
    assert_true(ledger_knows(f->ledger, &file));
    assert_false(ledger_knows(f->ledger, &other));
    close_job_of(f, 2, &other);
    restart(f);
    assert_true(ledger_knows(f->ledger, &file));
    assert_true(ledger_knows(f->ledger, &other));
}

/* Also when the disk takes nothing: at least until the next start. */
static void test_knows_unwritten(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "history.jsonl", 0755), 0);
    close_job_of(f, 1, &file);
    assert_true(ledger_knows(f->ledger, &file));
}

/* A job without a file does not make the one before it unknown. */
static void test_without_file(void **state)
{
    struct fixture *f = *state;

    close_job_of(f, 1, &file);
    close_job(f, open_job(f, 2));
    const struct file_key later = {10, 20, 31, 41};
    ledger_refresh(f->ledger, &later);
    assert_true(ledger_knows(f->ledger, &later));
}

/* New time stamps on the file that was dealt with last make it no new upload. */
static void test_refresh(void **state)
{
    const struct file_key later = {10, 20, 31, 41}, longer = {10, 21, 32, 42},
                          other = {11, 20, 3, 4};
    struct fixture *f = *state;

    close_job_of(f, 1, &file);
    ledger_refresh(f->ledger, &longer);
    assert_false(ledger_knows(f->ledger, &longer));
    ledger_refresh(f->ledger, &other);
    assert_false(ledger_knows(f->ledger, &other));
    ledger_refresh(f->ledger, &later);
    assert_true(ledger_knows(f->ledger, &later));
    restart(f);
    assert_true(ledger_knows(f->ledger, &later));
    assert_false(ledger_knows(f->ledger, &longer));
    assert_string_equal(history_ids(f), "1 ");
}

static void test_refresh_unwritable(void **state)
{
    const struct file_key later = {10, 20, 31, 41};
    struct fixture *f = *state;

    close_job_of(f, 1, &file);
    said(f);
    assert_int_equal(mkdirat(f->dir.fd, "last-file", 0755), 0);
    ledger_refresh(f->ledger, &later);
    assert_non_null(strstr(said(f), "cannot be noted"));
    assert_true(ledger_knows(f->ledger, &later));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_numbers),         TEST(test_open_together),
        TEST(test_dropped),         TEST(test_reopened),
        TEST(test_report),          TEST(test_result),
        TEST(test_unwritable),      TEST(test_unreadable),
        TEST(test_no_state_dir),    TEST(test_knows),
        TEST(test_knows_unwritten), TEST(test_without_file),
        TEST(test_refresh),         TEST(test_refresh_unwritable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
