/*
 * The daemon's object on the bus: /org/m4flash with the interface org.m4flash.Flasher1, which
 * units/org.m4flash.Flasher1.xml describes. There is no logic here: calls become what the inbox and
 * the commands make of the same wishes, and properties are what the manager looks like.
 *
 * A call is answered after all that had happened in the inbox before it was made: who has closed a
 * file there and then asks finds its job.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/manager.h"

struct bus_object;

/* Puts the object on a connection, which must outlive it. Returns 0 or -errno. */
int bus_object_new(struct manager *manager, sd_bus *bus, struct bus_object **ret);

/* Something may have changed: signals what has. */
void bus_object_update(struct bus_object *object);

/* What is installed may have changed. */
void bus_object_update_installed(struct bus_object *object);

/* A job has ended: entry is its line in the history. */
void bus_object_tell(struct bus_object *object, uint64_t job_id, const char *entry);

/* Takes and returns NULL. */
struct bus_object *bus_object_free(struct bus_object *object);
DEFINE_CLEANUP(struct bus_object *, bus_object_free)
