#include "daemon/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "daemon/bus.h"

enum {
    DELAY_USEC = 50 * 1000,
    ACCURACY_USEC = 10 * 1000,
    STOP_MARGIN_USEC = 30 * 1000 * 1000, /* for the release run and the health file */
};

/* Of what is being written, which the text says: not of the job, as bus_state.c has it. */
static unsigned percent(const struct transcript *progress)
{
    if (progress->bytes_total == 0)
        return 0;
    return (unsigned)(progress->bytes_done * 100 / progress->bytes_total);
}

/* Returns what is going on, for free(), or NULL. */
static char *describe(const struct manager *manager)
{
    const struct settings *settings = manager->orders->settings;
    const struct job *job = manager_find(manager, JOB_PROGRAMMING);
    char *text;
    int n;

    if (job)
        n = asprintf(&text, "Job %" PRIu64 ": programming: %s, %u%% written", job->id,
                     openocd_stage_name(manager->progress.stage), percent(&manager->progress));
    else if (manager->n_jobs > 0)
        n = asprintf(&text, "Job %" PRIu64 ": %s", manager->jobs[0]->id,
                     job_state_name(manager->jobs[0]->state));
    else
        n = asprintf(&text, "Waiting for %s/%s", settings->inbox_directory,
                     settings->inbox_file_name);
    return n < 0 ? NULL : text;
}

static void tell_systemd(struct manager *manager)
{
    const struct settings *settings = manager->orders->settings;
    char *text = describe(manager);

    /* A programming that began is left to end, however often it has to be tried. */
    if (manager->stopping && manager->deploy)
        sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%" PRIu64,
                   settings->openocd_timeout_usec + STOP_MARGIN_USEC);
    if (!text || (manager->status && strcmp(text, manager->status) == 0)) {
        free(text);
        return;
    }
    sd_notifyf(false, "STATUS=%s", text);
    free(manager->status);
    manager->status = text;
}

static void tell(struct manager *manager)
{
    tell_systemd(manager);
    bus_update(manager->bus);
}

static int on_delay(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct manager *manager = userdata;

    manager->status_source = sd_event_source_disable_unref(manager->status_source);
    tell(manager);
    return 0;
}

/* What is on its way to OpenOCD, or has just come there, is not kept waiting for this. */
static bool may_be_late(struct manager *manager)
{
    const struct job *job = manager_find(manager, JOB_PROGRAMMING);
    bool is_starting = job && job->unconfirmed;

    if ((manager->deploy && !is_starting) || manager->n_jobs == 0 || manager->stopping)
        return false;
    return manager->status_source ||
           sd_event_add_time_relative(manager->event, &manager->status_source, CLOCK_MONOTONIC,
                                      DELAY_USEC, ACCURACY_USEC, on_delay, manager) >= 0;
}

void status_update(struct manager *manager)
{
    if (may_be_late(manager))
        return;
    manager->status_source = sd_event_source_disable_unref(manager->status_source);
    tell(manager);
}

void status_stop(struct manager *manager)
{
    manager->status_source = sd_event_source_disable_unref(manager->status_source);
    free(manager->status);
    manager->status = NULL;
}
