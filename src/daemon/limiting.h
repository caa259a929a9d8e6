/*
 * Holds uploads to the configured number of programmings in a time, counted over restarts. A
 * rollback is not held to it (the bus says who may), nor the product's own sketch, nor what mends
 * the chip; but they count.
 */
#pragma once

#include "daemon/manager.h"

/* Reads what earlier starts have noted. What cannot be read is told, and counts for nothing. */
void limiting_load(struct manager *manager);

/* True if the job must not be programmed now, with its outcome. */
bool limiting_forbids(const struct manager *manager, const struct job *job,
                      struct outcome *ret_outcome);

/* The flash was, or may have been, erased or written. */
void limiting_note(struct manager *manager);
