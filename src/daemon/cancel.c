#include "daemon/cancel.h"

static struct job *find(const struct manager *manager, uint64_t id)
{
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (manager->jobs[i]->id == id)
            return manager->jobs[i];
    return NULL;
}

enum cancel_verdict cancel_job(struct manager *manager, uint64_t id)
{
    struct outcome outcome = outcome_cancelled();
    struct job *job = find(manager, id);

    if (!job)
        return CANCEL_UNKNOWN;
    if (job->state == JOB_PROGRAMMING)
        return deploy_cancel(manager->deploy) < 0 ? CANCEL_TOO_LATE : CANCEL_DONE;
    /* Of a chip that has been erased already. */
    if (job->recovery)
        return CANCEL_TOO_LATE;
    if (job->state == JOB_CHECKING)
        manager->check = check_free(manager->check);
    manager_close_job(manager, job, &outcome);
    return CANCEL_DONE;
}
