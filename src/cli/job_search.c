#include "cli/job_search.h"

#include <string.h>

static uint64_t highest_id(struct json_object *array)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < json_object_array_length(array); i++) {
        uint64_t id = json_number(json_object_array_get_idx(array, i), "id");
        if (id > highest)
            highest = id;
    }
    return highest;
}

/* Numbers of candidates on either side of the horizon. */
struct candidates {
    uint64_t before;  /* the newest that was there at the first look; 0: none */
    uint64_t unknown; /* the newest of those whose digest is not known yet; 0: none */
    uint64_t after;   /* the first that came later; 0: none */
};

static void consider(const struct search *search, uint64_t id, const char *sha256,
                     struct candidates *candidates)
{
    bool before = id <= search->horizon;

    if (strcmp(sha256, search->sha256) == 0) {
        if (before && id > candidates->before)
            candidates->before = id;
        if (!before && (candidates->after == 0 || id < candidates->after))
            candidates->after = id;
    } else if (!*sha256 && before && id > candidates->unknown) {
        candidates->unknown = id;
    }
}

static uint64_t find_by_digest(const struct search *search, struct json_object *jobs,
                               struct json_object *entries)
{
    struct candidates candidates = {.before = 0};

    for (size_t i = 0; i < json_object_array_length(entries); i++) {
        struct json_object *entry = json_object_array_get_idx(entries, i);
        if (*json_text(entry, "sha256")) /* one that was never read is nobody's */
            consider(search, json_number(entry, "id"), json_text(entry, "sha256"), &candidates);
    }
    for (size_t i = 0; i < json_object_array_length(jobs); i++) {
        struct json_object *job = json_object_array_get_idx(jobs, i);
        if (!json_find_id(entries, json_number(job, "id")))
            consider(search, json_number(job, "id"), json_text(job, "sha256"), &candidates);
    }
    if (candidates.unknown > candidates.before)
        return 0;
    return candidates.before > 0 ? candidates.before : candidates.after;
}

/* A number that a restart has given to another upload, or what was put back after an interruption?
 */
static bool is_other(const struct search *search, struct json_object *object)
{
    const char *sha256 = json_text(object, "sha256"), *kind = json_text(object, "kind");

    return *search->sha256 && *sha256 && strcmp(sha256, search->sha256) != 0 &&
           strcmp(kind, "recovery") != 0 && strcmp(json_text(object, "result"), "recovered") != 0;
}

static enum search_find look_at_id(const struct search *search, struct json_object *jobs,
                                   struct json_object *entries, struct json_object **ret)
{
    struct json_object *entry = json_find_id(entries, search->id);
    struct json_object *job = json_find_id(jobs, search->id);

    *ret = entry ? entry : job;
    if (!*ret || is_other(search, *ret))
        return SEARCH_LOST;
    return entry ? SEARCH_ENDED : SEARCH_RUNNING;
}

enum search_find search_look(struct search *search, struct json_object *jobs,
                             struct json_object *entries, struct json_object **ret)
{
    if (!search->looked) {
        uint64_t ended = highest_id(entries), running = highest_id(jobs);
        search->horizon = ended > running ? ended : running;
        search->looked = true;
    }
    if (search->id == 0)
        search->id = find_by_digest(search, jobs, entries);
    if (search->id == 0)
        return SEARCH_NOTHING;
    enum search_find find = look_at_id(search, jobs, entries, ret);
    if (find != SEARCH_LOST || search->by_id)
        return find;
    search->id = 0; /* by digest it may come again: the next start reads the inbox anew */
    return SEARCH_NOTHING;
}
