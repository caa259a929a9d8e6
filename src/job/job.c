#include "job/job.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static const char *const state_names[_JOB_STATE_MAX] = {
    [JOB_NEW] = "received",      [JOB_WAITING] = "waiting for the rest",
    [JOB_TO_CHECK] = "received", [JOB_CHECKING] = "checking",
    [JOB_READY] = "waiting",     [JOB_PROGRAMMING] = "programming",
    [JOB_DONE] = "done",
};

const char *job_state_name(enum job_state state)
{
    return state_names[state];
}

uint64_t job_now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int job_new(uint64_t id, struct job **ret)
{
    struct job *job = calloc(1, sizeof(*job));

    if (!job)
        return -ENOMEM;
    job->id = id;
    job->begun_usec = job_now_usec();
    *ret = job;
    return 0;
}

struct job *job_free(struct job *job)
{
    if (!job)
        return NULL;
    snapshot_free(job->snapshot);
    free(job->image);
    free(job);
    return NULL;
}

void job_set_state(struct job *job, enum job_state state)
{
    assert(job->state != JOB_DONE);
    assert(state > job->state || job->state == JOB_WAITING || state == JOB_WAITING);
    job->state = state;
}

void job_set_snapshot(struct job *job, struct snapshot *snapshot)
{
    snapshot_free(job->snapshot);
    job->snapshot = snapshot;
    job->bytes = snapshot->size;
}

void job_finish(struct job *job, const struct outcome *outcome)
{
    assert(outcome->result != RESULT_NONE);
    job_set_state(job, JOB_DONE);
    job->outcome = *outcome;
    job->snapshot = snapshot_free(job->snapshot);
    free(job->image);
    job->image = NULL;
}
