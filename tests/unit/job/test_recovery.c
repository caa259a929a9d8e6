/*
 * What the next start makes of a state directory: every combination of an intent record, an outcome
 * on record, and the images, whole, foreign, damaged or missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>

#include "job/deploy.h"
#include "job/record.h"
#include "job/recovery.h"
#include "tests/unit/util/temp_dir.h"

enum {
    JOB = 7,   /* the one whose programming may have been interrupted */
    SIZE = 40, /* bytes of an image */
};

static const struct journal plain = {.structured = false};
static const struct board board = {
    .flash = {.name = "flash", .start = 0x08100000, .size = 0x1000},
    .sector_size = 0x1000,
    .word_size = 32,
};

struct fixture {
    unsigned fds;
    struct temp_dir dir, stock; /* stock has a stored image for each letter */
    struct ledger *ledger;
    struct recovery recovery;
    int stderr_before;
    int stream; /* standard error, for a test to read */
};

/* Saved once and copied from then on: a thousand states need not be written through to a disk. */
static void make_stock(const struct fixture *f)
{
    uint8_t bytes[SIZE];
    struct store_image image = {.job_id = JOB, .image = bytes, .image_size = SIZE};

    for (const char *what = "acx"; *what; what++) {
        const char name[] = {*what, '\0'};
        memset(bytes, *what, SIZE);
        sketch_digest(bytes, SIZE, image.image_sha256);
        assert_int_equal(store_save(f->stock.fd, STORE_PENDING, &image), 0);
        assert_int_equal(renameat(f->stock.fd, "pending", f->stock.fd, name), 0);
    }
}

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    f.stock = temp_dir_make();
    make_stock(&f);
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

    store_image_clear(&f->recovery.image);
    ledger_free(f->ledger);
    fflush(stderr);
    dup2(f->stderr_before, STDERR_FILENO);
    close(f->stderr_before);
    close(f->stream);
    temp_dir_remove(&f->dir);
    temp_dir_remove(&f->stock);
    return count_fds() == f->fds ? 0 : -1;
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

/* ---- The state directory, in a few letters --------------------------------------------------- */

/* What is in a slot: '-' nothing, '!' something damaged, else an image full of that letter. */
static void put(const struct fixture *f, enum store_slot slot, char what)
{
    const char name[] = {what, '\0'};
    size_t size = 1;

    unlinkat(f->dir.fd, store_slot_name(slot), 0);
    if (what == '-')
        return;
    _cleanup_free_ char *content =
        what == '!' ? strdup("?") : temp_dir_read(&f->stock, name, &size);
    assert_non_null(content);
    temp_dir_write(&f->dir, store_slot_name(slot), content, size);
}

static char look(const struct fixture *f, enum store_slot slot)
{
    struct store_image image;

    if (store_load(f->dir.fd, slot, board.flash.size, &image) != STORE_FOUND)
        return '-';
    char what = (char)image.image[0];
    store_image_clear(&image);
    return what;
}

/* A record of JOB, which is or was to bring an image of that letter to the chip. */
static struct store_intent make_intent(enum store_slot slot, char what, unsigned attempts)
{
    struct store_intent intent = {
        .job_id = JOB, .slot = slot, .attempts = attempts, .file = "1:2:3:4"};
    uint8_t bytes[SIZE];

    memset(bytes, what, SIZE);
    sketch_digest(bytes, SIZE, intent.image_sha256);
    return intent;
}

static void save_intent(const struct fixture *f, enum store_slot slot, char what, unsigned attempts)
{
    struct store_intent intent = make_intent(slot, what, attempts);

    assert_int_equal(store_save_intent(f->dir.fd, &intent), 0);
}

/* JOB's outcome goes on record. */
static void record(struct fixture *f, enum result result)
{
    struct outcome outcome = outcome_stopped();
    struct job *job;

    unlinkat(f->dir.fd, "history.jsonl", 0);
    if (result == RESULT_NONE)
        return;
    outcome.result = result;
    assert_int_equal(ledger_reopen_job(f->ledger, JOB, &job), 0);
    ledger_close_job(f->ledger, job, &outcome);
    said(f);
}

static enum recovery_need plan(struct fixture *f)
{
    store_image_clear(&f->recovery.image);
    f->recovery = (struct recovery){.reopens = false};
    return recovery_plan(f->ledger, &board, &plain, &f->recovery);
}

/* ---- Every combination ----------------------------------------------------------------------- */

