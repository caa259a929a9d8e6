/*
 * The callback from the watch only counts; the inbox is looked at when all events have been heard.
 * So of several uploads that came in one go, those whose content is gone already are told from the
 * one that is there.
 */
#include "daemon/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "daemon/queue.h"
#include "util/fd.h"

enum {
    PATIENCE_USEC =
        2 * 1000 * 1000, /* of silence, until an incomplete file is taken for all there is */
};

/* Looks at the name in the inbox, without following or opening it. Returns true if it is there. */
static bool look_at_file(const struct manager *manager, struct file_key *ret_key)
{
    _cleanup_fd_ int inbox = watch_open(manager->watch);
    const char *name = manager->orders->settings->inbox_file_name;
    struct stat status;

    if (inbox < 0 || fstatat(inbox, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    *ret_key = file_key_of(&status);
    return true;
}

bool intake_still_has(const struct manager *manager, const struct job *job)
{
    struct file_key key;

    return look_at_file(manager, &key) && file_key_equal(&key, &job->key);
}

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
        journal_log(manager->journal, LOG_ERR, "No timer for an incomplete upload: %s",
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

static struct job *newer_job(const struct manager *manager, const struct job *job)
{
    for (size_t i = 0; i + 1 < manager->n_jobs; i++)
        if (manager->jobs[i] == job)
            return manager->jobs[i + 1];
    return NULL;
}

/* Is the file there now another upload than the one that the job was made from? */
static bool is_overtaken(struct manager *manager, const struct job *job, const struct file_key *now)
{
    return now->inode != job->key.inode ||
           (!file_key_equal(now, &job->key) && ledger_knows(manager->ledger, now));
}

void intake_incomplete(struct manager *manager, struct job *job)
{
    struct job *newer = newer_job(manager, job);
    struct file_key key;

    if (newer && newer->snapshot && is_partial(job) &&
        snapshot_begins(job->snapshot, newer->snapshot) > 0) {
        manager_drop_job(manager, job);
    } else if (newer) {
        close_superseded(manager, job);
    } else if (!look_at_file(manager, &key)) {
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

/* Makes room by giving up the oldest unchecked upload: only a flood within milliseconds gets here.
 */
static void make_room(struct manager *manager)
{
    size_t n = 0;

    for (size_t i = 0; i < manager->n_jobs; i++)
        n += manager->jobs[i]->state == JOB_TO_CHECK;
    if (n >= UNCHECKED_MAX)
        close_superseded(manager, manager_find(manager, JOB_TO_CHECK));
}

static struct job *open_job(struct manager *manager)
{
    struct job *job;

    make_room(manager);
    int r = manager_open_job(manager, &job);
    if (r < 0) {
        journal_log(manager->journal, LOG_CRIT, "An upload is lost for want of memory.");
        return NULL;
    }
    return job;
}

enum reason {
    ARRIVAL, /* an event says that an upload is complete */
    SCAN,    /* found by looking */
    SILENCE, /* nothing more came for the job that waits */
};

/*
 * Is what was read now (NULL: nothing) of the job that waits? If not all of that one was there, the
 * content tells. If somebody was writing while it was read, that writer's close is still to come,
 * unless the job is of an earlier one: then this is the next upload's.
 */
static bool is_continued(const struct job *waiting, const struct snapshot *snapshot,
                         enum reason reason)
{
    if (waiting->snapshot && is_partial(waiting))
        return !snapshot || snapshot_begins(waiting->snapshot, snapshot) > 0;
    return reason != ARRIVAL || waiting->scanned;
}

/*
 * The job that the content just read belongs to: the one that waits for its rest, if this continues
 * it, else a new one. The one that waits then has been overwritten.
 */
static struct job *job_for(struct manager *manager, const struct snapshot *snapshot,
                           enum reason reason)
{
    struct job *waiting = manager_find(manager, JOB_WAITING);

    if (waiting && is_continued(waiting, snapshot, reason))
        return waiting;
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

static void take_snapshot(struct manager *manager, struct job *job, struct snapshot *snapshot)
{
    job_set_snapshot(job, snapshot);
    if (snapshot->size == 0) {
        job->report.code = SKETCH_EMPTY;
        intake_incomplete(manager, job);
    } else {
        job_set_state(job, JOB_TO_CHECK);
    }
}

/* The same file in the same state as a job that was made by looking: its event comes late. */
static bool is_late_event(struct manager *manager, const struct file_key *key)
{
    if (file_key_equal(&manager->last_scanned, key)) {
        manager->last_scanned = (struct file_key){.inode = 0};
        return true;
    }
    for (size_t i = 0; i < manager->n_jobs; i++) {
        struct job *job = manager->jobs[i];
        if (job->scanned && job->state != JOB_WAITING && file_key_equal(&job->key, key)) {
            job->scanned = false;
            return true;
        }
    }
    return false;
}

static void read_failed(struct manager *manager, enum reason reason, int error)
{
    struct job *job = job_for(manager, NULL, reason);

    if (!job)
        return;
    struct outcome outcome = outcome_internal(strerror(-error));
    manager_close_job(manager, job, &outcome);
}

/* Reads what is in the inbox now, for the job that it belongs to. */
static void read_upload(struct manager *manager, enum reason reason)
{
    const struct settings *settings = manager->orders->settings;
    _cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;
    _cleanup_fd_ int inbox = watch_open(manager->watch);
    struct file_key key = {.inode = 0};

    int r = inbox < 0 ? SNAPSHOT_GONE
                      : snapshot_take(inbox, settings->inbox_file_name, settings->inbox_max_size,
                                      &snapshot, &key);
    if (r < 0) {
        read_failed(manager, reason, r);
        return;
    }
    if (reason == ARRIVAL && r != SNAPSHOT_GONE && is_late_event(manager, &key))
        return;

    struct job *job = job_for(manager, snapshot, reason);
    if (!job)
        return;
    job->scanned = reason == SCAN;
    job->overdue = reason == SILENCE;
    job->disturbed = false;
    if (r != SNAPSHOT_GONE)
        job->key = key;

    switch ((enum snapshot_result)r) {
    case SNAPSHOT_TAKEN:
        take_snapshot(manager, job, TAKE_PTR(snapshot));
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

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct manager *manager = userdata;

    if (!manager_find(manager, JOB_WAITING))
        return 0;
    read_upload(manager, SILENCE);
    queue_run(manager);
    return 0;
}

/* ---- Events ------------------------------------------------------------------------------------
 */

/* Uploads that were replaced before they could be read: all that can be told of them is their end.
 */
static void close_overtaken(struct manager *manager, unsigned keep)
{
    for (; manager->arrivals > keep; manager->arrivals--) {
        struct job *job = open_job(manager);
        if (job)
            close_superseded(manager, job);
    }
}

static void on_gone(struct manager *manager)
{
    struct job *job;

    if (manager->arrivals > 0) {
        close_overtaken(manager, 1);
        manager->arrivals = 0;
        job = job_for(manager, NULL, ARRIVAL);
    } else {
        job = manager_find(manager, JOB_WAITING);
    }
    if (job)
        close_deleted(manager, job);
    queue_run(manager);
}

/*
 * Somebody writes. If a job waits for that, it goes on waiting. If one was made from what was there
 * before, its copy may hold some of this already: it waits for the writer's close, and is read
 * anew.
 */
static void on_written(struct manager *manager)
{
    struct job *newest = manager->n_jobs > 0 ? manager->jobs[manager->n_jobs - 1] : NULL;

    if (newest && (newest->state == JOB_TO_CHECK || newest->state == JOB_CHECKING))
        newest->disturbed = true;
    if (manager_find(manager, JOB_WAITING))
        be_patient(manager);
}

/* Is there a file that no job was made of yet? */
static bool finds_new_file(struct manager *manager)
{
    struct file_key key;

    if (!look_at_file(manager, &key))
        return false;
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (file_key_equal(&manager->jobs[i]->key, &key))
            return false;
    return !ledger_knows(manager->ledger, &key);
}

/* New time stamps on a file that was read already, not followed by a close: adb sets them last. */
static void refresh_key(struct manager *manager)
{
    struct file_key key;

    if (!look_at_file(manager, &key))
        return;
    for (size_t i = 0; i < manager->n_jobs; i++) {
        struct job *job = manager->jobs[i];
        if (job->key.inode == key.inode && job->key.size == key.size)
            job->key = key;
    }
    ledger_refresh(manager->ledger, &key);
}

static void look(struct manager *manager)
{
    close_overtaken(manager, 1);
    if (manager->arrivals > 0) {
        manager->arrivals = 0;
        read_upload(manager, ARRIVAL);
    } else if (manager->rescan && finds_new_file(manager)) {
        read_upload(manager, SCAN);
    } else if (manager->attributes_changed) {
        refresh_key(manager);
    }
    manager->rescan = manager->attributes_changed = false;
    queue_run(manager);
}

static int on_look(sd_event_source *source, void *userdata)
{
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    look(userdata);
    return 0;
}

static void on_watch(enum watch_event what, void *userdata)
{
    struct manager *manager = userdata;

    if (manager->stopping)
        return;
    switch (what) {
    case WATCH_COMPLETE:
        manager->arrivals++;
        break;
    case WATCH_WRITTEN:
        on_written(manager);
        return;
    case WATCH_ATTRIBUTES:
        manager->attributes_changed = true;
        break;
    case WATCH_GONE:
        on_gone(manager);
        return;
    case WATCH_RESCAN:
        manager->rescan = true;
        break;
    case WATCH_REFUSED:
        journal_log(manager->journal, LOG_WARNING,
                    "%s is not a folder of its own (a link, a file?): no uploads until it is.",
                    manager->orders->settings->inbox_directory);
        return;
    }
    sd_event_source_set_enabled(manager->look_source, SD_EVENT_ONESHOT);
}

int intake_start(struct manager *manager)
{
    const struct settings *settings = manager->orders->settings;

    int r = sd_event_add_defer(manager->event, &manager->look_source, on_look, manager);
    if (r < 0)
        return r;
    sd_event_source_set_description(manager->look_source, "inbox-look");
    r = sd_event_source_set_priority(manager->look_source, SD_EVENT_PRIORITY_NORMAL + 10);
    if (r < 0)
        return r;
    r = watch_new(manager->event, settings->inbox_directory, settings->inbox_file_name, on_watch,
                  manager, &manager->watch);
    if (r < 0)
        return r;
    if (watch_is_refused(manager->watch))
        on_watch(WATCH_REFUSED, manager);
    manager->rescan = true;
    look(manager);
    return 0;
}

void intake_stop(struct manager *manager)
{
    manager->look_source = sd_event_source_disable_unref(manager->look_source);
    manager->patience_source = sd_event_source_disable_unref(manager->patience_source);
    manager->watch = watch_free(manager->watch);
}
