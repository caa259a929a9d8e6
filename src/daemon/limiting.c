#include "daemon/limiting.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "util/fd.h"

static const char file_name[] = "programmings";

_Static_assert((int)PROGRAMMINGS_MAX <= (int)LIMITS_MAX, "more may be allowed than is remembered");

static struct limits limits_of(const struct manager *manager)
{
    const struct settings *settings = manager->orders->settings;

    return (struct limits){
        .per_minute = settings->programmings_per_minute,
        .per_day = settings->programmings_per_day,
    };
}

/* Over restarts, and over a suspended system: no monotonic clock tells that. */
static int64_t now_msec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void limiting_load(struct manager *manager)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;

    _cleanup_fd_ int fd = fd_open_regular(ledger_state_dir(manager->ledger), file_name);
    int r = fd < 0 ? fd : fd_read_file(fd, LIMITS_TEXT_MAX, &text, &size);
    if (r < 0 && r != -ENOENT)
        journal_log(manager->journal, LOG_WARNING,
                    "%s/%s cannot be read, so earlier programmings count for no limit: %s",
                    manager->orders->state_dir, file_name, strerror(-r));
    if (r >= 0)
        limits_parse(text, size, &manager->past);
}

bool limiting_forbids(const struct manager *manager, const struct job *job,
                      struct outcome *ret_outcome)
{
    const struct limits limits = limits_of(manager);
    int64_t now = now_msec(), until;

    if (job->recovery || job->rollback || job->builtin)
        return false;
    enum limits_span span = limits_judge(&limits, &manager->past, now, &until);
    if (span == LIMITS_NONE)
        return false;
    *ret_outcome = outcome_rate_limited(span, &limits, until, now);
    return true;
}

void limiting_note(struct manager *manager)
{
    const struct limits limits = limits_of(manager);
    char text[LIMITS_TEXT_MAX];

    if (limits.per_minute == 0 && limits.per_day == 0)
        return;
    limits_note(&manager->past, now_msec());
    size_t size = limits_format(&manager->past, text);
    int r = fd_replace_file(ledger_state_dir(manager->ledger), file_name, text, size, 0600);
    if (r < 0)
        journal_log(manager->journal, LOG_WARNING,
                    "%s/%s cannot be written, so a restart forgets this programming: %s",
                    manager->orders->state_dir, file_name, strerror(-r));
}
