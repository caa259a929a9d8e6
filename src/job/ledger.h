/*
 * Numbers jobs and keeps their ends: every job that is opened here is closed here, with exactly one
 * outcome, which goes to the history and to the journal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "io/journal.h"
#include "job/job.h"
#include "util/cleanup.h"

struct ledger;

/* state_dir must exist and be writable. Continues the history's numbers. Returns 0 or -errno. */
int ledger_new(const char *state_dir, const struct journal *journal, struct ledger **ret);

/* A new job with the next number. Returns 0 or -ENOMEM. */
int ledger_open_job(struct ledger *ledger, struct job **ret);

/* An earlier start's job that has no outcome yet, under its own number. Returns 0 or -ENOMEM. */
int ledger_reopen_job(struct ledger *ledger, uint64_t id, struct job **ret);

/* How a job ended, by the history; RESULT_NONE if it is not there. */
enum result ledger_result(const struct ledger *ledger, uint64_t id);

/*
 * The history's line of the job that was closed last, now or before a restart; "" if there is none.
 * The ledger's, until the next job is closed.
 */
const char *ledger_last_entry(const struct ledger *ledger);

/* The state directory, for whoever else keeps something there; the ledger's. */
int ledger_state_dir(const struct ledger *ledger);

/* Ends a job, records and reports its outcome, and frees it. */
void ledger_close_job(struct ledger *ledger, struct job *job, const struct outcome *outcome);

/* Frees a job that turned out to be part of another, or is left to the next start: no outcome. */
void ledger_drop_job(struct ledger *ledger, struct job *job);

/* True if the file in this state is an upload whose job was closed, now or before a restart. */
bool ledger_knows(struct ledger *ledger, const struct file_key *key);

/*
 * The file of the job that was closed last has new time stamps. Nothing happens if it is another
 * one.
 */
void ledger_refresh(struct ledger *ledger, const struct file_key *key);

struct ledger *ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_free)
