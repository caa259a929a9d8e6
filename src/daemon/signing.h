/*
 * Signed sketches: by which keys an upload is judged. The keys are read anew for each one, so that
 * one that was added or removed counts from the next upload on.
 */
#pragma once

#include "daemon/manager.h"

/* If sketches must be signed: tells in the journal what is wrong with the keys, before it matters.
 */
void signing_start(const struct manager *manager);

/* Takes up the detached signature beside the upload that was just read, if there is one. */
void signing_read(const struct manager *manager, struct job *job, int inbox);

/* Returns *buffer, filled with what the job's signature is to be judged by; NULL if none is asked
 * for. */
const struct signature_order *signing_order(struct manager *manager, const struct job *job,
                                            struct signature_order *buffer);

/* Tells whose signature the job has, if it is a good one. */
void signing_tell(struct manager *manager, const struct job *job,
                  const struct signature_verdict *verdict);
