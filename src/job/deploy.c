#include "job/deploy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "job/record.h"

struct deploy {
    struct deploy_spec spec;
    sd_event *event;
    struct program *program;
    struct hooks *hooks;
    sd_event_source *pause_source;
    struct store_image installed; /* while it is being put back */
    struct record record;
    bool restoring;
    bool update;    /* the run at hand asks the chip first */
    bool over;      /* but for the confirmation, which its result waits for */
    unsigned tries; /* of this image, in this process */
    struct deploy_result result;
};

struct deploy *deploy_free(struct deploy *deploy)
{
    if (!deploy)
        return NULL;
    sd_event_source_disable_unref(deploy->pause_source);
    program_free(deploy->program);
    hooks_free(deploy->hooks);
    store_image_clear(&deploy->installed);
    store_image_clear(&deploy->spec.image);
    sd_event_unref(deploy->event);
    free(deploy);
    return NULL;
}

bool deploy_is_durable(const struct deploy *deploy)
{
    return deploy->record.durable;
}

const uint8_t *deploy_image(const struct deploy *deploy)
{
    return deploy->spec.image.image;
}

void deploy_note_file(struct deploy *deploy, const char file[static FILE_KEY_TEXT_MAX])
{
    record_note_file(&deploy->record, file);
}

/* ---- Trying ------------------------------------------------------------------------------------
 */

static void on_hook_line(int priority, const char *hook, const char *line, void *userdata)
{
    struct deploy *deploy = userdata;
    char text[512];

    snprintf(text, sizeof(text), "%s: %s", hook, line);
    deploy->spec.on_line(priority, text, deploy->spec.userdata);
}

static int run_hooks(struct deploy *deploy, const char *folder, const char *result,
                     void (*on_end)(const struct hooks_result *result, void *userdata))
{
    char job[64], sha256[128], image_sha256[128], outcome[64];
    const char *const env[] = {job, sha256, image_sha256, outcome, NULL};
    const struct hooks_spec spec = {
        .directory = folder,
        .env = env,
        .timeout_usec = deploy->spec.hooks_timeout_usec,
        .stop_at_failure = !*result,
        .on_line = on_hook_line,
        .on_end = on_end,
        .userdata = deploy,
    };

    snprintf(job, sizeof(job), "M4FLASH_JOB=%" PRIu64, deploy->record.intent.job_id);
    snprintf(sha256, sizeof(sha256), "M4FLASH_SHA256=%s", deploy->spec.image.sha256);
    snprintf(image_sha256, sizeof(image_sha256), "M4FLASH_IMAGE_SHA256=%s",
             deploy->spec.image.image_sha256);
    snprintf(outcome, sizeof(outcome), "M4FLASH_CODE=%s", result);
    return hooks_new(deploy->event, &spec, &deploy->hooks);
}

static void on_post_hooks(const struct hooks_result *result, void *userdata)
{
    struct deploy *deploy = userdata;

    (void)result; /* what failed has been said */
    deploy->spec.on_end(deploy->spec.userdata);
}

/* The outcome's code, as the history has it. */
static const char *code_of(const struct deploy_result *result)
{
    if (*result->hook)
        return "hook-failed";
    if (result->refused)
        return result->cancelled ? "cancelled" : openocd_code_name(OPENOCD_INTERNAL);
    if (result->code == OPENOCD_OK && !result->healthy)
        return openocd_code_name(OPENOCD_NO_HEALTH);
    return openocd_code_name(result->code);
}

/* After the outcome is on record: brings the state directory in line with the chip. */
static void settle(struct deploy *deploy)
{
    const struct deploy_result *result = &deploy->result;
    struct record *record = &deploy->record;

    if (*result->hook || (result->refused && !record->kept))
        return;
    if (result->code == OPENOCD_OK && record->intent.slot == STORE_PENDING)
        record_promote(record, &deploy->spec.image);
    else if (result->restored)
        record_forget(record);
    else if (!result->lost)
        record_leave_as_before(record);
}

/* If there is a sketch to put back, the record of that stays for the next start. */
static bool is_hopeless(const struct deploy *deploy)
{
    return deploy->result.lost &&
           (deploy->spec.recovery || deploy->record.intent.slot == STORE_PENDING);
}

static void end(struct deploy *deploy)
{
    const struct deploy_spec *spec = &deploy->spec;

    deploy->program = program_free(deploy->program);
    deploy->hooks = hooks_free(deploy->hooks);
    deploy->over = true;
    if (spec->unconfirmed)
        return;
    if (is_hopeless(deploy))
        record_give_up(&deploy->record);
    spec->on_result(&deploy->result, spec->userdata);
    settle(deploy);
    if (run_hooks(deploy, spec->post_hooks, code_of(&deploy->result), on_post_hooks) < 0)
        spec->on_end(spec->userdata);
}

static int start(struct deploy *deploy, const struct store_image *image);
static void fail_to_start(struct deploy *deploy, int error);

