/* A sketch that is given to the daemon as an open file, instead of through the inbox. */
#pragma once

#include "daemon/manager.h"

/*
 * Opens a job for it, which has a number before anything can become of it. Returns 0, -ESHUTDOWN if
 * the daemon begins nothing new, or -ENOMEM.
 */
int handover_open(struct manager *manager, struct job **ret);

/*
 * Copies the file (fd stays the caller's) and passes the job on, or ends it if this is nothing to
 * check. From there on it is like any upload's, and starts with queue_run(). force has it
 * programmed whatever the chip holds.
 */
void handover_take(struct manager *manager, struct job *job, int fd, bool force);
