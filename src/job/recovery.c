#include "job/recovery.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "job/alarm.h"
#include "job/deploy.h"
#include "job/record.h"

struct finder {
    int state_dir;
    uint32_t max_size;
    const struct ledger *ledger;
    const struct journal *journal;
};

static void forget(const struct finder *finder)
{
    int r = store_remove_intent(finder->state_dir);

    if (r >= 0)
        r = store_remove(finder->state_dir, STORE_PENDING);
    if (r < 0)
        journal_log(finder->journal, LOG_WARNING, "An old record cannot be removed: %s",
                    strerror(-r));
}

static bool load(const struct finder *finder, enum store_slot slot, struct store_image *ret)
{
    int r = store_load(finder->state_dir, slot, finder->max_size, ret);

    if (r == STORE_CORRUPT)
        journal_log(finder->journal, LOG_WARNING,
                    "The %s image is damaged and not trusted: set aside as %s.corrupt",
                    store_slot_name(slot), store_slot_name(slot));
    else if (r < 0)
        journal_log(finder->journal, LOG_WARNING, "The %s image cannot be read: %s",
                    store_slot_name(slot), strerror(-r));
    return r == STORE_FOUND;
}

/* The power failed while the pending image, programmed and verified, became the installed one. */
static bool is_promoted(const struct finder *finder, const struct store_intent *intent)
{
    struct store_image image;

    if (faccessat(finder->state_dir, store_slot_name(STORE_PENDING), F_OK, 0) == 0 ||
        !load(finder, STORE_INSTALLED, &image))
        return false;
    bool same = strcmp(image.image_sha256, intent->image_sha256) == 0;
    store_image_clear(&image);
    return same;
}

/* A record that nobody can read names no job; one that can, a job that may have ended all the same.
 */
static bool is_open(const struct finder *finder, uint64_t job_id)
{
    return job_id > 0 && ledger_result(finder->ledger, job_id) == RESULT_NONE;
}

/* Of what was interrupted nothing is left to go on with: back to the installed image. */
static enum recovery_need need_installed(const struct finder *finder, struct recovery *recovery)
{
    struct store_intent *intent = &recovery->intent;

    if (intent->slot != STORE_INSTALLED)
        intent->attempts = 0;
    intent->slot = STORE_INSTALLED;
    if (intent->attempts >= DEPLOY_RECOVERY_ATTEMPTS ||
        !load(finder, STORE_INSTALLED, &recovery->image))
        return RECOVERY_GIVEN_UP;
    memcpy(intent->image_sha256, recovery->image.image_sha256, SKETCH_DIGEST_HEX);
    return RECOVERY_NEEDED;
}

static enum recovery_need need_pending(const struct finder *finder, struct recovery *recovery)
{
    struct store_intent *intent = &recovery->intent;

    if (intent->attempts >= DEPLOY_RECOVERY_ATTEMPTS)
        return need_installed(finder, recovery);
    if (!load(finder, STORE_PENDING, &recovery->image))
        return need_installed(finder, recovery);
    if (strcmp(recovery->image.image_sha256, intent->image_sha256) == 0)
        return RECOVERY_NEEDED;
    store_image_clear(&recovery->image);
    return need_installed(finder, recovery);
}

static bool has_run(enum result result)
{
    return result == RESULT_PROGRAMMED || result == RESULT_UNCHANGED || result == RESULT_RECOVERED;
}

/* The chip holds this image: so shall the installed slot, or none, which is better than a wrong
 * one.
 */
static void settle_installed(const struct finder *finder, const char *image_sha256)
{
    int state_dir = finder->state_dir, r = -ENODATA;

    if (store_holds(state_dir, STORE_PENDING, finder->max_size, image_sha256))
        r = store_promote(state_dir, finder->max_size);
    else if (store_holds(state_dir, STORE_INSTALLED, finder->max_size, image_sha256))
        r = 0;
    if (r >= 0)
        return;
    store_remove(state_dir, STORE_INSTALLED);
    journal_log(finder->journal, LOG_WARNING, "What is installed now cannot be recorded: %s",
                strerror(-r));
}

