#include "daemon/inbox.h"

#include <fcntl.h>
#include <string.h>

#include "util/fd.h"

bool inbox_look(const struct manager *manager, struct file_key *ret_key)
{
    _cleanup_fd_ int inbox = watch_open(manager->watch);
    const char *name = manager->orders->settings->inbox_file_name;
    struct stat status;

    if (inbox < 0 || fstatat(inbox, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    *ret_key = file_key_of(&status);
    return true;
}

int inbox_take(const struct manager *manager, int inbox, enum snapshot_extent extent,
               struct snapshot **ret, struct file_key *ret_key)
{
    const struct settings *settings = manager->orders->settings;

    if (inbox < 0)
        return SNAPSHOT_GONE;
    return snapshot_take(inbox, settings->inbox_file_name, settings->inbox_max_size, extent, ret,
                         ret_key);
}

bool inbox_holds(const struct manager *manager, const char *sha256)
{
    _cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;
    _cleanup_fd_ int inbox = watch_open(manager->watch);
    char found[SKETCH_DIGEST_HEX];
    struct file_key key;

    return inbox_take(manager, inbox, SNAPSHOT_WHOLE, &snapshot, &key) == SNAPSHOT_TAKEN &&
           snapshot_digest(snapshot, found) >= 0 && strcmp(found, sha256) == 0;
}

bool inbox_still_has(const struct manager *manager, const struct job *job)
{
    struct file_key key;

    /* Not every job was made from a file. */
    return job->key.inode != 0 && inbox_look(manager, &key) && file_key_equal(&key, &job->key);
}

bool inbox_has_new(const struct manager *manager)
{
    struct file_key key;

    if (!inbox_look(manager, &key))
        return false;
    for (size_t i = 0; i < manager->n_jobs; i++)
        if (file_key_equal(&manager->jobs[i]->key, &key))
            return false;
    return !ledger_knows(manager->ledger, &key);
}
