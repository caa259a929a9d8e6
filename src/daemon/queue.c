#include "daemon/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/checking.h"
#include "daemon/limiting.h"
#include "daemon/programming.h"
#include "daemon/reading.h"
#include "daemon/status.h"
#include "util/footprint.h"

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

void queue_tell_accepted(const struct manager *manager, const struct job *job)
{
    const struct sketch_report *report = &job->report;

    journal_log_job(manager->journal, job->id, LOG_INFO,
                    "Job %" PRIu64 ": accepted: %" PRIu32 " bytes in %" PRIu32 " %s", job->id,
                    report->image_size, report->sectors,
                    report->sectors == 1 ? "sector" : "sectors");
}

/* The newest accepted job waits for the programmer; the one that waited until now has lost its
 * turn. */
static void accept(struct manager *manager, struct job *job, uint8_t *image)
{
    bool overtaken = is_overtaken(manager, job);

    if (!overtaken)
        queue_give_way(manager);
    job_accept(job, image);
    queue_tell_accepted(manager, job);
    if (overtaken)
        close_superseded(manager, job);
}

/* Hooks are told the upload's digest, so they, and what comes after them, wait for it. */
static bool has_hooks(const struct manager *manager)
{
    return access(manager->orders->settings->hooks_pre_directory, F_OK) == 0;
}

void queue_take_verdict(struct manager *manager, struct job *job, struct check_answer *answer)
{
    if (answer->report.code != SKETCH_ACCEPTED || (job->disturbed && !job->handed) ||
        is_overtaken(manager, job) || has_hooks(manager))
        return;
    queue_give_way(manager);
    job->report = answer->report;
    job->unconfirmed = true;
    job_accept(job, TAKE_PTR(answer->image));
    queue_run(manager);
}

void queue_take_answer(struct manager *manager, struct job *job, struct check_answer *answer)
{
    job->report = answer->report;
    memcpy(job->sha256, answer->sha256, sizeof(job->sha256));

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

/* One that will only be told that it is one too many waits until its digest is known, to be told
 * by. */
static struct job *next_to_program(const struct manager *manager)
{
    struct job *job = manager_find(manager, JOB_READY);
    struct outcome outcome;

    if (job && job->unconfirmed && limiting_forbids(manager, job, &outcome))
        return NULL;
    return job;
}

/* Nothing is under way: what the next upload needs is made, and what this one took goes back. */
static void rest(struct manager *manager)
{
    if (manager->watch)
        checking_prepare_anew(manager);
    if (!manager->rested)
        footprint_reduce();
    manager->rested = true;
}

void queue_run(struct manager *manager)
{
    struct job *job;

    while (!manager->stopping && !manager->check && (job = manager_find(manager, JOB_TO_CHECK)))
        checking_start(manager, job);
    while (!manager->stopping && !manager->deploy && (job = next_to_program(manager)))
        programming_start(manager, job);
    status_update(manager);
    if (manager->n_jobs == 0 && !manager->deploy)
        rest(manager);
    if (manager->stopping && !manager->deploy)
        sd_event_exit(manager->event, 0);
}
