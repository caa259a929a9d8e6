/* Makes jobs from what happens in the inbox, and decides which events are one and the same upload.
 */
#pragma once

#include "daemon/manager.h"

/* Begins to watch and takes the first look. Returns 0 or -errno. */
int intake_start(struct manager *manager);

/* Stops watching. */
void intake_stop(struct manager *manager);

/*
 * The job's file is incomplete or was written to meanwhile: it waits for the rest, ends with its
 * rejection if it has waited, or turns out to be the beginning of a newer job's, overtaken, or
 * deleted.
 */
void intake_incomplete(struct manager *manager, struct job *job);

/* True if the inbox still holds just the file that the job was made from. */
bool intake_still_has(const struct manager *manager, const struct job *job);
