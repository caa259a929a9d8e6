/*
 * Waits for the board's firmware to answer again after a reset: its health file can be read then.
 * The file is in sysfs, where nothing tells of a change, so it is looked at again and again, but
 * only during this wait.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "util/cleanup.h"

struct health;

/* Once; may free the health. */
typedef void (*health_callback_t)(bool healthy, void *userdata);

/* path must outlive the health. Returns 0 or -errno. */
int health_new(sd_event *event, const char *path, uint64_t timeout_usec, health_callback_t callback,
               void *userdata, struct health **ret);

/* Stops waiting, without calling back. Takes and returns NULL. */
struct health *health_free(struct health *health);
DEFINE_CLEANUP(struct health *, health_free)
