#include "config/owners.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "config/values.h"

static int parse_uid(const char *digits, uid_t *ret)
{
    uint32_t value;

    int r = value_parse_u32(digits, &value);
    if (r < 0)
        return r;
    if (value == UINT32_MAX)
        return -EINVAL; /* (uid_t) -1 is nobody's: chown(2) takes it for "as it is" */
    *ret = value;
    return 0;
}

static int find_uid(const char *word, owners_find_t find, uid_t *ret)
{
    if (*word && word[strspn(word, "0123456789")] == '\0')
        return parse_uid(word, ret);
    return find ? find(word, ret) : -ENOENT;
}

int owners_add(struct owners *owners, const char *word, owners_find_t find)
{
    uid_t uid;

    if (owners->n == OWNERS_MAX)
        return -E2BIG;
    int r = find_uid(word, find, &uid);
    if (r < 0)
        return r;
    owners->uid[owners->n++] = uid;
    return 0;
}

bool owners_allow(const struct owners *owners, uid_t uid)
{
    if (owners->anyone)
        return true;
    for (size_t i = 0; i < owners->n; i++)
        if (owners->uid[i] == uid)
            return true;
    return false;
}
