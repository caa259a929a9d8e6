#include "daemon/handover.h"

#include <errno.h>

#include "daemon/queue.h"

static const char changing_sentence[] = "The file was written to while it was read.";
static const char changing_hint[] = "Hand it over when it is complete.";

int handover_open(struct manager *manager, int fd, bool force, struct handover *ret)
{
    _cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;
    struct file_key key = {.size = 0};
    struct job *job;

    if (manager->stopping)
        return -ESHUTDOWN;
    queue_make_room(manager);
    int r = manager_open_job(manager, &job);
    if (r < 0)
        return r;
    job->handed = job->detached = true;
    job->care = force ? DEPLOY_ALWAYS : DEPLOY_IF_NEW;
    job->read_usec = job_now_usec();
    r = snapshot_take_fd(fd, manager->orders->settings->inbox_max_size, &snapshot, &key);
    if (r == SNAPSHOT_TAKEN)
        job_set_snapshot(job, TAKE_PTR(snapshot));
    else if (r == SNAPSHOT_TOO_LARGE)
        job->bytes = key.size;
    *ret = (struct handover){.job = job, .read = r};
    return 0;
}

static void reject(struct manager *manager, struct job *job, enum sketch_code code)
{
    struct outcome outcome =
        outcome_rejected(code, sketch_code_sentence(code), sketch_code_hint(code));

    manager_close_job(manager, job, &outcome);
}

static void reject_changing(struct manager *manager, struct job *job)
{
    struct outcome outcome = outcome_rejected(SKETCH_UNREADABLE, changing_sentence, changing_hint);

    manager_close_job(manager, job, &outcome);
}

void handover_settle(struct manager *manager, const struct handover *handover)
{
    struct job *job = handover->job;

    if (handover->read < 0) {
        manager_fail_job(manager, job, "the file that was handed over", handover->read);
        return;
    }
    switch ((enum snapshot_result)handover->read) {
    case SNAPSHOT_TAKEN:
        if (job->bytes == 0)
            reject(manager, job, SKETCH_EMPTY);
        else
            job_set_state(job, JOB_TO_CHECK);
        break;
    case SNAPSHOT_TOO_LARGE:
        reject(manager, job, SKETCH_TOO_LARGE);
        break;
    case SNAPSHOT_NOT_REGULAR:
        reject(manager, job, SKETCH_NOT_REGULAR);
        break;
    case SNAPSHOT_BUSY:
        reject_changing(manager, job);
        break;
    case SNAPSHOT_UNREADABLE:
    case SNAPSHOT_GONE:
        reject(manager, job, SKETCH_UNREADABLE);
        break;
    }
}