static int on_pause(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct deploy *deploy = userdata;

    deploy->pause_source = sd_event_source_disable_unref(deploy->pause_source);
    int r = start(deploy, &deploy->spec.image);
    if (r < 0)
        fail_to_start(deploy, r);
    return 0;
}

static bool pause_and_retry(struct deploy *deploy)
{
    return sd_event_add_time_relative(deploy->event, &deploy->pause_source, CLOCK_MONOTONIC,
                                      deploy->spec.pause_usec, 0, on_pause, deploy) >= 0;
}

static bool is_connect_failure(const struct deploy_result *result)
{
    return !result->transcript.erased &&
           (result->code == OPENOCD_NO_TARGET || result->code == OPENOCD_NO_ADAPTER ||
            result->code == OPENOCD_HALT_TIMEOUT);
}

/* A failure to connect harms nothing; a failure after an erase is tried again by a recovery only.
 */
static bool may_retry(const struct deploy *deploy)
{
    if (deploy->spec.recovery)
        return deploy->record.intent.attempts < DEPLOY_RECOVERY_ATTEMPTS;
    return is_connect_failure(&deploy->result) && deploy->tries < DEPLOY_CONNECT_TRIES;
}

/*
 * The chip holds no whole sketch: put the installed one back. Not the image that has just failed:
 * what is wrong with the chip then, the same bytes do not mend.
 */
static bool start_restoring(struct deploy *deploy)
{
    const struct deploy_spec *spec = &deploy->spec;
    struct record *record = &deploy->record;
    char line[128];

    if ((!spec->restore && !spec->recovery) || record->intent.slot == STORE_INSTALLED ||
        !record_load_installed(record, &deploy->installed))
        return false;
    if (strcmp(deploy->installed.image_sha256, spec->image.image_sha256) == 0)
        return false;
    snprintf(line, sizeof(line), "Job %" PRIu64 ": failed (%s), putting back the sketch before it",
             record->intent.job_id, openocd_code_name(deploy->result.code));
    spec->on_line(LOG_NOTICE, line, spec->userdata);
    deploy->restoring = true;
    record_turn_back(record, &deploy->installed);
    return start(deploy, &deploy->installed) >= 0;
}

/* On with it in whatever way is left. */
static void go_on_after_failure(struct deploy *deploy)
{
    bool dirty = deploy->result.transcript.erased || deploy->spec.recovery;

    if (deploy->result.refused) {
        deploy->result.lost = dirty;
        end(deploy);
        return;
    }
    if (may_retry(deploy) && pause_and_retry(deploy))
        return;
    if (dirty && start_restoring(deploy))
        return;
    deploy->result.lost = dirty;
    end(deploy);
}

static void fail_to_start(struct deploy *deploy, int error)
{
    deploy->result.code = OPENOCD_INTERNAL;
    snprintf(deploy->result.transcript.error, sizeof(deploy->result.transcript.error), "%s",
             strerror(-error));
    go_on_after_failure(deploy);
}

static void on_restored(struct deploy *deploy, const struct program_result *result)
{
    deploy->result.restored = result->code == OPENOCD_OK;
    deploy->result.lost = !deploy->result.restored;
    deploy->result.released = result->released;
    end(deploy);
}

static void on_end(const struct program_result *result, void *userdata)
{
    struct deploy *deploy = userdata;

    /* Told by its last act, so it can go. */
    if (deploy->restoring) {
        on_restored(deploy, result);
        return;
    }
    deploy->result.code = result->code;
    deploy->result.transcript = *result->transcript;
    deploy->result.released = result->released;
    deploy->result.healthy = result->healthy;
    deploy->result.lacks = result->lacks;
    deploy->program = program_free(deploy->program);

    if (deploy->result.code == OPENOCD_OK && !deploy->result.refused)
        end(deploy);
    else
        go_on_after_failure(deploy);
}

static void on_progress(const struct transcript *transcript, void *userdata)
{
    struct deploy *deploy = userdata;

    deploy->spec.on_progress(transcript, deploy->spec.userdata);
}

static void on_line(int priority, const char *line, void *userdata)
{
    struct deploy *deploy = userdata;

    deploy->spec.on_line(priority, line, deploy->spec.userdata);
}

/*
 * What a programming has left behind that was cut off or failed is not worth asking for. Else a
 * routine on the chip tells it for next to nothing; to have OpenOCD ask only pays if the answer is
 * likely to be yes.
 */
static bool asks_first(struct deploy *deploy)
{
    const struct deploy_spec *spec = &deploy->spec;

    if (deploy->restoring || spec->recovery || spec->care == DEPLOY_ALWAYS)
        return false;
    return spec->care == DEPLOY_IF_DIFFERENT || program_has_routine(spec->program.board) ||
           record_is_installed(&deploy->record, &spec->image);
}

/* What the chip holds by our own record makes the way to the new image short. */
static void permit(struct deploy *deploy, bool update)
{
    struct store_image installed;

    if (!update || !record_load_installed(&deploy->record, &installed)) {
        program_permit(deploy->program, NULL, 0);
        return;
    }
    program_permit(deploy->program, installed.image, installed.image_size);
    store_image_clear(&installed);
}

