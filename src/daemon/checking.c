#include "daemon/checking.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "daemon/queue.h"
#include "daemon/reading.h"
#include "daemon/signing.h"
#include "sketch/answer.h"

enum {
    STAND_BACK_USEC = 5 * 1000,
    ACCURACY_USEC = 1000,
};

static void on_checked(struct manager *manager);

/* The job that the check is about, or NULL if it has been closed. */
static struct job *checked_job(const struct manager *manager)
{
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (manager->jobs[i]->id == manager->checked_id)
            return manager->jobs[i];
    return NULL;
}

/* Once: it is the same for each checker, for as long as the daemon lives. */
static void tell_of_cage(struct manager *manager, uint32_t cage)
{
    char lacks[128];

    if (manager->cage_told)
        return;
    manager->cage_told = true;
    if (*answer_cage_lacks(cage, lacks, sizeof(lacks)))
        journal_log(
            manager->journal, LOG_NOTICE,
            "The checker does without %s: this kernel, the build or the service's privileges "
            "do not give it that.",
            lacks);
}

/*
 * The kernel puts a new process where its parent runs, so whatever is done right after OpenOCD's
 * start keeps OpenOCD waiting, which has enough to do by itself before it needs anything of us.
 */
static void on_verdict(struct check *check, void *userdata)
{
    struct manager *manager = userdata;

    tell_of_cage(manager, check_answer(check)->cage);
    signing_tell(manager, checked_job(manager), &check_answer(check)->signature);
    queue_take_verdict(manager, checked_job(manager), check_answer(check));
    sd_event_source_set_time_relative(manager->rest_source, manager->deploy ? STAND_BACK_USEC : 0);
    sd_event_source_set_enabled(manager->rest_source, SD_EVENT_ONESHOT);
}

static int on_need(struct check *check, uint64_t up_to, void *userdata)
{
    struct manager *manager = userdata;
    const struct job *job = checked_job(manager);

    (void)check;
    if (!job)
        return -ECANCELED; /* it is for nobody any more */
    int r = snapshot_fill(job->snapshot, up_to);
    return r == 0 ? -ESTALE : r;
}

static void on_end(struct check *check, void *userdata)
{
    struct manager *manager = userdata;

    if (check == manager->check) {
        on_checked(manager);
        return;
    }
    /* Not replaced until it is missed: what ends one by itself may end the next one too. */
    manager->standby = check_free(check);
    manager->standby_lost = true;
}

static int start_checker(struct manager *manager, struct check **ret)
{
    const struct orders *orders = manager->orders;
    const struct check_spec spec = {
        .checker = orders->checker,
        .board = &orders->board,
        .board_text = orders->board_text,
        .board_text_size = orders->board_text_size,
        .user = orders->checker_user,
        .max_size = orders->settings->inbox_max_size,
        .signatures = orders->settings->require_signature,
        .on_verdict = on_verdict,
        .on_need = on_need,
        .on_end = on_end,
        .userdata = manager,
    };

    return check_new(manager->event, &spec, ret);
}

/* ---- Ahead of need -----------------------------------------------------------------------------
 */

/* What goes wrong here is told when a checker is really needed, and fails to start then too. */
void checking_prepare(struct manager *manager)
{
    if (manager->standby || manager->standby_lost || manager->stopping)
        return;
    manager->standby_lost = start_checker(manager, &manager->standby) < 0;
}

void checking_prepare_anew(struct manager *manager)
{
    manager->standby_lost = false;
    checking_prepare(manager);
}

/* ---- At work -----------------------------------------------------------------------------------
 */

static int on_rest(sd_event_source *source, uint64_t usec, void *userdata);

static int make_rest_source(struct manager *manager)
{
    if (manager->rest_source)
        return 0;
    int r = sd_event_add_time(manager->event, &manager->rest_source, CLOCK_MONOTONIC, UINT64_MAX,
                              ACCURACY_USEC, on_rest, manager);
    return r < 0 ? r : sd_event_source_set_enabled(manager->rest_source, SD_EVENT_OFF);
}

/* The one that waits, if it still does; else a new one. */
static int begin(struct manager *manager, const struct job *job)
{
    struct signature_order buffer;
    const struct signature_order *signature = signing_order(manager, job, &buffer);

    int r = make_rest_source(manager);
    if (r < 0)
        return r;
    manager->check = TAKE_PTR(manager->standby);
    manager->check_waited = manager->check != NULL;
    if (manager->check && check_begin(manager->check, job->snapshot, signature) >= 0)
        return 0;
    manager->check = check_free(manager->check);
    manager->check_waited = false;

    r = start_checker(manager, &manager->check);
    return r < 0 ? r : check_begin(manager->check, job->snapshot, signature);
}

