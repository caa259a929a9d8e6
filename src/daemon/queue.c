#include "daemon/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/intake.h"

/* A fault of this machine, not of the upload or the board. */
static void fail(struct manager *manager, struct job *job, const char *what, int error)
{
    char detail[SKETCH_SENTENCE_MAX];

    snprintf(detail, sizeof(detail), "%s: %s", what, strerror(-error));
    struct outcome outcome = outcome_internal(detail);
    manager_close_job(manager, job, &outcome);
}

/* ---- Checking ----------------------------------------------------------------------------------
 */

/* The newest accepted job waits for the programmer; the one that waited until now has lost its
 * turn. */
static void accept(struct manager *manager, struct job *job)
{
    struct job *older = manager_find(manager, JOB_READY);

    job->snapshot = snapshot_free(job->snapshot);
    job_set_state(job, JOB_READY);
    journal_log(manager->journal, LOG_INFO,
                "Job %" PRIu64 ": accepted: %" PRIu32 " bytes in %" PRIu32 " sectors", job->id,
                job->report.image_size, job->report.sectors);
    if (older) {
        struct outcome outcome = outcome_superseded();
        manager_close_job(manager, older, &outcome);
    }
}

static void take_answer(struct manager *manager, struct job *job, struct check_answer *answer)
{
    job->report = answer->report;
    memcpy(job->sha256, answer->sha256, sizeof(job->sha256));
    memcpy(job->image_sha256, answer->image_sha256, sizeof(job->image_sha256));

    if (answer->report.code == SKETCH_TRUNCATED || job->disturbed) {
        intake_incomplete(manager, job);
    } else if (answer->report.code != SKETCH_ACCEPTED) {
        struct outcome outcome =
            outcome_rejected(answer->report.code, answer->report.sentence, answer->report.hint);
        manager_close_job(manager, job, &outcome);
    } else {
        job->image = TAKE_PTR(answer->image);
        accept(manager, job);
    }
}

static void on_checked(struct check *check, void *userdata)
{
    struct manager *manager = userdata;
    struct job *job = manager_find(manager, JOB_CHECKING);
    struct check_answer *answer = check_answer(check);
    struct outcome outcome;

    switch (answer->end) {
    case CHECK_ANSWERED:
        take_answer(manager, job, answer);
        break;
    case CHECK_DIED:
        outcome = outcome_rejected(SKETCH_ELF_CORRUPT, "The checker did not survive this file.",
                                   sketch_code_hint(SKETCH_ELF_CORRUPT));
        manager_close_job(manager, job, &outcome);
        break;
    case CHECK_BROKEN:
        outcome = outcome_internal("the checker gave no valid answer");
        manager_close_job(manager, job, &outcome);
        break;
    }
    manager->check = check_free(check);
    queue_run(manager);
}

static void start_check(struct manager *manager, struct job *job)
{
    const struct orders *orders = manager->orders;
    const struct check_spec spec = {
        .checker = orders->checker,
        .board = &orders->board,
        .board_text = orders->board_text,
        .board_text_size = orders->board_text_size,
        .snapshot = job->snapshot,
        .on_end = on_checked,
        .userdata = manager,
    };

    job_set_state(job, JOB_CHECKING);
    int r = check_new(manager->event, &spec, &manager->check);
    if (r < 0)
        fail(manager, job, orders->checker, r);
}

/* ---- Programming -------------------------------------------------------------------------------
 */

static void on_progress(const struct transcript *transcript, void *userdata)
{
    struct manager *manager = userdata;
    const struct job *job = manager_find(manager, JOB_PROGRAMMING);

    if (transcript->stage != manager->progress.stage)
        journal_log(manager->journal, LOG_INFO, "Job %" PRIu64 ": %s", job->id,
                    openocd_stage_name(transcript->stage));
    manager->progress = *transcript;
    manager_update_status(manager);
}

static void on_line(int priority, const char *line, void *userdata)
{
    struct manager *manager = userdata;

    /* Our own procedure turns debugging on for its progress; nobody asked to read it. */
    if (priority < LOG_DEBUG)
        journal_log(manager->journal, priority, "openocd: %s", line);
}

static struct outcome outcome_of(const struct job *job, const struct program_result *result)
{
    if (result->code != OPENOCD_OK)
        return outcome_failed(result->code, result->transcript->error);
    return outcome_programmed(job->report.image_size, job->report.sectors,
                              job_now_usec() - job->begun_usec, result->healthy);
}

static void on_programmed(const struct program_result *result, void *userdata)
{
    struct manager *manager = userdata;
    struct job *job = manager_find(manager, JOB_PROGRAMMING);
    struct outcome outcome = outcome_of(job, result);

    if (!result->released)
        journal_log(manager->journal, LOG_CRIT,
                    "The microcontroller may have been left halted, and with it everything that "
                    "goes through its firmware: reset the board.");
    manager_close_job(manager, job, &outcome);
    manager->program = program_free(manager->program);
    queue_run(manager);
}

static void start_programming(struct manager *manager, struct job *job)
{
    const struct orders *orders = manager->orders;
    const struct program_spec spec = {
        .job_id = job->id,
        .board = &orders->board,
        .openocd = orders->settings->openocd_program,
        .script = orders->openocd_script,
        .config = orders->openocd_config,
        .runtime_dir = orders->runtime_dir,
        .timeout_usec = orders->settings->openocd_timeout_usec,
        .health_file = orders->health_file,
        .health_timeout_usec = orders->settings->health_timeout_usec,
        .image = job->image,
        .image_size = job->report.image_size,
        .on_progress = on_progress,
        .on_line = on_line,
        .on_end = on_programmed,
        .userdata = manager,
    };

    job_set_state(job, JOB_PROGRAMMING);
    transcript_init(&manager->progress);
    int r = program_new(manager->event, &spec, &manager->program);
    if (r < 0)
        fail(manager, job, orders->runtime_dir, r);
}

void queue_run(struct manager *manager)
{
    struct job *job;

    while (!manager->stopping && !manager->check && (job = manager_find(manager, JOB_TO_CHECK)))
        start_check(manager, job);
    while (!manager->stopping && !manager->program && (job = manager_find(manager, JOB_READY)))
        start_programming(manager, job);
    manager_update_status(manager);
    if (manager->stopping && !manager->program)
        sd_event_exit(manager->event, 0);
}