/* On record before anything is erased, but not before OpenOCD connects. */
static void let_go_on(struct deploy *deploy)
{
    if (!deploy->spec.recovery && !deploy->restoring)
        record_keep(&deploy->record, &deploy->spec.image);
    permit(deploy, deploy->update);
}

static int start(struct deploy *deploy, const struct store_image *image)
{
    struct program_spec program = deploy->spec.program;

    if (deploy->spec.recovery && !deploy->restoring)
        record_count_attempt(&deploy->record);
    deploy->tries++;
    program.update = deploy->update = asks_first(deploy);
    program.distrust = deploy->restoring || deploy->spec.recovery;
    program.job_id = deploy->record.intent.job_id;
    program.image = image->image;
    program.image_size = image->image_size;
    program.on_progress = on_progress;
    program.on_line = on_line;
    program.on_end = on_end;
    program.userdata = deploy;
    int r = program_new(deploy->event, &program, &deploy->program);
    if (r < 0)
        return r;
    if (!deploy->spec.unconfirmed)
        let_go_on(deploy);
    return 0;
}

/* Begins with the image asked for. */
static int begin(struct deploy *deploy)
{
    if (!deploy->spec.recovery)
        record_look_back(&deploy->record);
    return start(deploy, &deploy->spec.image);
}

static void on_pre_hooks(const struct hooks_result *result, void *userdata)
{
    struct deploy *deploy = userdata;
    char phrase[96];

    /* An interrupted programming has touched the chip already: nothing is gained by leaving it so.
     */
    if (result->hook && !deploy->spec.recovery) {
        snprintf(deploy->result.hook, sizeof(deploy->result.hook), "%s %s", result->hook,
                 hooks_result_format(result, phrase, sizeof(phrase)));
        end(deploy);
        return;
    }
    deploy->hooks = hooks_free(deploy->hooks);
    int r = begin(deploy);
    if (r < 0)
        fail_to_start(deploy, r);
}

void deploy_confirm(struct deploy *deploy, const char *sha256, const char *image_sha256)
{
    if (deploy->result.cancelled)
        return;
    deploy->spec.unconfirmed = false;
    memcpy(deploy->spec.image.sha256, sha256, SKETCH_DIGEST_HEX);
    memcpy(deploy->spec.image.image_sha256, image_sha256, SKETCH_DIGEST_HEX);
    memcpy(deploy->record.intent.image_sha256, image_sha256, SKETCH_DIGEST_HEX);
    if (deploy->over) {
        end(deploy);
        return;
    }
    if (deploy->program)
        let_go_on(deploy);
}

static void refuse(struct deploy *deploy)
{
    deploy->spec.unconfirmed = false;
    deploy->result.refused = true;
    /* It connects, or has by now: it must end by itself, so that the chip is released. */
    if (deploy->program && program_refuse(deploy->program) >= 0)
        return;
    deploy->pause_source = sd_event_source_disable_unref(deploy->pause_source);
    end(deploy);
}

void deploy_refuse(struct deploy *deploy)
{
    if (!deploy->result.cancelled)
        refuse(deploy);
}

/* Nothing that runs now can change the chip, and nothing on it waits to be mended. */
static bool is_harmless(const struct deploy *deploy)
{
    if (deploy->spec.recovery || deploy->restoring || deploy->result.refused)
        return false;
    return deploy->spec.unconfirmed || (!deploy->program && !deploy->over);
}

int deploy_cancel(struct deploy *deploy)
{
    if (!is_harmless(deploy))
        return -EBUSY;
    deploy->result.cancelled = true;
    deploy->hooks = hooks_free(deploy->hooks);
    refuse(deploy);
    return 0;
}

int deploy_new(sd_event *event, const struct deploy_spec *spec, struct deploy **ret)
{
    _cleanup_(deploy_freep) struct deploy *deploy = calloc(1, sizeof(*deploy));

    if (!deploy)
        return -ENOMEM;
    deploy->event = sd_event_ref(event);
    deploy->spec = *spec;
    transcript_init(&deploy->result.transcript);
    deploy->result.released = true; /* until something touches the chip */
    deploy->record = (struct record){
        .state_dir = spec->state_dir,
        .flash_size = spec->program.board->flash.size,
        .intent = spec->intent,
        .on_line = spec->on_line,
        .userdata = spec->userdata,
    };
    /* What keeps it from beginning at once does so from the event loop too, and is told there. */
    if (!spec->unconfirmed || begin(deploy) < 0) {
        int r = run_hooks(deploy, spec->unconfirmed ? "" : spec->pre_hooks, "", on_pre_hooks);
        if (r < 0) {
            deploy->spec.image.image = NULL; /* still the caller's */
            return r;
        }
    }
    *ret = TAKE_PTR(deploy);
    return 0;
}
