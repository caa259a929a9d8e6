/*
 * The checker processes: the one that is at work on a job, and at most one that waits, because an
 * upload is on its way. When nothing is under way there is none.
 */
#pragma once

#include "daemon/manager.h"

/* An upload has begun: by the time it is complete, a checker is ready for it. */
void checking_prepare(struct manager *manager);

/* Ends the one that waits if there is nothing that it could be for. */
void checking_relax(struct manager *manager);

/* Has the job checked: it is CHECKING, or it could not be and is closed. */
void checking_start(struct manager *manager, struct job *job);

/* Ends both, but for one that a programming under way still waits to hear of. */
void checking_settle(struct manager *manager);

/* Ends both, whatever they do. */
void checking_stop(struct manager *manager);
