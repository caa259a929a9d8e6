/* A sketch that is given to the daemon as an open file, instead of through the inbox. */
#pragma once

#include "daemon/manager.h"

struct handover {
    struct job *job; /* the manager's */
    int read;        /* what came of reading the file: an enum snapshot_result, or -errno */
};

/*
 * Opens a job for it and copies the file, which stays the caller's and may change afterwards. force
 * has it programmed whatever the chip holds. Returns 0, -ESHUTDOWN if the daemon begins nothing
 * new, or -ENOMEM.
 */
int handover_open(struct manager *manager, int fd, bool force, struct handover *ret);

/*
 * Passes the job on, or ends it if this is nothing to check. From there on it is like any upload's,
 * and starts with queue_run(). The caller, who has its number by then, can tell of it in between.
 */
void handover_settle(struct manager *manager, const struct handover *handover);
