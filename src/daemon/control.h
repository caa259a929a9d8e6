/*
 * Requests to the running daemon, on a local socket: one line a connection, and one line back.
 *
 *     rollback        {"id": …}      its line in the history, when its job has ended
 *                     error: TEXT    at once, if there is none to begin
 */
#pragma once

#include "daemon/manager.h"

struct control;

/* Listens in the manager's runtime folder. Returns 0 or -errno. */
int control_new(struct manager *manager, struct control **ret);

/* A job has ended: answers who asked for it. entry is its line in the history, "" without memory.
 * control may be NULL. */
void control_tell(struct control *control, uint64_t job_id, const char *entry);

/* Hangs up on everybody. Takes and returns NULL. */
struct control *control_free(struct control *control);
DEFINE_CLEANUP(struct control *, control_free)
