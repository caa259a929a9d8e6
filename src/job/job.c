#include "job/job.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
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
    assert(state > job->state ||
           (state == JOB_WAITING && (job->state <= JOB_CHECKING || job->unconfirmed)) ||
           (state == JOB_NEW && job->state == JOB_WAITING));
    job->state = state;
}

/* What is to be kept on record while it is programmed. */
static void make_ready(struct job *job)
{
    job->intent = (struct store_intent){.job_id = job->id, .slot = STORE_PENDING};
    memcpy(job->intent.image_sha256, job->image_sha256, SKETCH_DIGEST_HEX);
    file_key_format(&job->key, job->intent.file);
    job_set_state(job, JOB_READY);
}

void job_set_key(struct job *job, const struct file_key *key)
{
    job->key = *key;
    if (job->intent.file[0])
        file_key_format(key, job->intent.file);
}

void job_hash_image(struct job *job, const uint8_t *image)
{
    sketch_digest(image, job->report.image_size, job->image_sha256);
    memcpy(job->intent.image_sha256, job->image_sha256, SKETCH_DIGEST_HEX);
}

void job_accept(struct job *job, uint8_t *image)
{
    job->image = image;
    make_ready(job);
    if (!job->unconfirmed) {
        job->snapshot = snapshot_free(job->snapshot);
        job_hash_image(job, job->image);
    }
}

void job_confirm(struct job *job, const char sha256[static SKETCH_DIGEST_HEX])
{
    memcpy(job->sha256, sha256, sizeof(job->sha256));
    job->unconfirmed = false;
    job->snapshot = snapshot_free(job->snapshot);
}

void job_take_back(struct job *job)
{
    job_set_state(job, JOB_WAITING);
    free(job->image);
    job->image = NULL;
    job->report = (struct sketch_report){.code = SKETCH_ACCEPTED};
    job->intent = (struct store_intent){.job_id = 0};
    job->image_sha256[0] = '\0';
    job->unconfirmed = false;
    job->disturbed = true;
}

/* An image that was kept, instead of one that the checker has made. */
static void take_image(struct job *job, struct store_image *image, const struct board *board)
{
    job->image = TAKE_PTR(image->image);
    job->report.image_size = image->image_size;
    job->report.sectors = (image->image_size + board->sector_size - 1) / board->sector_size;
    memcpy(job->sha256, image->sha256, sizeof(job->sha256));
    memcpy(job->image_sha256, image->image_sha256, sizeof(job->image_sha256));
}

void job_set_rollback(struct job *job, struct store_image *image, const struct board *board)
{
    job->rollback = true;
    job->read_usec = job->begun_usec;
    take_image(job, image, board);
    make_ready(job);
}

void job_set_recovery(struct job *job, const struct store_intent *intent, struct store_image *image,
                      const struct board *board)
{
    job->recovery = true;
    job->intent = *intent;
    take_image(job, image, board);
    file_key_parse(intent->file, &job->key);
    job_set_state(job, JOB_READY);
}

struct store_image job_image(const struct job *job)
{
    struct timespec now;
    struct store_image image = {
        .job_id = job->id,
        .image = job->image,
        .image_size = job->report.image_size,
    };

    clock_gettime(CLOCK_REALTIME, &now);
    image.time_msec = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    memcpy(image.sha256, job->sha256, sizeof(image.sha256));
    memcpy(image.image_sha256, job->image_sha256, sizeof(image.image_sha256));
    return image;
}

void job_set_snapshot(struct job *job, struct snapshot *snapshot)
{
    snapshot_free(job->snapshot);
    job->snapshot = snapshot;
    job->bytes = snapshot->size;
}

/*
 * Whoever waits for an upload knows it by its digest, which its checker tells. Where no checker
 * came as far as that, here is who does. Not of what was read while somebody wrote: that may be the
 * next upload's already.
 */
static void complete_digests(struct job *job)
{
    if (job->image && !*job->image_sha256)
        job_hash_image(job, job->image);
    if (!*job->sha256 && job->snapshot && !job->disturbed && !job->doubted &&
        snapshot_digest(job->snapshot, job->sha256) < 0)
        *job->sha256 = '\0';
}

void job_finish(struct job *job, const struct outcome *outcome)
{
    assert(outcome->result != RESULT_NONE);
    complete_digests(job);
    job->reached = job->state;
    job_set_state(job, JOB_DONE);
    job->outcome = *outcome;
    job->snapshot = snapshot_free(job->snapshot);
    free(job->image);
    job->image = NULL;
}
