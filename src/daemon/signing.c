#include "daemon/signing.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#include "io/signature_files.h"

static bool is_asked_for(const struct manager *manager)
{
    return manager->orders->settings->require_signature;
}

static void complain(const char *file, unsigned line, const char *message, void *userdata)
{
    const struct manager *manager = userdata;

    (void)line; /* it is the file as a whole, always */
    journal_log(manager->journal, LOG_WARNING, "%s: %s", file, message);
}

/* The keys that there are now; none if there is no memory for them. */
static struct key_files *load_keys(const struct manager *manager)
{
    struct key_files *files = calloc(1, sizeof(*files));

    if (files && key_files_load(manager->orders->settings->keys_directory, complain,
                                (void *)manager, files) < 0)
        files->n = 0;
    return files;
}

void signing_start(const struct manager *manager)
{
    if (!is_asked_for(manager))
        return;
    _cleanup_free_ struct key_files *files = load_keys(manager);
    const char *directory = manager->orders->settings->keys_directory;

    if (!files || files->n == 0)
        journal_log(manager->journal, LOG_WARNING,
                    "Sketches must be signed, and there is no usable key in %s: until there is, "
                    "every upload will be rejected.",
                    directory);
    else
        journal_log(manager->journal, LOG_INFO,
                    "Sketches must be signed by a key of %s (%" PRIu32 ").", directory, files->n);
}

void signing_read(const struct manager *manager, struct job *job, int inbox)
{
    const char *name = manager->orders->settings->inbox_file_name;

    job->has_signature = false;
    if (!is_asked_for(manager))
        return;
    int r = signature_file_read(inbox, name, job->signature);
    job->has_signature = r > 0;
    if (r < 0)
        journal_log_job(manager->journal, job->id, LOG_WARNING,
                        "Job %" PRIu64 ": %s.sig is not used: %s", job->id, name,
                        r == -EMEDIUMTYPE ? "it is no regular file"
                        : r == -EMSGSIZE  ? "it is not a signature's 64 bytes"
                                          : strerror(-r));
}

const struct signature_order *signing_order(struct manager *manager, const struct job *job,
                                            struct signature_order *buffer)
{
    if (!is_asked_for(manager))
        return NULL;
    free(manager->keys);
    manager->keys = load_keys(manager);
    *buffer = (struct signature_order){.n_keys = 0};
    if (manager->keys)
        key_files_order(manager->keys, buffer);
    buffer->has_detached = job->has_signature;
    if (job->has_signature)
        memcpy(buffer->detached, job->signature, SIGNATURE_SIZE);
    return buffer;
}

void signing_tell(struct manager *manager, const struct job *job,
                  const struct signature_verdict *verdict)
{
    _cleanup_free_ struct key_files *files = TAKE_PTR(manager->keys);

    if (job && files && verdict->state == SIGNATURE_GOOD && verdict->signer < files->n)
        journal_log_job(manager->journal, job->id, LOG_INFO, "Job %" PRIu64 ": signed, key %s",
                        job->id, files->names[verdict->signer]);
}
