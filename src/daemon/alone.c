#include "daemon/alone.h"

#include <inttypes.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/queue.h"
#include "daemon/rollback.h"
#include "io/history.h"

enum {
    ENTRIES = 100, /* of the history: the job is among the last few */
};

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

/* Takes value. Returns false without memory. */
static bool add(struct json_object *object, const char *key, struct json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

static struct json_object *make_error(uint64_t id, const char *code, const char *message)
{
    _cleanup_(json_putp) struct json_object *entry = json_object_new_object();

    if (!entry || !add(entry, "id", json_object_new_uint64(id)) ||
        !add(entry, "result", json_object_new_string("error")) ||
        !add(entry, "code", json_object_new_string(code)) ||
        !add(entry, "message", json_object_new_string(message)) ||
        !add(entry, "hint", json_object_new_string("")))
        return NULL;
    return TAKE_PTR(entry);
}

/* What became of it; NULL without memory. verdict is rollback_open()'s, id the job's. */
static struct json_object *find_ending(const struct manager *manager, int verdict, uint64_t id)
{
    if (verdict != ROLLBACK_OPENED)
        return make_error(0, "refused", rollback_refusal(verdict));
    struct json_object *entry = entry_of(manager, id);
    if (entry)
        return entry;
    return make_error(id, "interrupted", "It was told to stop; the next start goes on with it.");
}

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

static bool runs(struct json_object *entry)
{
    enum result result = result_from_name(text_of(entry, "result"));

    return result == RESULT_PROGRAMMED || result == RESULT_UNCHANGED;
}

int alone_roll_back(struct manager *manager, bool json)
{
    _cleanup_(json_putp) struct json_object *ending = NULL;
    uint64_t id = 0;
    int r = 0;

    queue_run(manager); /* an interrupted programming comes first */
    int verdict = rollback_open(manager, &id);
    queue_run(manager);
    while (r >= 0 && (manager->n_jobs > 0 || manager->deploy))
        r = sd_event_run(manager->event, UINT64_MAX);
    ending = find_ending(manager, verdict, id);
    if (ending)
        tell(ending, id, json);
    if (r < 0)
        return r;
    return runs(ending) ? 0 : 1;
}
