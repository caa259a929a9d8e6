/* What the manager looks like from the bus: the values of the properties. Pure: it only looks. */
#pragma once

#include "daemon/manager.h"

/* A job that is under way. */
struct bus_job {
    uint64_t id;
    const char *kind;      /* "upload", "default", "rollback" or "recovery" */
    const char *state;     /* as bus_state.state, or "waiting" for its turn */
    uint64_t elapsed_msec; /* since it was opened */
    uint64_t bytes;        /* of the upload; 0 if there is none */
    char sha256[SKETCH_DIGEST_HEX];
    uint32_t image_bytes; /* from acceptance on, as the next */
    uint32_t sectors;
    uint64_t bytes_done, bytes_total; /* written, of those that are to be */
};

struct bus_state {
    const char *state;             /* "idle", "receiving", "checking" or "programming" */
    const char *stage;             /* of OpenOCD's run, or "" */
    unsigned progress;             /* percent of the bytes that are to be written */
    struct bus_job jobs[JOBS_MAX]; /* in the order of their arrival */
    size_t n_jobs;
};

struct bus_state bus_state_of(const struct manager *manager);

/* True if the jobs look the same, but for what changes all the time (elapsed, bytes_done),
 * which is told with the progress. */
bool bus_state_same_jobs(const struct bus_state *a, const struct bus_state *b);
