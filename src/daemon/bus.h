/*
 * The daemon on the system bus, as org.m4flash, for as long as there is a bus: without one, or with
 * one that stalls, everything else goes on. When it comes back, so does the name.
 */
#pragma once

#include "daemon/manager.h"

struct bus;

/* Begins to look for the bus, and waits for nothing. Returns 0 or -ENOMEM. */
int bus_new(struct manager *manager, struct bus **ret);

/* What the manager does may have changed. bus may be NULL, here and below. */
void bus_update(struct bus *bus);

/* What is installed may have changed. */
void bus_update_installed(struct bus *bus);

/* A job has ended: entry is its line in the history. */
void bus_tell(struct bus *bus, uint64_t job_id, const char *entry);

/* Leaves the bus. Takes and returns NULL. */
struct bus *bus_free(struct bus *bus);
DEFINE_CLEANUP(struct bus *, bus_free)
