#include "daemon/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/programming.h"
#include "daemon/reading.h"

static void close_superseded(struct manager *manager, struct job *job)
{
    struct outcome outcome = outcome_superseded();

    manager_close_job(manager, job, &outcome);
}

void queue_make_room(struct manager *manager)
{
    size_t n = 0;

    for (size_t i = 0; i < manager->n_jobs; i++)
        n += manager->jobs[i]->state == JOB_TO_CHECK;
    if (n >= UNCHECKED_MAX)
        close_superseded(manager, manager_find(manager, JOB_TO_CHECK));
}

void queue_give_way(struct manager *manager)
{
    struct job *older = manager_find(manager, JOB_READY);

    if (older)
        close_superseded(manager, older);
}

/* Only a rollback, which needs no check, can overtake a job that is being checked. */
static bool is_overtaken(const struct manager *manager, const struct job *job)
{
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (manager->jobs[i]->state >= JOB_READY && manager->jobs[i]->read_usec > job->read_usec)
            return true;
    return false;
}

/* The newest accepted job waits for the programmer; the one that waited until now has lost its
 * turn. */
static void accept(struct manager *manager, struct job *job, uint8_t *image)
{
    bool overtaken = is_overtaken(manager, job);

    if (!overtaken)
        queue_give_way(manager);
    job_accept(job, image);
    journal_log(manager->journal, LOG_INFO,
                "Job %" PRIu64 ": accepted: %" PRIu32 " bytes in %" PRIu32 " %s", job->id,
                job->report.image_size, job->report.sectors,
                job->report.sectors == 1 ? "sector" : "sectors");
    if (overtaken)
        close_superseded(manager, job);
}

static void take_answer(struct manager *manager, struct job *job, struct check_answer *answer)
{
    job->report = answer->report;
    memcpy(job->sha256, answer->sha256, sizeof(job->sha256));
    memcpy(job->image_sha256, answer->image_sha256, sizeof(job->image_sha256));

    if ((answer->report.code == SKETCH_TRUNCATED || job->disturbed) && !job->handed) {
        reading_incomplete(manager, job);
    } else if (answer->report.code != SKETCH_ACCEPTED) {
        struct outcome outcome =
            outcome_rejected(answer->report.code, answer->report.sentence, answer->report.hint);
        manager_close_job(manager, job, &outcome);
    } else {
        accept(manager, job, TAKE_PTR(answer->image));
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
        manager_fail_job(manager, job, orders->checker, r);
}

void queue_run(struct manager *manager)
{
    struct job *job;

    while (!manager->stopping && !manager->check && (job = manager_find(manager, JOB_TO_CHECK)))
        start_check(manager, job);
    while (!manager->stopping && !manager->deploy && (job = manager_find(manager, JOB_READY)))
        programming_start(manager, job);
    manager_update_status(manager);
    if (manager->stopping && !manager->deploy)
        sd_event_exit(manager->event, 0);
}
