#include "daemon/reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/inbox.h"
#include "daemon/queue.h"
#include "daemon/signing.h"
#include "job/alarm.h"
#include "util/fd.h"

enum {
    PATIENCE_USEC = 2 * 1000 * 1000, /* silence, until an incomplete file is all there is */
    MOMENT_USEC = 100 * 1000,        /* between a write and the event that tells of it, at most */
};

static void close_superseded(struct manager *manager, struct job *job)
{
    struct outcome outcome = outcome_superseded();

    manager_close_job(manager, job, &outcome);
}

static void close_deleted(struct manager *manager, struct job *job)
{
    struct outcome outcome = outcome_deleted();

    manager_close_job(manager, job, &outcome);
}

/* ---- Incomplete files --------------------------------------------------------------------------
 */

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata);

static void be_patient(struct manager *manager)
{
    int r;

    if (manager->patience_source) {
        r = sd_event_source_set_time_relative(manager->patience_source, PATIENCE_USEC);
        if (r >= 0)
            r = sd_event_source_set_enabled(manager->patience_source, SD_EVENT_ONESHOT);
    } else {
        r = sd_event_add_time_relative(manager->event, &manager->patience_source, CLOCK_MONOTONIC,
                                       PATIENCE_USEC, 0, on_patience, manager);
    }
    if (r < 0)
        journal_log(manager->journal, LOG_WARNING, "No timer for an incomplete upload: %s",
                    strerror(-r));
}

static void set_waiting(struct manager *manager, struct job *job)
{
    job_set_state(job, JOB_WAITING);
    be_patient(manager);
}

/* Read, and not all of it was there. */
static bool is_partial(const struct job *job)
{
    return job->report.code == SKETCH_TRUNCATED || job->report.code == SKETCH_EMPTY;
}

/* The rejection of a job whose rest never came. */
static struct outcome outcome_of_rest(const struct job *job)
{
    if (job->report.code == SKETCH_TRUNCATED)
        return outcome_rejected(SKETCH_TRUNCATED, job->report.sentence, job->report.hint);
    return outcome_rejected(SKETCH_EMPTY, sketch_code_sentence(SKETCH_EMPTY),
                            sketch_code_hint(SKETCH_EMPTY));
}

static bool is_of_inbox(const struct job *job)
{
    return !job->rollback && !job->handed;
}

/* The upload that came next after the job. */
static struct job *newer_job(const struct manager *manager, const struct job *job)
{
    struct job *newer = NULL;

    for (size_t i = manager->n_jobs; i-- > 0 && manager->jobs[i] != job;)
        if (is_of_inbox(manager->jobs[i]))
            newer = manager->jobs[i];
    return newer;
}

/* Is the file there now another upload than the one that the job was made from? */
static bool is_overtaken(struct manager *manager, const struct job *job, const struct file_key *now)
{
    return now->inode != job->key.inode ||
           (!file_key_equal(now, &job->key) && ledger_knows(manager->ledger, now));
}

void reading_incomplete(struct manager *manager, struct job *job)
{
    struct job *newer = newer_job(manager, job);
    struct file_key key;

    if (newer && newer->snapshot && is_partial(job) && job->scanned &&
        snapshot_begins(job->snapshot, newer->snapshot) > 0) {
        manager_drop_job(manager, job);
    } else if (newer) {
        close_superseded(manager, job);
    } else if (job->detached || !inbox_look(manager, &key)) {
        close_deleted(manager, job);
    } else if (is_overtaken(manager, job, &key)) {
        close_superseded(manager, job);
    } else if (job->overdue && is_partial(job)) {
        struct outcome outcome = outcome_of_rest(job);
        manager_close_job(manager, job, &outcome);
    } else {
        set_waiting(manager, job);
    }
}

/* ---- Reading -----------------------------------------------------------------------------------
 */

static struct job *open_job(struct manager *manager)
{
    struct job *job;

    queue_make_room(manager);
    int r = manager_open_job(manager, &job);
    if (r < 0) {
        alarm_tell(manager->journal, ALARM_LOST, 0, "An upload is lost for want of memory.");
        return NULL;
    }
    return job;
}

/*
 * Is what was read now (NULL: nothing) of the job that waits? If not all of that one was there, the
 * content tells. If somebody was writing while it was read, that writer's close is still to come,
 * unless the job is of an earlier one: then this is the next upload's.
 */
