/*
 * Which of the service's jobs is the one that is waited for: by its number, or by the digest of the
 * upload, so that nobody's upload is taken for somebody else's. Pure: jobs and entries are looked
 * at, again and again as they change.
 *
 * By digest, what was there at the first look counts before what comes later; of several, the
 * newest: it is what the last upload with this digest became of. A job whose digest is not known
 * yet (it is being read) may be that one, so it is waited for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/json_value.h"

struct search {
    const char *sha256; /* of the upload; "" if only the number is known */
    uint64_t id;        /* of the job; 0: not known yet */
    bool by_id;         /* the number was given, and is not for finding out */
    bool looked;        /* at least once */
    uint64_t horizon;   /* the highest number at the first look */
};

enum search_find {
    SEARCH_NOTHING, /* it has not come, or cannot be told from others yet */
    SEARCH_RUNNING, /* *ret is its job */
    SEARCH_ENDED,   /* *ret is its entry */
    SEARCH_LOST,    /* by number: the service does not know it (any more), and will never end it */
};

/*
 * Looks at the jobs that are under way and at the entries of those that have ended, which must be
 * no older than jobs. *ret is theirs.
 */
enum search_find search_look(struct search *search, struct json_object *jobs,
                             struct json_object *entries, struct json_object **ret);