static void have_checked(struct manager *manager, struct job *job)
{
    int r = begin(manager, job);

    if (r < 0) {
        manager->check = check_free(manager->check);
        manager_fail_job(manager, job, manager->orders->checker, r);
    }
}

void checking_start(struct manager *manager, struct job *job)
{
    job_set_state(job, JOB_CHECKING);
    manager->checked_id = job->id;
    have_checked(manager, job);
}

static void close_unchecked(struct manager *manager, struct job *job, enum check_end end)
{
    struct outcome outcome =
        end == CHECK_DIED
            ? outcome_rejected(SKETCH_ELF_CORRUPT, "The checker did not survive this file.",
                               sketch_code_hint(SKETCH_ELF_CORRUPT))
            : outcome_internal("the checker gave no valid answer");

    manager_close_job(manager, job, &outcome);
}

/* It was accepted by its verdict: now the rest of the answer is known too. */
static void confirm(struct manager *manager, struct job *job, const struct check_answer *answer)
{
    bool good = answer->end == CHECK_ANSWERED;

    if (good) {
        job_confirm(job, answer->sha256);
        job_hash_image(job, job->image ? job->image : deploy_image(manager->deploy));
    } else {
        job->unconfirmed = false;
    }
    if (job->state != JOB_PROGRAMMING) {
        if (!good)
            close_unchecked(manager, job, CHECK_BROKEN);
    } else if (good) {
        deploy_confirm(manager->deploy, job->sha256, job->image_sha256);
    } else {
        deploy_refuse(manager->deploy);
    }
}

/*
 * If somebody has written to an upload that was copied in parts, nothing has come of what was read
 * that could not be taken back: OpenOCD waits for leave. Returns -errno if that cannot be found
 * out.
 */
static int is_whole(const struct manager *manager, const struct job *job)
{
    int r = job->snapshot ? snapshot_complete(job->snapshot) : true;

    if (r < 0)
        journal_log_job(manager->journal, job->id, LOG_WARNING,
                        "Job %" PRIu64 ": the upload cannot be compared with its copy: %s", job->id,
                        strerror(-r));
    return r;
}

static void take_back(struct manager *manager, struct job *job)
{
    bool programming = job->state == JOB_PROGRAMMING;

    journal_log_job(
        manager->journal, job->id, LOG_INFO,
        "Job %" PRIu64 ": the upload was written to while it was read: reading it again", job->id);
    job_take_back(job);
    if (programming)
        deploy_refuse(manager->deploy);
    reading_incomplete(manager, job);
}

static int on_rest(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct manager *manager = userdata;
    struct job *job = checked_job(manager);

    if (!job || is_whole(manager, job) <= 0) {
        check_answer(manager->check)->end = CHECK_BROKEN;
        on_checked(manager);
        return 0;
    }
    if (job->unconfirmed)
        queue_tell_accepted(manager, job);
    check_go_on(manager->check);
    return 0;
}

static void on_checked(struct manager *manager)
{
    _cleanup_(check_freep) struct check *check = TAKE_PTR(manager->check);
    struct job *job = checked_job(manager);
    struct check_answer *answer = check_answer(check);
    int whole = job ? is_whole(manager, job) : false;

    sd_event_source_set_enabled(manager->rest_source, SD_EVENT_OFF);
    if (whole < 0)
        answer->end = CHECK_BROKEN;
    if (!job)
        journal_log(manager->journal, LOG_DEBUG, "A check ended whose job had ended before it.");
    else if (whole == 0)
        take_back(manager, job);
    else if (job->unconfirmed)
        confirm(manager, job, answer);
    else if (answer->end == CHECK_ANSWERED)
        queue_take_answer(manager, job, answer);
    else if (answer->end == CHECK_UNHEARD && manager->check_waited)
        have_checked(manager,
                     job); /* it was lost while it waited: that is not the upload's fault */
    else
        close_unchecked(manager, job, answer->end);
    queue_run(manager);
}

static void stop(struct manager *manager)
{
    manager->check = check_free(manager->check);
    sd_event_source_set_enabled(manager->rest_source, SD_EVENT_OFF);
}

void checking_settle(struct manager *manager)
{
    const struct job *job = manager->check ? checked_job(manager) : NULL;

    manager->standby = check_free(manager->standby);
    if (!job || job->state != JOB_PROGRAMMING)
        stop(manager);
}

void checking_stop(struct manager *manager)
{
    stop(manager);
    manager->rest_source = sd_event_source_disable_unref(manager->rest_source);
    manager->standby = check_free(manager->standby);
}
