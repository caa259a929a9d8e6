/*
 * The checker processes: the one that is at work on a job, and one that waits for the next upload,
 * locked up already, so that none waits for a process to start. It sleeps until then.
 */
#pragma once

#include "daemon/manager.h"

/* An upload has begun: there is to be a checker for it, unless the last one ended by itself. */
void checking_prepare(struct manager *manager);

/* The same while nothing is under way: what ended the last one may be over. */
void checking_prepare_anew(struct manager *manager);

/* Has the job checked: it is CHECKING, or it could not be and is closed. */
void checking_start(struct manager *manager, struct job *job);

/* Ends both, but for one that a programming under way still waits to hear of. */
void checking_settle(struct manager *manager);

/* Ends both, whatever they do. */
void checking_stop(struct manager *manager);
