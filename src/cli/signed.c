#include "cli/signed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

/* Does an embedded signature fit the file by the key that stands beside it, whosever that is? */
static int look_at_foreign(const void *bytes, size_t size, struct signature_verdict *verdict)
{
    struct signature_order own = {.n_keys = 1};
    struct signature_verdict by_own;

    memcpy(own.keys[0], verdict->key, SIGNATURE_KEY_SIZE);
    int r = signature_judge(&own, bytes, size, &by_own);
    if (r >= 0 && by_own.state != SIGNATURE_GOOD)
        *verdict = (struct signature_verdict){.state = SIGNATURE_WRONG};
    return r;
}

/* GOOD without the detached one is the embedded one's doing. */
static int find_form(const struct signature_order *order, const void *bytes, size_t size,
                     bool *ret_detached)
{
    struct signature_order embedded = *order;
    struct signature_verdict verdict;

    embedded.has_detached = 0;
    int r = signature_judge(&embedded, bytes, size, &verdict);
    *ret_detached = r >= 0 && verdict.state != SIGNATURE_GOOD;
    return r;
}

int signed_look(const struct key_files *keys, const char *path, const void *bytes, size_t size,
                struct signed_by *ret)
{
    struct signed_by by = {.detached = false};
    struct signature_order order;

    key_files_order(keys, &order);
    order.has_detached = path && signature_file_read(AT_FDCWD, path, order.detached) > 0;
    int r = signature_judge(&order, bytes, size, &by.verdict);
    if (r >= 0 && by.verdict.state == SIGNATURE_FOREIGN)
        r = look_at_foreign(bytes, size, &by.verdict);
    if (r >= 0 && by.verdict.state == SIGNATURE_GOOD) {
        snprintf(by.key_file, sizeof(by.key_file), "%s", keys->names[by.verdict.signer]);
        r = find_form(&order, bytes, size, &by.detached);
    }
    if (r < 0)
        return r;
    if (by.verdict.state == SIGNATURE_GOOD)
        signature_key_fingerprint(keys->keys[by.verdict.signer], by.key);
    else if (by.verdict.state == SIGNATURE_FOREIGN)
        signature_key_fingerprint(by.verdict.key, by.key);
    *ret = by;
    return 0;
}

const char *signed_name(const struct signed_by *by)
{
    static const char *const names[_SIGNATURE_STATE_MAX] = {
        [SIGNATURE_NONE] = "none",
        [SIGNATURE_FOREIGN] = "foreign",
        [SIGNATURE_WRONG] = "wrong",
        [SIGNATURE_GOOD] = "good",
    };

    return names[by->verdict.state];
}