/* The outcome was recorded, and the power went before the state directory had followed. */
static enum recovery_need settle(const struct finder *finder, enum result result,
                                 const char *image_sha256)
{
    if (has_run(result))
        settle_installed(finder, image_sha256);
    forget(finder);
    return RECOVERY_NONE;
}

/*
 * The record itself is damaged, so a programming may have been interrupted: a whole pending image
 * is what was meant to be there, unless its job is known to have ended.
 */
static enum recovery_need guess(const struct finder *finder, struct recovery *recovery)
{
    struct store_intent *intent = &recovery->intent;

    journal_log(finder->journal, LOG_WARNING,
                "The record of a programming is damaged and not trusted: set aside as "
                "intent.corrupt");
    *intent = (struct store_intent){.slot = STORE_PENDING};
    if (!load(finder, STORE_PENDING, &recovery->image))
        return need_installed(finder, recovery);
    intent->job_id = recovery->image.job_id;
    recovery->reopens = is_open(finder, intent->job_id);
    memcpy(intent->image_sha256, recovery->image.image_sha256, SKETCH_DIGEST_HEX);
    enum result result = ledger_result(finder->ledger, intent->job_id);
    if (result == RESULT_NONE)
        return RECOVERY_NEEDED;
    store_image_clear(&recovery->image);
    return has_run(result) ? settle(finder, result, intent->image_sha256)
                           : need_installed(finder, recovery);
}

static enum recovery_need plan(const struct finder *finder, struct recovery *recovery)
{
    struct store_intent *intent = &recovery->intent;

    int r = store_load_intent(finder->state_dir, intent);
    if (r < 0)
        journal_log(finder->journal, LOG_WARNING,
                    "Whether a programming was interrupted cannot be read: %s", strerror(-r));
    if (r == STORE_ABSENT)
        store_remove(finder->state_dir, STORE_PENDING); /* written, and nothing begun with it */
    if (r == STORE_CORRUPT)
        return guess(finder, recovery);
    if (r != STORE_FOUND)
        return RECOVERY_NONE;

    enum result result = ledger_result(finder->ledger, intent->job_id);
    recovery->reopens = is_open(finder, intent->job_id);
    if (intent->attempts >= RECORD_GIVEN_UP)
        return RECOVERY_GIVEN_UP;
    if (intent->slot == STORE_PENDING && result != RESULT_NONE)
        return settle(finder, result, intent->image_sha256);
    if (intent->slot == STORE_PENDING && is_promoted(finder, intent))
        return settle(finder, RESULT_PROGRAMMED, intent->image_sha256);
    return intent->slot == STORE_PENDING ? need_pending(finder, recovery)
                                         : need_installed(finder, recovery);
}

enum recovery_need recovery_plan(const struct ledger *ledger, const struct board *board,
                                 const struct journal *journal, struct recovery *ret)
{
    const struct finder finder = {
        .state_dir = ledger_state_dir(ledger),
        .max_size = board->flash.size,
        .ledger = ledger,
        .journal = journal,
    };
    struct recovery recovery = {.reopens = false};

    enum recovery_need need = plan(&finder, &recovery);
    if (need == RECOVERY_GIVEN_UP)
        recovery.intent.attempts = RECORD_GIVEN_UP;
    /* At once: what led to the plan may have been set aside, and the power may go again. */
    if (need != RECOVERY_NONE)
        store_save_intent(finder.state_dir, &recovery.intent);
    if (need == RECOVERY_GIVEN_UP)
        alarm_tell(journal, ALARM_EMPTY, 0,
                   "The M4 holds no whole sketch, and none could be put back: upload one.");
    /* Its outcome, still to come, names the upload by its digests. */
    if (need == RECOVERY_GIVEN_UP && recovery.reopens)
        load(&finder, STORE_PENDING, &recovery.image);
    if (need != RECOVERY_NONE)
        *ret = recovery;
    return need;
}
