#include "daemon/manager.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>

#include "daemon/bus.h"
#include "daemon/checking.h"
#include "daemon/control.h"
#include "daemon/default.h"
#include "daemon/inbox.h"
#include "daemon/intake.h"
#include "daemon/limiting.h"
#include "daemon/queue.h"
#include "daemon/signing.h"
#include "daemon/status.h"
#include "io/lock.h"
#include "job/alarm.h"
#include "job/layout.h"
#include "job/program.h"
#include "job/recovery.h"
#include "util/fd.h"
#include "util/footprint.h"

/* ---- The list of jobs --------------------------------------------------------------------------
 */

struct job *manager_find(const struct manager *manager, enum job_state state)
{
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (manager->jobs[i]->state == state)
            return manager->jobs[i];
    return NULL;
}

static void put_on(struct manager *manager, struct job *job)
{
    assert(manager->n_jobs < JOBS_MAX);
    manager->jobs[manager->n_jobs++] = job;
    manager->rested = false;
}

int manager_open_job(struct manager *manager, struct job **ret)
{
    int r = ledger_open_job(manager->ledger, ret);

    if (r >= 0)
        put_on(manager, *ret);
    return r;
}

static void take_off(struct manager *manager, const struct job *job)
{
    size_t i = 0;

    while (manager->jobs[i] != job)
        i++;
    manager->n_jobs--;
    memmove(&manager->jobs[i], &manager->jobs[i + 1],
            (manager->n_jobs - i) * sizeof(manager->jobs[0]));
}

/* Another job was made of the same file in the same state, and has not ended. */
static bool has_twin(const struct manager *manager, const struct job *job)
{
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (manager->jobs[i] != job && file_key_equal(&manager->jobs[i]->key, &job->key))
            return true;
    return false;
}

void manager_close_job(struct manager *manager, struct job *job, const struct outcome *outcome)
{
    if (job->scanned)
        manager->last_scanned = job->key;
    uint64_t id = job->id;

    take_off(manager, job);
    /* The file is not dealt with yet: a start after a crash must take it again. */
    if (has_twin(manager, job))
        job->key = (struct file_key){.inode = 0};
    ledger_close_job(manager->ledger, job, outcome);
    control_tell(manager->control, id, ledger_last_entry(manager->ledger));
    bus_tell(manager->bus, id, ledger_last_entry(manager->ledger));
}

void manager_fail_job(struct manager *manager, struct job *job, const char *what, int error)
{
    char detail[SKETCH_SENTENCE_MAX];

    snprintf(detail, sizeof(detail), "%s: %s", what, strerror(-error));
    struct outcome outcome = outcome_internal(detail);
    manager_close_job(manager, job, &outcome);
}

void manager_drop_job(struct manager *manager, struct job *job)
{
    take_off(manager, job);
    ledger_drop_job(manager->ledger, job);
}

/* ---- Stopping ----------------------------------------------------------------------------------
 */

/*
 * A job that will not be done by this daemon any more: if it is on record, or its file still in the
 * inbox, the next start takes it, and it is that one's to end.
 */
static void leave_job(struct manager *manager, struct job *job)
{
    struct outcome outcome = outcome_stopped();
    bool recorded = job->state == JOB_PROGRAMMING && deploy_is_durable(manager->deploy);

    if (!recorded && !job->recovery && !inbox_still_has(manager, job)) {
        manager_close_job(manager, job, &outcome);
        return;
    }
    journal_log_job(manager->journal, job->id, LOG_NOTICE,
                    "Job %" PRIu64 ": left for the next start", job->id);
    manager_drop_job(manager, job);
}

/* From the newest to the oldest, so that numbers that were never told are free again. */
static void leave_jobs(struct manager *manager, bool running_too)
{
    for (size_t i = manager->n_jobs; i-- > 0;)
        if (running_too || manager->jobs[i]->state != JOB_PROGRAMMING)
            leave_job(manager, manager->jobs[i]);
}

/* The first signal lets a running programming end: half a sketch does not run. The second does not.
 */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    (void)source;
    struct manager *manager = userdata;

    if (manager->stopping) {
        journal_log(manager->journal, LOG_WARNING,
                    "Told to stop again: programming is given up, the sketch will not run until "
                    "the next start programs it.");
        leave_jobs(manager, true);
        manager->deploy = deploy_free(manager->deploy);
        return sd_event_exit(manager->event, 0);
    }
    manager->stopping = true;
    sd_notify(false, "STOPPING=1");
    journal_log(manager->journal, LOG_INFO, "Stopping (%s)%s.", strsignal((int)info->ssi_signo),
                manager->deploy ? " when the running programming has ended" : "");
    checking_settle(manager);
    leave_jobs(manager, false);
    queue_run(manager);
    return 0;
}

static int add_signals(struct manager *manager)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
        int r =
            sd_event_add_signal(manager->event, &manager->signals[i], signals[i], on_stop, manager);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- Life --------------------------------------------------------------------------------------
 */

struct manager *manager_free(struct manager *manager)
{
    if (!manager)
        return NULL;
    status_stop(manager);
    bus_free(manager->bus);
    control_free(manager->control);
    intake_stop(manager);
    for (size_t i = 0; i < ELEMENTSOF(manager->signals); i++)
        sd_event_source_disable_unref(manager->signals[i]);
    checking_stop(manager);
    deploy_free(manager->deploy);
    while (manager->n_jobs > 0)
        manager_drop_job(manager, manager->jobs[manager->n_jobs - 1]);
    fd_close(manager->lock);
    ledger_free(manager->ledger);
    sd_event_unref(manager->event);
    free(manager->keys);
    free(manager);
    return NULL;
}