enum written {
    NO_RECORD,
    DAMAGED,
    OF_PENDING,   /* of the image 'c' */
    OF_INSTALLED, /* of the image 'a' */
};

struct cell {
    enum written record;
    unsigned attempts;
    enum result result; /* of JOB, in the history */
    char pending;       /* 'c', another one ('x'), damaged, none */
    char installed;     /* the one before ('a'), just the pending one ('c'), damaged, none */
};

/* What is to come of it. */
struct verdict {
    enum recovery_need need;
    enum store_slot slot;
    unsigned attempts;
    char image;                        /* to be programmed */
    char pending, installed, previous; /* what is left in the state directory */
};

static bool is_whole(char what)
{
    return what != '-' && what != '!';
}

static bool has_run(enum result result)
{
    return result == RESULT_PROGRAMMED || result == RESULT_UNCHANGED || result == RESULT_RECOVERED;
}

static struct verdict given_up(const struct cell *cell, enum store_slot slot)
{
    return (struct verdict){
        .need = RECOVERY_GIVEN_UP,
        .slot = slot,
        .attempts = RECORD_GIVEN_UP,
        .pending = is_whole(cell->pending) ? cell->pending : '-',
        .installed = is_whole(cell->installed) ? cell->installed : '-',
        .previous = '-',
    };
}

static struct verdict program(const struct cell *cell, enum store_slot slot, unsigned attempts)
{
    struct verdict verdict = given_up(cell, slot);

    verdict.need = RECOVERY_NEEDED;
    verdict.attempts = attempts;
    verdict.image = slot == STORE_PENDING ? cell->pending : cell->installed;
    return verdict;
}

static struct verdict go_back(const struct cell *cell, unsigned attempts)
{
    if (is_whole(cell->installed) && attempts < DEPLOY_RECOVERY_ATTEMPTS)
        return program(cell, STORE_INSTALLED, attempts);
    return given_up(cell, STORE_INSTALLED);
}

/* Nothing to do for the chip: the pending image is gone, and installed is what the chip holds. */
static struct verdict nothing(const struct cell *cell, char installed, char previous)
{
    struct verdict verdict = given_up(cell, STORE_PENDING);

    verdict.need = RECOVERY_NONE;
    verdict.pending = '-';
    verdict.installed = is_whole(installed) ? installed : '-';
    verdict.previous = previous;
    return verdict;
}

/* The power was cut behind the outcome: what ran is installed, or else nothing that we know. */
static struct verdict settled(const struct cell *cell)
{
    if (!has_run(cell->result))
        return nothing(cell, cell->installed, '-');
    if (cell->installed == 'c')
        return nothing(cell, 'c', '-');
    if (cell->pending == 'c')
        return nothing(cell, 'c', cell->installed == 'a' ? 'a' : '-');
    return nothing(cell, '-', '-');
}

/* Every image that is put here is JOB's, so its outcome is that of the record. */
static struct verdict judge_damaged(const struct cell *cell)
{
    if (!is_whole(cell->pending))
        return go_back(cell, 0);
    if (cell->result == RESULT_NONE)
        return program(cell, STORE_PENDING, 0);
    if (!has_run(cell->result))
        return go_back(cell, 0);
    if (cell->pending == cell->installed)
        return nothing(cell, cell->installed, '-');
    return nothing(cell, cell->pending, is_whole(cell->installed) ? cell->installed : '-');
}

static struct verdict judge(const struct cell *cell)
{
    if (cell->record == NO_RECORD)
        return nothing(cell, cell->installed, '-');
    if (cell->record == DAMAGED)
        return judge_damaged(cell);
    if (cell->attempts == RECORD_GIVEN_UP)
        return given_up(cell, cell->record == OF_PENDING ? STORE_PENDING : STORE_INSTALLED);
    if (cell->record == OF_INSTALLED)
        return go_back(cell, cell->attempts);
    if (cell->result != RESULT_NONE)
        return settled(cell);
    if (cell->pending == '-' && cell->installed == 'c')
        return nothing(cell, 'c', '-'); /* promoted, only the history could not be written */
    if (cell->pending == 'c' && cell->attempts < DEPLOY_RECOVERY_ATTEMPTS)
        return program(cell, STORE_PENDING, cell->attempts);
    return go_back(cell, 0);
}

static void fail_cell(const struct fixture *f, const struct cell *cell, const char *what)
{
    dup2(f->stderr_before, STDERR_FILENO); /* where the message goes */
    fail_msg("record %d, %u attempts, %s, pending %c, installed %c: %s", cell->record,
             cell->attempts, result_name(cell->result), cell->pending, cell->installed, what);
}

