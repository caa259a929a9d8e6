/* Follows one job to its outcome, whether it is to come, under way or over. */
#pragma once

#include "cli/client.h"
#include "cli/job_search.h"
#include "cli/output.h"

struct follow {
    struct client *client;
    struct output *output;
    struct search search;
    bool shows_progress;
    uint64_t deadline_usec; /* CLOCK_MONOTONIC; UINT64_MAX: none */
};

/* CLOCK_MONOTONIC so many microseconds from now; UINT64_MAX stays that. */
uint64_t follow_deadline(uint64_t usec);

/* Waits for the outcome, and shows it. Returns the exit status. */
enum status follow_run(struct follow *follow);
