#include "daemon/rollback.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "daemon/queue.h"

const char *rollback_refusal(int verdict)
{
    switch (verdict) {
    case ROLLBACK_NOTHING:
        return "There is no sketch to go back to.";
    case ROLLBACK_DAMAGED:
        return "The sketch before is damaged on disk and not trusted: upload one.";
    case ROLLBACK_STOPPING:
        return "The service is stopping: ask again when it has started.";
    default:
        return strerror(-verdict);
    }
}

/* As store_load(). */
static int load(const struct manager *manager, enum store_slot slot, struct store_image *ret)
{
    return store_load(ledger_state_dir(manager->ledger), slot, manager->orders->board.flash.size,
                      ret);
}

/*
 * Back from a sketch that is being programmed leads to the one that is installed until then: it
 * will be the previous one when its turn comes, or has been put back.
 */
static int load_the_one_before(const struct manager *manager, struct store_image *ret)
{
    const struct job *running = manager_find(manager, JOB_PROGRAMMING);

    if (!running)
        return load(manager, STORE_PREVIOUS, ret);
    int r = load(manager, STORE_INSTALLED, ret);
    if (r != STORE_FOUND || strcmp(ret->image_sha256, running->image_sha256) != 0)
        return r;
    store_image_clear(ret);
    return load(manager, STORE_PREVIOUS, ret);
}

static int judge(const struct manager *manager, struct store_image *ret)
{
    if (manager->stopping)
        return ROLLBACK_STOPPING;
    int r = load_the_one_before(manager, ret);
    if (r < 0)
        return r;
    return r == STORE_FOUND    ? ROLLBACK_OPENED
           : r == STORE_ABSENT ? ROLLBACK_NOTHING
                               : ROLLBACK_DAMAGED;
}

/* Takes the image. */
static int open_job(struct manager *manager, struct store_image *image, uint64_t *ret_id)
{
    struct job *job;

    queue_give_way(manager);
    int r = manager_open_job(manager, &job);
    if (r < 0) {
        store_image_clear(image);
        return r;
    }
    job_set_rollback(job, image, &manager->orders->board);
    journal_log_job(manager->journal, job->id, LOG_INFO,
                    "Job %" PRIu64 ": back to the sketch before: %" PRIu32 " bytes", job->id,
                    job->report.image_size);
    *ret_id = job->id;
    return ROLLBACK_OPENED;
}

int rollback_open(struct manager *manager, uint64_t *ret_id)
{
    struct store_image image;

    int r = judge(manager, &image);
    if (r == ROLLBACK_OPENED)
        r = open_job(manager, &image, ret_id);
    if (r != ROLLBACK_OPENED)
        journal_log(manager->journal, LOG_WARNING, "No rollback: %s", rollback_refusal(r));
    return r;
}
