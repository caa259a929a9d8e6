/*
 * A client of the service on the system bus: what units/org.m4flash.Flasher1.xml describes, as
 * JSON. From client_new() on no change is missed: look after it was made, then wait for changes
 * and look again.
 *
 * All times are microseconds; where a function waits for an answer, timeout_usec limits that
 * (UINT64_MAX: as long as the bus allows). On failure *problem says why, for people.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/json_value.h"
#include "cli/problem.h"

struct client;

/* Connects, and hears what the service tells from now on. It need not run. Returns 0 or -errno. */
int client_new(struct client **ret, struct problem *problem);

/*
 * The properties as one object with lower-case keys: state, stage, progress, jobs, installed, last.
 * Returns 0; -ESRCH if the service does not run; or -errno.
 */
int client_get_status(struct client *client, uint64_t timeout_usec, struct json_object **ret,
                      struct problem *problem);

/* The newest count entries of the history, oldest first. Returns as client_get_status(). */
int client_get_history(struct client *client, unsigned count, uint64_t timeout_usec,
                       struct json_object **ret, struct problem *problem);

/* Hands a sketch over; the descriptor stays the caller's. Returns as client_get_status(). */
int client_program(struct client *client, int fd, bool force, uint64_t *ret_id,
                   struct problem *problem);

/* Returns 0; 1 if the service refuses (*problem says why); -ESRCH or another -errno. */
int client_cancel(struct client *client, uint64_t id, struct problem *problem);

/*
 * Waits until the service has told of something, or came or went, or the time is over; sometimes
 * less. Returns 0, or -errno if the bus is gone.
 */
int client_wait(struct client *client, uint64_t timeout_usec, struct problem *problem);

/* Hears what has been told by now, without waiting. Returns 0 or -errno. */
int client_listen(struct client *client, struct problem *problem);

/* The outcomes that were told since this was asked last: an array, the caller's. NULL without
 * memory. */
struct json_object *client_take_finished(struct client *client);

/* True if the service came or went since this was asked last: some outcomes were not told then. */
bool client_take_restarted(struct client *client);

struct client *client_free(struct client *client);
DEFINE_CLEANUP(struct client *, client_free)
