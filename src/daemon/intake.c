/*
 * The callback from the watch only counts; the inbox is looked at when all events have been heard.
 * So of several uploads that came in one go, those whose content is gone already are told from the
 * one that is there.
 */
#include "daemon/intake.h"

#include <syslog.h>

#include "daemon/checking.h"
#include "daemon/inbox.h"
#include "daemon/queue.h"
#include "daemon/reading.h"

/* All but the newest of the uploads that were announced have been replaced. */
static void close_overtaken(struct manager *manager)
{
    for (; manager->arrivals > 1; manager->arrivals--)
        reading_close_overtaken(manager);
}

/*
 * A file went away while this one was read: it, and then the reading is all there is of it, or the
 * one before it, and then the reading may be of the next upload, which is not complete.
 */
static void detach_fresh(struct manager *manager, struct job *fresh)
{
    struct file_key key;

    if (inbox_look(manager, &key) && key.inode == fresh->key.inode)
        fresh->disturbed = true;
    else
        fresh->detached = true;
}

static void on_gone(struct manager *manager)
{
    close_overtaken(manager);
    if (manager->arrivals > 0 || manager_find(manager, JOB_WAITING))
        reading_close_deleted(manager);
    manager->arrivals = 0;
    manager->overwritten = false;
    for (size_t i = 0; i < manager->n_jobs; i++) {
        struct job *job = manager->jobs[i];
        if (job->state == JOB_NEW)
            detach_fresh(manager, job);
        else if (job->state <= JOB_CHECKING)
            job->detached = true;
    }
    queue_run(manager);
}

/* Another upload was heard of while one was read: if that is incomplete, it may be this one's. */
static void doubt_fresh(struct manager *manager)
{
    struct job *fresh = manager_find(manager, JOB_NEW);

    if (fresh)
        fresh->doubted = true;
}

/* An upload that was announced and not read yet is lost to the next one, or it is being read. */
static void on_written(struct manager *manager)
{
    checking_prepare(manager);
    manager->written = true;
    if (manager->arrivals > 0) {
        manager->overwritten = true;
        doubt_fresh(manager);
    } else {
        reading_disturb(manager);
    }
}

/* New time stamps on a file that was read already, not followed by a close: adb sets them last. */
static void refresh_key(struct manager *manager)
{
    struct file_key key;

    if (!inbox_look(manager, &key))
        return;
    for (size_t i = 0; i < manager->n_jobs; i++) {
        struct job *job = manager->jobs[i];
        if (job->key.inode != key.inode || job->key.size != key.size)
            continue;
        job_set_key(job, &key);
        if (job->state == JOB_PROGRAMMING && manager->deploy)
            deploy_note_file(manager->deploy, job->intent.file);
    }
    ledger_refresh(manager->ledger, &key);
}

/*
 * adb sets the time stamps last; where the daemon was killed before it had heard of that, the file
 * is still the one whose programming was interrupted. A touch and a write leave both stamps alike,
 * and are another upload.
 */
static void know_again(struct manager *manager)
{
    struct file_key key;

    if (!inbox_look(manager, &key) || key.modified_nsec == key.changed_nsec)
        return;
    for (size_t i = 0; i < manager->n_jobs; i++) {
        const struct job *job = manager->jobs[i];
        if (job->recovery && job->key.inode == key.inode && job->key.size == key.size &&
            !file_key_equal(&job->key, &key) && inbox_holds(manager, job->sha256)) {
            refresh_key(manager);
            return;
        }
    }
}

/* After a start, a touch of a file that was dealt with before it is still one. */
static void remember_inode(struct manager *manager)
{
    struct file_key key;

    if (manager->rescan && inbox_look(manager, &key))
        manager->last_inode = key.inode;
}

static void look(struct manager *manager)
{
    remember_inode(manager);
    reading_settle(manager);
    close_overtaken(manager);
    if (manager->arrivals > 0) {
        manager->arrivals = 0;
        reading_take(manager, READING_ARRIVAL);
    } else if (manager->rescan && inbox_has_new(manager)) {
        reading_take(manager, READING_SCAN);
    } else if (manager->attributes_changed) {
        refresh_key(manager);
    }
    manager->rescan = manager->attributes_changed = manager->overwritten = false;
    /* What came during the reading is heard first, then it is settled. */
    if (manager_find(manager, JOB_NEW))
        sd_event_source_set_enabled(manager->look_source, SD_EVENT_ONESHOT);
    queue_run(manager);
}

static int on_look(sd_event_source *source, void *userdata)
{
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    look(userdata);
    return 0;
}

/*
 * What comes now is the next start's, but for the time stamps that adb sets last: they are of the
 * upload that is being programmed, and the next start must know it again.
 */
static void note_while_stopping(struct manager *manager, enum watch_event what)
{
    if (what == WATCH_ATTRIBUTES)
        manager->attributes_changed = true;
    else
        manager->left_over = true;
}

static void on_watch(enum watch_event what, void *userdata)
{
    struct manager *manager = userdata;

    if (manager->stopping) {
        note_while_stopping(manager, what);
        return;
    }
    switch (what) {
    case WATCH_CREATED:
        checking_prepare(manager);
        return;
    case WATCH_COMPLETE:
        checking_prepare(manager); /* while it is copied */
        doubt_fresh(manager);
        manager->arrivals++;
        manager->touched = manager->attributes_changed;
        manager->overwritten = false;
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
    /* After everything else that is ready, the events of the inbox above all. */
    r = sd_event_source_set_priority(manager->look_source, SD_EVENT_PRIORITY_NORMAL + 10);
    if (r < 0)
        return r;
    r = watch_new(manager->event, settings->inbox_directory, settings->inbox_file_name, on_watch,
                  manager, &manager->watch);
    if (r < 0)
        return r;
    if (watch_is_refused(manager->watch))
        on_watch(WATCH_REFUSED, manager);
    know_again(manager);
    manager->rescan = true;
    look(manager);
    return 0;
}

void intake_stop(struct manager *manager)
{
    if (manager->watch && manager->attributes_changed && !manager->left_over)
        refresh_key(manager);
    manager->look_source = sd_event_source_disable_unref(manager->look_source);
    manager->patience_source = sd_event_source_disable_unref(manager->patience_source);
    manager->watch = watch_free(manager->watch);
}
