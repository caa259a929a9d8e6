#include "daemon/programming.h"

#include <inttypes.h>
#include <syslog.h>

#include "daemon/bus.h"
#include "daemon/default.h"
#include "daemon/limiting.h"
#include "daemon/queue.h"
#include "daemon/status.h"
#include "io/walls.h"
#include "job/alarm.h"

enum {
    PAUSE_USEC = 1000 * 1000, /* before another try to connect: whoever held the pins may let go */
};

static void on_progress(const struct transcript *transcript, void *userdata)
{
    struct manager *manager = userdata;
    const struct job *job = manager_find(manager, JOB_PROGRAMMING);

    if (job && transcript->stage != manager->progress.stage)
        journal_log_job(manager->journal, job->id, LOG_INFO, "Job %" PRIu64 ": %s", job->id,
                        openocd_stage_name(transcript->stage));
    manager->progress = *transcript;
    status_update(manager);
}

static void on_line(int priority, const char *line, void *userdata)
{
    struct manager *manager = userdata;
    const struct job *job = manager_find(manager, JOB_PROGRAMMING);

    /* Our own procedure turns debugging on for its progress; nobody asked to read it. */
    if (priority >= LOG_DEBUG)
        return;
    /* What OpenOCD calls an error may be got over yet; the outcome tells whether it was. */
    if (priority < LOG_WARNING)
        priority = LOG_WARNING;
    if (job)
        journal_log_job(manager->journal, job->id, priority, "%s", line);
    else
        journal_log(manager->journal, priority, "%s", line); /* of a hook afterwards */
}

static struct outcome outcome_of(const struct job *job, const struct deploy_result *result)
{
    if (result->cancelled)
        return outcome_cancelled();
    if (result->refused)
        return outcome_internal("the checker gave no valid answer");
    if (*result->hook)
        return outcome_forbidden(result->hook);
    if (result->code != OPENOCD_OK)
        return outcome_failed(result->code, result->transcript.error, result->restored,
                              result->lost);
    if (job->recovery)
        return outcome_recovered(job->intent.slot == STORE_PENDING, result->healthy);
    if (result->transcript.unchanged)
        return outcome_unchanged(result->healthy);
    uint64_t duration_usec = job_now_usec() - job->begun_usec;
    if (job->rollback)
        return outcome_rolled_back(job->report.image_size, job->report.sectors, duration_usec,
                                   result->healthy);
    return outcome_programmed(job->report.image_size, job->report.sectors, duration_usec,
                              result->healthy);
}

/* What failed may have begun to. */
static bool has_worn(const struct deploy_result *result)
{
    const struct transcript *transcript = &result->transcript;

    return (transcript->erased || transcript->stage > OPENOCD_STAGE_CONNECT) &&
           !transcript->unchanged;
}

/* Once: it is the same for each OpenOCD, for as long as the daemon lives. */
static void tell_of_walls(struct manager *manager, unsigned lacks)
{
    static const char *const missing[] = {
        [WALLS_FILES] = "change files",
        [WALLS_SOCKETS] = "make sockets",
        [WALLS_FILES | WALLS_SOCKETS] = "change files and make sockets",
    };

    if (manager->walls_told || lacks == 0)
        return;
    manager->walls_told = true;
    journal_log(manager->journal, LOG_NOTICE,
                "OpenOCD could %s: this kernel has nothing to keep it from that. What the service "
                "may not do, it may not.",
                missing[lacks]);
}

static void on_result(const struct deploy_result *result, void *userdata)
{
    struct manager *manager = userdata;
    struct job *job = manager_find(manager, JOB_PROGRAMMING);

    if (!job) /* taken back, before anything was changed */
        return;
    struct outcome outcome = outcome_of(job, result);
    if (!*job->image_sha256) /* it was never confirmed */
        job_hash_image(job, deploy_image(manager->deploy));
    tell_of_walls(manager, result->lacks);
    if (has_worn(result))
        limiting_note(manager);
    if (!result->released)
        alarm_tell(manager->journal, ALARM_HALTED, job->id,
                   "The microcontroller may have been left halted, and with it everything that "
                   "goes through its firmware: reset the board.");
    if (result->lost)
        alarm_tell(manager->journal, ALARM_EMPTY, job->id,
                   "The M4 holds no whole sketch, and none could be put back: upload one.");
    if (result->code == OPENOCD_OK && !*result->hook && !result->refused)
        default_note(manager, job);
    manager_close_job(manager, job, &outcome);
}

static void on_end(void *userdata)
{
    struct manager *manager = userdata;

    manager->deploy = deploy_free(manager->deploy);
    bus_update_installed(manager->bus);
    queue_run(manager);
}

static struct program_spec program_of(const struct orders *orders)
{
    return (struct program_spec){
        .board = &orders->board,
        .openocd = orders->settings->openocd_program,
        .script = orders->openocd_script,
        .config = orders->openocd_config,
        .runtime_dir = orders->runtime_dir,
        .chip_dir = orders->chip_dir,
        .timeout_usec = orders->settings->openocd_timeout_usec,
        .health_file = orders->health_file,
        .health_timeout_usec = orders->settings->health_timeout_usec,
    };
}

void programming_start(struct manager *manager, struct job *job)
{
    const struct orders *orders = manager->orders;
    const struct deploy_spec spec = {
        .program = program_of(orders),
        .state_dir = ledger_state_dir(manager->ledger),
        .image = job_image(job),
        .intent = job->intent,
        .unconfirmed = job->unconfirmed,
        .recovery = job->recovery,
        .pre_hooks = orders->settings->hooks_pre_directory,
        .post_hooks = orders->settings->hooks_post_directory,
        .hooks_timeout_usec = orders->settings->hooks_timeout_usec,
        .care = job->care,
        .restore = orders->settings->restore_on_failure,
        .pause_usec = PAUSE_USEC,
        .on_progress = on_progress,
        .on_line = on_line,
        .on_result = on_result,
        .on_end = on_end,
        .userdata = manager,
    };
    struct outcome outcome;

    if (limiting_forbids(manager, job, &outcome)) {
        manager_close_job(manager, job, &outcome);
        return;
    }
    job_set_state(job, JOB_PROGRAMMING);
    transcript_init(&manager->progress);
    int r = deploy_new(manager->event, &spec, &manager->deploy);
    if (r < 0)
        manager_fail_job(manager, job, orders->runtime_dir, r);
    else
        job->image = NULL; /* the deploy's now */
}