/* A job for what an earlier start could not end. */
static int open_recovery(struct manager *manager, struct recovery *recovery, struct job **ret)
{
    struct job *job;

    int r = recovery->reopens ? ledger_reopen_job(manager->ledger, recovery->intent.job_id, &job)
                              : ledger_open_job(manager->ledger, &job);
    if (r < 0) {
        store_image_clear(&recovery->image);
        return r;
    }
    recovery->intent.job_id = job->id;
    job_set_recovery(job, &recovery->intent, &recovery->image, &manager->orders->board);
    put_on(manager, job);
    *ret = job;
    return 0;
}

/* An interrupted programming comes before everything else. */
static int recover(struct manager *manager)
{
    struct outcome given_up = outcome_interrupted();
    struct recovery recovery;
    struct job *job;

    enum recovery_need need =
        recovery_plan(manager->ledger, &manager->orders->board, manager->journal, &recovery);
    if (need == RECOVERY_NONE || (need == RECOVERY_GIVEN_UP && !recovery.reopens))
        return 0;
    int r = open_recovery(manager, &recovery, &job);
    if (r < 0)
        return r;
    if (need == RECOVERY_GIVEN_UP)
        manager_close_job(manager, job, &given_up);
    else
        journal_log_job(manager->journal, job->id, LOG_WARNING,
                        "Job %" PRIu64 ": a programming was interrupted, %s (attempt %u)", job->id,
                        job->intent.slot == STORE_PENDING ? "doing it again"
                                                          : "putting back the sketch before it",
                        job->intent.attempts + 1);
    return 0;
}

static int say(const struct journal *journal, int error, const char *what)
{
    alarm_tell(journal, ALARM_SERVICE, 0, "%s: %s", what, strerror(-error));
    return error;
}

/* Two flashers on the same pins would spoil each other's work, and the chip. */
static int take_lock(struct manager *manager)
{
    const char *state_dir = manager->orders->state_dir;
    char holder[LOCK_HOLDER_MAX];

    int r = lock_take(ledger_state_dir(manager->ledger), "m4flashd", &manager->lock, holder);
    if (r == -EWOULDBLOCK) {
        alarm_tell(manager->journal, ALARM_SERVICE, 0,
                   "%s is in use by %s: there is one flasher at a time.", state_dir, holder);
        return r;
    }
    if (r < 0)
        journal_log(manager->journal, LOG_WARNING,
                    "%s cannot be locked against a second flasher: %s", state_dir, strerror(-r));
    return 0;
}

int manager_new(const struct orders *orders, const struct journal *journal, struct manager **ret)
{
    _cleanup_(manager_freep) struct manager *manager = calloc(1, sizeof(*manager));

    if (!manager)
        return -ENOMEM;
    manager->lock = -EBADF;
    manager->orders = orders;
    manager->journal = journal;
    int r = sd_event_default(&manager->event);
    if (r >= 0)
        r = sd_event_set_watchdog(manager->event, true);
    if (r >= 0)
        r = add_signals(manager);
    if (r < 0)
        return say(journal, r, "The event loop cannot be set up");
    r = ledger_new(orders->state_dir, journal, &manager->ledger);
    if (r < 0)
        return say(journal, r, orders->state_dir);
    r = take_lock(manager);
    if (r < 0)
        return r;
    layout_remove_stale(orders->runtime_dir);
    limiting_load(manager);
    r = recover(manager);
    if (r < 0)
        return say(journal, r, "An interrupted programming cannot be taken up");
    *ret = TAKE_PTR(manager);
    return 0;
}

/* Uploads are programmed all the same. */
static void listen_for_requests(struct manager *manager)
{
    int r = control_new(manager, &manager->control);

    if (r < 0)
        journal_log(manager->journal, LOG_WARNING, "%s/control, for requests, cannot be made: %s",
                    manager->orders->runtime_dir, strerror(-r));
    r = bus_new(manager, &manager->bus);
    if (r < 0)
        journal_log(manager->journal, LOG_WARNING, "No requests over the system bus: %s",
                    strerror(-r));
}

/* Uploads only take longer without it. */
static void look_for_routine(const struct manager *manager)
{
    const struct board *board = &manager->orders->board;

    if (board->routine[0] != '\0' && !program_has_routine(board))
        journal_log(manager->journal, LOG_WARNING,
                    "The board profile %s has Routine=%s, which this m4flashd was built without: "
                    "every upload is programmed whole.",
                    board->name, board->routine);
}

int manager_run(struct manager *manager)
{
    const struct settings *settings = manager->orders->settings;

    signing_start(manager);
    default_open(manager);
    int r = intake_start(manager);
    if (r < 0)
        return say(manager->journal, r, settings->inbox_directory);
    listen_for_requests(manager);
    look_for_routine(manager);
    journal_log(manager->journal, LOG_INFO, "Ready: watching %s for %s (board %s).",
                settings->inbox_directory, settings->inbox_file_name, manager->orders->board.name);
    sd_notify(false, "READY=1");
    footprint_reduce(); /* whatever only the start needed */
    r = sd_event_loop(manager->event);
    if (r < 0)
        return say(manager->journal, r, "The event loop broke");
    return 0;
}