static bool is_continued(const struct job *waiting, struct snapshot *snapshot,
                         enum reading_reason reason)
{
    if (waiting->snapshot && is_partial(waiting) && !waiting->disturbed && !waiting->doubted)
        return !snapshot || snapshot_begins(waiting->snapshot, snapshot) > 0;
    return reason != READING_ARRIVAL || waiting->scanned;
}

/*
 * The job that the content just read belongs to (key: the file that it is of; NULL: nothing was
 * read): the one that waits for its rest, if this continues it, else a new one. The one that waits
 * then has been overwritten.
 */
static struct job *job_for(struct manager *manager, struct snapshot *snapshot,
                           const struct file_key *key, enum reading_reason reason)
{
    struct job *waiting = manager_find(manager, JOB_WAITING);

    if (waiting && is_continued(waiting, snapshot, reason))
        return waiting;
    /* What it found was the next upload's already, which is still to be dealt with. */
    if (waiting && key && file_key_equal(&waiting->key, key))
        waiting->key = (struct file_key){.inode = 0};
    if (waiting)
        close_superseded(manager, waiting);
    return open_job(manager);
}

static void reject(struct manager *manager, struct job *job, enum sketch_code code)
{
    struct outcome outcome =
        outcome_rejected(code, sketch_code_sentence(code), sketch_code_hint(code));

    manager_close_job(manager, job, &outcome);
}

/*
 * A second name in the inbox for somebody else's file can be anybody's work, so such a file is
 * nobody's upload. What was read and whose it was are known from one descriptor.
 */
static bool is_accepted(const struct manager *manager, const struct snapshot *snapshot)
{
    const struct owners *owners = &manager->orders->settings->inbox_owners;

    return owners->anyone || (owners_allow(owners, snapshot->owner) && !snapshot->linked);
}

static void reject_owner(struct manager *manager, struct job *job)
{
    const struct owners *owners = &manager->orders->settings->inbox_owners;
    bool listed = owners_allow(owners, job->snapshot->owner);
    char sentence[SKETCH_SENTENCE_MAX];

    snprintf(sentence, sizeof(sentence),
             listed ? "The upload has a second name (a hard link), so it may not be user %u's own."
                    : "The upload belongs to user %u, whose uploads are not accepted.",
             job->snapshot->owner);
    struct outcome outcome = outcome_rejected(SKETCH_OWNER, sentence,
                                              listed ? "Copy the file to the inbox instead."
                                                     : sketch_code_hint(SKETCH_OWNER));
    manager_close_job(manager, job, &outcome);
}

/*
 * The same file in the same state as when a job was made of it: but for its time stamps, which adb
 * sets right after the close that is only heard of now.
 */
static bool is_same_state(const struct manager *manager, const struct job *job,
                          const struct file_key *key)
{
    if (file_key_equal(&job->key, key))
        return true;
    return job->key.inode == key->inode && job->key.size == key->size && !manager->written &&
           !manager->touched;
}

/* A job that was made by looking is of this very upload: its event comes late. */
static bool is_late_event(struct manager *manager, const struct file_key *key)
{
    if (file_key_equal(&manager->last_scanned, key)) {
        manager->last_scanned = (struct file_key){.inode = 0};
        return true;
    }
    for (size_t i = 0; i < manager->n_jobs; i++) {
        struct job *job = manager->jobs[i];
        if (job->scanned && job->state != JOB_WAITING && is_same_state(manager, job, key)) {
            job->scanned = false;
            job->key = *key;
            return true;
        }
    }
    return false;
}

static void read_failed(struct manager *manager, enum reading_reason reason, int error)
{
    struct job *job = job_for(manager, NULL, NULL, reason);

    if (!job)
        return;
    struct outcome outcome = outcome_internal(strerror(-error));
    manager_close_job(manager, job, &outcome);
}

/* If it is checked at once, only what is needed for that is copied now. Signatures are of the whole
 * file. */
static enum snapshot_extent extent(const struct manager *manager)
{
    bool is_whole = manager->check || manager->orders->settings->require_signature;

    return is_whole ? SNAPSHOT_WHOLE : SNAPSHOT_PARTS;
}