#define CHECK(f, cell, condition)               \
    do {                                        \
        if (!(condition))                       \
            fail_cell((f), (cell), #condition); \
    } while (0)

static void lay_out(const struct fixture *f, const struct cell *cell)
{
    put(f, STORE_PENDING, cell->pending);
    put(f, STORE_INSTALLED, cell->installed);
    put(f, STORE_PREVIOUS, '-');
    unlinkat(f->dir.fd, "intent", 0);
    if (cell->record == DAMAGED)
        temp_dir_write(&f->dir, "intent", "?", 1);
    else if (cell->record == OF_PENDING)
        save_intent(f, STORE_PENDING, 'c', cell->attempts);
    else if (cell->record == OF_INSTALLED)
        save_intent(f, STORE_INSTALLED, 'a', cell->attempts);
}

/* What is handed out, and that the record on disk is just that. */
static void check_recovery(const struct fixture *f, const struct cell *cell,
                           const struct verdict *verdict)
{
    const struct store_intent *intent = &f->recovery.intent;
    const struct store_image *image = &f->recovery.image;
    struct store_intent stored;

    CHECK(f, cell, intent->slot == verdict->slot);
    CHECK(f, cell, intent->attempts == verdict->attempts);
    CHECK(f, cell, intent->job_id == 0 || intent->job_id == JOB);
    CHECK(f, cell, intent->job_id == JOB || cell->record == DAMAGED);
    CHECK(f, cell, f->recovery.reopens == (intent->job_id == JOB && cell->result == RESULT_NONE));
    CHECK(f, cell, verdict->need != RECOVERY_NEEDED || image->image != NULL);
    if (verdict->need == RECOVERY_NEEDED) {
        CHECK(f, cell, image->image[0] == (uint8_t)verdict->image);
        CHECK(f, cell, strcmp(image->image_sha256, intent->image_sha256) == 0);
    }
    CHECK(f, cell, store_load_intent(f->dir.fd, &stored) == STORE_FOUND);
    CHECK(f, cell, stored.job_id == intent->job_id && stored.slot == intent->slot);
    CHECK(f, cell, stored.attempts == intent->attempts);
    CHECK(f, cell, strcmp(stored.image_sha256, intent->image_sha256) == 0);
    CHECK(f, cell, strcmp(stored.file, intent->file) == 0);
}

/* Twice, for the power can be cut again before anything is done: nothing is different then. */
static void check_cell(struct fixture *f, const struct cell *cell)
{
    const struct verdict verdict = judge(cell);
    struct store_intent stored;

    lay_out(f, cell);
    for (unsigned times = 0; times < 2; times++) {
        CHECK(f, cell, plan(f) == verdict.need);
        CHECK(f, cell,
              (verdict.need == RECOVERY_GIVEN_UP) == (strstr(said(f), "upload one") != NULL));
        if (verdict.need == RECOVERY_NONE)
            CHECK(f, cell, store_load_intent(f->dir.fd, &stored) == STORE_ABSENT);
        else
            check_recovery(f, cell, &verdict);
    }
    CHECK(f, cell, look(f, STORE_PENDING) == verdict.pending);
    CHECK(f, cell, look(f, STORE_INSTALLED) == verdict.installed);
    CHECK(f, cell, look(f, STORE_PREVIOUS) == verdict.previous);
}

static void check_images(struct fixture *f, struct cell cell)
{
    for (const char *pending = "-cx!"; *pending; pending++)
        for (const char *installed = "-ac!"; *installed; installed++) {
            cell.pending = *pending;
            cell.installed = *installed;
            check_cell(f, &cell);
        }
}

static void check_attempts(struct fixture *f, enum written record, enum result result)
{
    static const unsigned attempts[] = {0, 1, 2, 3, RECORD_GIVEN_UP};

    for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
        check_images(f, (struct cell){.record = record, .result = result, .attempts = attempts[i]});
}

/* Those that a job can have for which a record was written. */
static void test_every_combination(void **state)
{
    static const enum result results[] = {RESULT_NONE,      RESULT_PROGRAMMED, RESULT_UNCHANGED,
                                          RESULT_RECOVERED, RESULT_FAILED,     RESULT_ABORTED};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(results); i++) {
        enum result result = results[i];
        record(f, result);
        check_images(f, (struct cell){.record = NO_RECORD, .result = result});
        check_images(f, (struct cell){.record = DAMAGED, .result = result});
        check_attempts(f, OF_PENDING, result);
        check_attempts(f, OF_INSTALLED, result);
    }
}

