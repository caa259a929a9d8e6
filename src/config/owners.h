/*
 * Whose uploads are accepted: users, by name or number. Pure: how a name becomes a number is the
 * caller's to know.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    OWNERS_MAX = 64,
};

struct owners {
    bool anyone; /* there is no list */
    size_t n;
    uid_t uid[OWNERS_MAX];
};

/* The number of the user of that name. Returns 0, -ENOENT if there is none, or -errno. */
typedef int (*owners_find_t)(const char *name, uid_t *ret);

/*
 * Adds the user that a word names: digits are always a number. find may be NULL, then no name is
 * known. Returns 0; -EINVAL if no user can have the number; -E2BIG if the list is full; or what
 * find returns. An error adds nobody.
 */
int owners_add(struct owners *owners, const char *word, owners_find_t find);

bool owners_allow(const struct owners *owners, uid_t uid);
