/*
 * The product's own sketch, shipped in its root file system: what the chip is to run until a user
 * installs something else, and again when an update brings a new one.
 */
#pragma once

#include "daemon/manager.h"

/* At start-up, when nothing was interrupted: makes a job of it if it is its turn. */
void default_open(struct manager *manager);

/*
 * That job's sketch runs: the default sketch itself, or what counts for more until its file
 * changes.
 */
void default_note(struct manager *manager, const struct job *job);