/* Reads what is in the inbox now, for the job that it belongs to. */
void reading_take(struct manager *manager, enum reading_reason reason)
{
    _cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;
    _cleanup_fd_ int inbox = watch_open(manager->watch);
    struct file_key key = {.inode = 0};

    int r = inbox_take(manager, inbox, extent(manager), &snapshot, &key);
    if (r < 0) {
        read_failed(manager, reason, r);
        return;
    }
    if (reason == READING_ARRIVAL && r != SNAPSHOT_GONE && is_late_event(manager, &key))
        return;

    struct job *job = job_for(manager, snapshot, &key, reason);
    if (!job)
        return;
    job->scanned = reason == READING_SCAN;
    job->overdue = reason == READING_SILENCE;
    job->disturbed = manager->overwritten;
    job->detached = job->doubted = false;
    job->read_usec = job_now_usec();
    /* A touch: the file is the one it was, and nobody wrote to it. */
    job->care = reason == READING_ARRIVAL && key.inode == manager->last_inode && !manager->written
                    ? DEPLOY_ALWAYS
                    : DEPLOY_IF_NEW;
    manager->last_inode = key.inode;
    manager->written = false;
    if (r != SNAPSHOT_GONE)
        job->key = key;

    switch ((enum snapshot_result)r) {
    case SNAPSHOT_TAKEN:
        job_set_snapshot(job, TAKE_PTR(snapshot));
        signing_read(manager, job, inbox);
        if (job->state == JOB_WAITING)
            job_set_state(job, JOB_NEW);
        break;
    case SNAPSHOT_GONE:
        close_deleted(manager, job);
        break;
    case SNAPSHOT_BUSY:
        set_waiting(manager, job);
        break;
    case SNAPSHOT_NOT_REGULAR:
        reject(manager, job, SKETCH_NOT_REGULAR);
        break;
    case SNAPSHOT_UNREADABLE:
        reject(manager, job, SKETCH_UNREADABLE);
        break;
    case SNAPSHOT_TOO_LARGE:
        job->bytes = key.size;
        reject(manager, job, SKETCH_TOO_LARGE);
        break;
    }
}

void reading_settle(struct manager *manager)
{
    struct job *job = manager_find(manager, JOB_NEW);

    if (!job)
        return;
    if (job->disturbed) {
        set_waiting(manager, job);
    } else if (job->snapshot->size == 0) {
        job->report.code = SKETCH_EMPTY;
        reading_incomplete(manager, job);
    } else if (!is_accepted(manager, job->snapshot)) {
        reject_owner(manager, job);
    } else {
        job_set_state(job, JOB_TO_CHECK);
    }
}

/*
 * Was the job read while this was being written? Until it is checked, certainly. Later, if what was
 * read is incomplete: the kernel shows a write before it tells of it, by a moment that a busy
 * machine can stretch. Once its file is gone, never.
 */
static bool is_disturbed(const struct job *job)
{
    if (job->detached || job->state > JOB_CHECKING)
        return false;
    return job->state != JOB_WAITING || job_now_usec() - job->read_usec < MOMENT_USEC;
}

static struct job *newest_upload(const struct manager *manager)
{
    for (size_t i = manager->n_jobs; i-- > 0;)
        if (is_of_inbox(manager->jobs[i]))
            return manager->jobs[i];
    return NULL;
}

/*
 * If a job waits for more, it goes on waiting. If the newest one was read just now, its content is
 * partly of this upload: it waits for the writer's close, and then for what is read anew.
 */
void reading_disturb(struct manager *manager)
{
    struct job *newest = newest_upload(manager);

    if (newest && is_disturbed(newest))
        newest->disturbed = true;
    if (manager_find(manager, JOB_WAITING))
        be_patient(manager);
}

/* A job that was made by looking is still to be announced: the event of a lost upload is that
 * one's. */
static bool is_announcement(struct manager *manager)
{
    for (size_t i = manager->n_jobs; i-- > 0;) {
        struct job *job = manager->jobs[i];
        if (job->scanned && job->state < JOB_READY) {
            job->scanned = false;
            return true;
        }
    }
    return false;
}

void reading_close_overtaken(struct manager *manager)
{
    struct job *job = is_announcement(manager) ? NULL : open_job(manager);

    if (job)
        close_superseded(manager, job);
}

void reading_close_deleted(struct manager *manager)
{
    struct job *job = manager_find(manager, JOB_WAITING);

    if (manager->arrivals > 0 && !(job && is_continued(job, NULL, READING_ARRIVAL)))
        job = is_announcement(manager) ? NULL : job_for(manager, NULL, NULL, READING_ARRIVAL);
    if (job)
        close_deleted(manager, job);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct manager *manager = userdata;

    if (!manager_find(manager, JOB_WAITING))
        return 0;
    reading_take(manager, READING_SILENCE);
    sd_event_source_set_enabled(manager->look_source, SD_EVENT_ONESHOT);
    queue_run(manager);
    return 0;
}
