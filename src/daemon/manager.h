/*
 * The daemon's one object: what it was told, what it owns, and the jobs that are under way. The
 * queue moves jobs, the intake makes them from what happens in the inbox.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "config/settings.h"
#include "io/journal.h"
#include "io/watch.h"
#include "job/check.h"
#include "job/deploy.h"
#include "job/job.h"
#include "job/ledger.h"
#include "job/limits.h"

enum {
    /* One being programmed, one accepted, one being checked, one waiting for its rest, one that
     * goes back to the sketch before, and: */
    UNCHECKED_MAX = 4, /* each with a snapshot of up to MaxSize in memory */
    JOBS_MAX = UNCHECKED_MAX + 6,
};

/* What the daemon was told, resolved: option over configuration over board profile over default. */
struct orders {
    struct settings *settings;
    struct board board;
    char *board_text; /* as the checker gets it */
    size_t board_text_size;
    char *state_dir;
    char *runtime_dir;
    const char *checker; /* paths of installed files */
    const char *openocd_script;
    const char *openocd_config; /* or "" */
    const char *chip_dir;       /* of a simulated chip, or "" */
    const char *health_file;    /* or "" */
    char checker_user[32];      /* UID:GID that the checker gets */
};

struct manager {
    const struct orders *orders;
    const struct journal *journal;
    sd_event *event;
    sd_event_source *signals[3];
    struct ledger *ledger;
    int lock;                /* of the one flasher */
    struct limits_past past; /* when the flash was programmed */

    struct job *jobs[JOBS_MAX]; /* in the order of their arrival; their states say the rest */
    size_t n_jobs;
    struct check *check;          /* of the job in state CHECKING */
    struct key_files *keys;       /* that its signature is judged by; NULL if none is asked for */
    bool check_waited;            /* it was started ahead of need */
    sd_event_source *rest_source; /* will ask it for the rest of its answer */
    uint64_t checked_id;   /* the job's number: it may be accepted, or gone, before check ends */
    struct check *standby; /* waits for the next upload */
    bool standby_lost;     /* it ended by itself */
    bool cage_told;        /* what the checker is not locked up with */
    bool walls_told;       /* what OpenOCD is not kept from */
    struct deploy *deploy; /* of the job in state PROGRAMMING */
    bool rested;           /* since the last job, what that took has gone back */
    struct transcript progress; /* of that deploy, as last told */

    struct watch *watch;
    sd_event_source *look_source; /* runs when all events of the inbox have been heard */
    sd_event_source *patience_source;
    unsigned arrivals; /* completed uploads that have not been read */
    bool overwritten;  /* the newest of them is, before it was read */
    bool rescan;
    bool attributes_changed;
    bool left_over;      /* stopping: something more has come, for the next start */
    uint64_t last_inode; /* of the file that was there at the last look */
    bool written;        /* it, or another in its place, since then */
    bool touched; /* the newest of the arrivals came after new time stamps: touch(1) sets them first
                   */
    struct file_key last_scanned; /* of the last closed job that was made by looking */

    struct control *control;        /* NULL: no requests can be made */
    struct bus *bus;                /* NULL: not on the bus */
    char *status;                   /* as systemd was last told; NULL: nothing yet */
    sd_event_source *status_source; /* will tell what there is to tell */
    bool stopping;
};

/*
 * A manager with what an earlier start has left to do. orders and journal must outlive it. Returns
 * 0 or -errno after saying why.
 */
int manager_new(const struct orders *orders, const struct journal *journal, struct manager **ret);

/* Watches the inbox until it is told to stop. Returns 0, or -errno after saying why. */
int manager_run(struct manager *manager);

/* The oldest job in a state, or NULL. */
struct job *manager_find(const struct manager *manager, enum job_state state);

/* Opens a job at the end of the list. Returns 0 or -ENOMEM. There is room, or it is a bug. */
int manager_open_job(struct manager *manager, struct job **ret);

/* Takes a job off the list and closes it with an outcome. */
void manager_close_job(struct manager *manager, struct job *job, const struct outcome *outcome);

/* A fault of this machine, not of the upload or the board, ends it: what could not be used, and
 * why. */
void manager_fail_job(struct manager *manager, struct job *job, const char *what, int error);

/* Takes a job off the list without an outcome: it is part of another, or the next start's. */
void manager_drop_job(struct manager *manager, struct job *job);

struct manager *manager_free(struct manager *manager);
DEFINE_CLEANUP(struct manager *, manager_free)