/* ---- What is said and kept ------------------------------------------------------------------- */

static void test_nothing_there(void **state)
{
    struct fixture *f = *state;

    f->recovery.reopens = true;
    assert_int_equal(recovery_plan(f->ledger, &board, &plain, &f->recovery), RECOVERY_NONE);
    assert_true(f->recovery.reopens); /* not touched */
    assert_string_equal(said(f), "");
    assert_int_equal(count_entries(f->dir.path), 0);
}

static void test_damaged_things_are_told_and_kept(void **state)
{
    static const char *const names[] = {"intent.corrupt", "pending.corrupt", "installed.corrupt"};
    struct fixture *f = *state;
    size_t size;

    put(f, STORE_PENDING, '!');
    put(f, STORE_INSTALLED, '!');
    temp_dir_write(&f->dir, "intent", "?", 1);
    assert_int_equal(plan(f), RECOVERY_GIVEN_UP);
    const char *text = said(f);
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        _cleanup_free_ char *content = temp_dir_read(&f->dir, names[i], &size);
        assert_string_equal(content, "?");
        assert_non_null(strstr(text, names[i]));
    }
}

/* What is whole, but larger than the board's window, is not for this board. */
static void test_of_another_board(void **state)
{
    static const struct board small = {.flash = {.name = "flash", .size = SIZE - 1}};
    struct fixture *f = *state;

    put(f, STORE_PENDING, 'c');
    save_intent(f, STORE_PENDING, 'c', 0);
    assert_int_equal(recovery_plan(f->ledger, &small, &plain, &f->recovery), RECOVERY_GIVEN_UP);
    assert_null(f->recovery.image.image);
}

/* The outcome of another job says nothing of this one. */
static void test_of_another_job(void **state)
{
    struct fixture *f = *state;
    const struct outcome outcome = outcome_unchanged(true);
    struct job *job;

    put(f, STORE_PENDING, 'c');
    save_intent(f, STORE_PENDING, 'c', 1);
    assert_int_equal(ledger_reopen_job(f->ledger, JOB + 1, &job), 0);
    ledger_close_job(f->ledger, job, &outcome);
    assert_int_equal(plan(f), RECOVERY_NEEDED);
    assert_true(f->recovery.reopens);
    assert_string_equal(f->recovery.intent.file, "1:2:3:4");
}

/* A record that cannot be read is no licence to program; it is said, and stays as it is. */
static void test_unreadable(void **state)
{
    struct fixture *f = *state;

    put(f, STORE_PENDING, 'c');
    put(f, STORE_INSTALLED, 'a');
    save_intent(f, STORE_PENDING, 'c', 0);
    assert_int_equal(renameat(f->dir.fd, "intent", f->dir.fd, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", f->dir.fd, "intent"), 0);
    assert_int_equal(plan(f), RECOVERY_NONE);
    assert_non_null(strstr(said(f), "cannot be read"));
    assert_int_equal(look(f, STORE_PENDING), 'c');
    assert_int_equal(look(f, STORE_INSTALLED), 'a');
}

static void test_unreadable_image(void **state)
{
    struct fixture *f = *state;

    put(f, STORE_PENDING, 'c');
    put(f, STORE_INSTALLED, 'a');
    save_intent(f, STORE_PENDING, 'c', 2);
    assert_int_equal(renameat(f->dir.fd, "pending", f->dir.fd, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", f->dir.fd, "pending"), 0);
    assert_int_equal(plan(f), RECOVERY_NEEDED);
    assert_int_equal(f->recovery.intent.slot, STORE_INSTALLED);
    assert_int_equal(f->recovery.image.image[0], 'a');
    assert_non_null(strstr(said(f), "pending image cannot be read"));
}

/* On a disk that takes nothing the plan is the same. */
static void test_record_cannot_be_written(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "intent.tmp", 0755), 0);
    put(f, STORE_PENDING, 'c');
    temp_dir_write(&f->dir, "intent", "?", 1);
    assert_int_equal(plan(f), RECOVERY_NEEDED);
    assert_int_equal(f->recovery.image.image[0], 'c');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_combination),
        TEST(test_nothing_there),
        TEST(test_damaged_things_are_told_and_kept),
        TEST(test_of_another_board),
        TEST(test_of_another_job),
        TEST(test_unreadable),
        TEST(test_unreadable_image),
        TEST(test_record_cannot_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
