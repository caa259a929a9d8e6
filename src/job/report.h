/* Tells of a job: the journal entry and the history line of its outcome. */
#pragma once

#include "io/journal.h"
#include "job/job.h"

/*
 * Writes the one journal entry of a job that is done, with all its fields, and appends it to the
 * history in state_dir. A history that cannot be written is a warning in the journal: the outcome
 * stands. Returns the history's line, for the caller to free, or NULL without memory.
 */
char *report_outcome(const struct job *job, const struct journal *journal, int state_dir);
