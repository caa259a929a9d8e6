#include "daemon/rollback.h"

#include <inttypes.h>
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "daemon/queue.h"
#include "io/history.h"

enum {
    ENTRIES = 100, /* of the history: the job is among the last few */
};

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

/* ---- Alone -------------------------------------------------------------------------------------
 */

static void json_putp(struct json_object **object)
{
    json_object_put(*object);
}

static const char *text_of(struct json_object *object, const char *key)
{
    struct json_object *value;

    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

/* The job's line of the history, for the caller to put; NULL if it has none. */
static struct json_object *entry_of(const struct manager *manager, uint64_t id)
{
    _cleanup_free_ char *lines = NULL;
    struct json_object *value;
    char *rest, *line;

    if (history_tail(ledger_state_dir(manager->ledger), ENTRIES, &lines) < 0)
        return NULL;
    for (rest = lines; (line = strsep(&rest, "\n"));) {
        _cleanup_(json_putp) struct json_object *entry = json_tokener_parse(line);
        if (json_object_object_get_ex(entry, "id", &value) && json_object_get_uint64(value) == id)
            return TAKE_PTR(entry);
    }
    return NULL;
}

/* What `m4flash rollback` promises to end with. */
static void tell(struct json_object *entry, uint64_t id, bool json)
{
    if (json)
        printf("%s\n", json_object_to_json_string_ext(entry, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE));
    else
        printf("m4flash: %s %s id=%" PRIu64 "\n", text_of(entry, "result"), text_of(entry, "code"),
               id);
    fflush(stdout);
}

/* There is no outcome: the job was refused (verdict), or left for the next start. */
static struct json_object *make_error(int verdict, uint64_t id)
{
    bool refused = verdict != ROLLBACK_OPENED;
    struct json_object *entry = json_object_new_object();

    json_object_object_add(entry, "id", json_object_new_uint64(id));
    json_object_object_add(entry, "result", json_object_new_string("error"));
    json_object_object_add(entry, "code",
                           json_object_new_string(refused ? "refused" : "interrupted"));
    json_object_object_add(
        entry, "message",
        json_object_new_string(refused ? rollback_refusal(verdict)
                                       : "It was told to stop; the next start goes on with it."));
    json_object_object_add(entry, "hint", json_object_new_string(""));
    return entry;
}

static bool runs(struct json_object *entry)
{
    enum result result = result_from_name(text_of(entry, "result"));

    return result == RESULT_PROGRAMMED || result == RESULT_UNCHANGED;
}

int rollback_run(struct manager *manager, bool json)
{
    _cleanup_(json_putp) struct json_object *entry = NULL;
    uint64_t id = 0;
    int r = 0;

    queue_run(manager); /* an interrupted programming comes first */
    int opened = rollback_open(manager, &id);
    queue_run(manager);
    while (r >= 0 && (manager->n_jobs > 0 || manager->deploy))
        r = sd_event_run(manager->event, UINT64_MAX);
    if (opened == ROLLBACK_OPENED)
        entry = entry_of(manager, id);
    if (!entry)
        entry = make_error(opened, id);
    tell(entry, id, json);
    if (r < 0)
        return r;
    return runs(entry) ? 0 : 1;
}
