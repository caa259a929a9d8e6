#include "daemon/default.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <syslog.h>

#include "util/fd.h"

static const char note_name[] = "default";

/* The path is the administrator's, so links on it are meant. */
static int take_snapshot(const struct manager *manager, struct snapshot **ret)
{
    const char *path = manager->orders->settings->default_sketch;
    _cleanup_free_ char *folder = realpath(path, NULL), *name = NULL;
    struct file_key key;

    if (!folder)
        return -errno;
    name = strdup(folder);
    if (!name)
        return -ENOMEM;
    _cleanup_fd_ int fd = open(dirname(folder), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = snapshot_take(fd, basename(name), manager->orders->settings->inbox_max_size,
                          SNAPSHOT_WHOLE, ret, &key);
    if (r == SNAPSHOT_TOO_LARGE)
        return -EFBIG;
    return r <= 0 ? r : -EIO;
}

/* Is it the one that ran before? Whatever cannot be read is not. */
static bool is_noted(const struct manager *manager, const char *sha256)
{
    _cleanup_free_ char *note = NULL;
    size_t size;

    _cleanup_fd_ int fd = fd_open_regular(ledger_state_dir(manager->ledger), note_name);
    if (fd < 0 || fd_read_file(fd, SKETCH_DIGEST_HEX, &note, &size) < 0)
        return false;
    return size == SKETCH_DIGEST_HEX && strncmp(note, sha256, SKETCH_DIGEST_HEX - 1) == 0;
}

static bool is_installed(const struct manager *manager, const char *sha256)
{
    struct store_image installed;

    if (store_load(ledger_state_dir(manager->ledger), STORE_INSTALLED,
                   manager->orders->board.flash.size, &installed) != STORE_FOUND)
        return false;
    bool same = strcmp(installed.sha256, sha256) == 0;
    store_image_clear(&installed);
    return same;
}

static int open_job(struct manager *manager)
{
    _cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;
    char sha256[SKETCH_DIGEST_HEX];
    struct job *job;

    int r = take_snapshot(manager, &snapshot);
    if (r >= 0 && snapshot)
        r = snapshot_digest(snapshot, sha256);
    if (r < 0)
        return r;
    /* It ran, and something else is installed now: that is a user's, and stays. */
    if (is_noted(manager, sha256) && !is_installed(manager, sha256))
        return 0;
    r = manager_open_job(manager, &job);
    if (r < 0)
        return r;
    job->builtin = true;
    job->handed = true;
    job->detached = true;
    job->care = DEPLOY_IF_DIFFERENT;
    job_set_snapshot(job, TAKE_PTR(snapshot));
    job_set_state(job, JOB_TO_CHECK);
    return 0;
}

void default_open(struct manager *manager)
{
    const char *path = manager->orders->settings->default_sketch;

    if (!*path || manager->n_jobs > 0)
        return;
    int r = open_job(manager);
    if (r < 0)
        journal_log(manager->journal, LOG_WARNING,
                    "The default sketch %s cannot be used, the chip is left as it is: %s", path,
                    strerror(-r));
}

/* Of the file that was installed, or of the one that a user has overruled. */
static int digest_to_note(const struct manager *manager, const struct job *job,
                          char ret[static SKETCH_DIGEST_HEX])
{
    _cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;

    if (job->builtin) {
        memcpy(ret, job->sha256, SKETCH_DIGEST_HEX);
        return 0;
    }
    int r = take_snapshot(manager, &snapshot);
    if (r < 0 || !snapshot)
        return r;
    return snapshot_digest(snapshot, ret);
}

void default_note(struct manager *manager, const struct job *job)
{
    char note[SKETCH_DIGEST_HEX] = "";

    if (!*manager->orders->settings->default_sketch)
        return;
    int r = digest_to_note(manager, job, note);
    if (r == -ENOENT)
        return;
    if (r >= 0) {
        note[SKETCH_DIGEST_HEX - 1] = '\n';
        r = fd_replace_file(ledger_state_dir(manager->ledger), note_name, note, sizeof(note), 0600);
    }
    if (r < 0)
        journal_log(manager->journal, LOG_WARNING,
                    "What runs instead of the default sketch cannot be noted: %s", strerror(-r));
}
