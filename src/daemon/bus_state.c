#include "daemon/bus_state.h"

#include <string.h>

/* Simpler than a job's own: where it is read and by whom matters to nobody outside. */
static const char *const states[_JOB_STATE_MAX] = {
    [JOB_NEW] = "receiving",     [JOB_WAITING] = "receiving", [JOB_TO_CHECK] = "checking",
    [JOB_CHECKING] = "checking", [JOB_READY] = "waiting",     [JOB_PROGRAMMING] = "programming",
    [JOB_DONE] = "done",
};

static const char *kind_of(const struct job *job)
{
    if (job->recovery)
        return "recovery";
    if (job->rollback)
        return "rollback";
    return job->builtin ? "default" : "upload";
}

static struct bus_job describe(const struct manager *manager, const struct job *job)
{
    struct bus_job description = {
        .id = job->id,
        .kind = kind_of(job),
        .state = states[job->state],
        .elapsed_msec = (job_now_usec() - job->begun_usec) / 1000,
        .bytes = job->bytes,
        .image_bytes = job->report.image_size,
        .sectors = job->report.sectors,
    };

    memcpy(description.sha256, job->sha256, sizeof(description.sha256));
    if (job->state == JOB_PROGRAMMING) {
        description.bytes_done = manager->progress.bytes_done;
        description.bytes_total = manager->progress.bytes_total;
    }
    return description;
}

/* From the first hook to the last it is programming, whatever else happens meanwhile. */
static const char *state_of(const struct manager *manager)
{
    if (manager->deploy)
        return "programming";
    if (manager_find(manager, JOB_TO_CHECK) || manager_find(manager, JOB_CHECKING))
        return "checking";
    return manager->n_jobs > 0 ? "receiving" : "idle";
}

/* When OpenOCD is done nothing is left, also where little or nothing had to be written. */
static unsigned percent(const struct transcript *progress)
{
    if (progress->stage == OPENOCD_STAGE_DONE)
        return 100;
    if (progress->bytes_total == 0)
        return 0;
    return (unsigned)(progress->bytes_done * 100 / progress->bytes_total);
}

struct bus_state bus_state_of(const struct manager *manager)
{
    struct bus_state state = {.state = state_of(manager), .stage = "", .n_jobs = manager->n_jobs};
    const struct transcript *progress = &manager->progress;

    if (manager_find(manager, JOB_PROGRAMMING)) {
        state.progress = percent(progress);
        if (progress->stage != OPENOCD_STAGE_NONE)
            state.stage = openocd_stage_name(progress->stage);
    }
    for (size_t i = 0; i < manager->n_jobs; i++)
        state.jobs[i] = describe(manager, manager->jobs[i]);
    return state;
}

static bool same_job(const struct bus_job *a, const struct bus_job *b)
{
    return a->id == b->id && strcmp(a->kind, b->kind) == 0 && strcmp(a->state, b->state) == 0 &&
           a->bytes == b->bytes && strcmp(a->sha256, b->sha256) == 0 &&
           a->image_bytes == b->image_bytes && a->bytes_total == b->bytes_total;
}

bool bus_state_same_jobs(const struct bus_state *a, const struct bus_state *b)
{
    if (a->n_jobs != b->n_jobs)
        return false;
    for (size_t i = 0; i < a->n_jobs; i++)
        if (!same_job(&a->jobs[i], &b->jobs[i]))
            return false;
    return true;
}
