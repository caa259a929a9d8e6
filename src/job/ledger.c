#include "job/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>

#include "io/history.h"
#include "job/report.h"
#include "util/fd.h"

struct ledger {
    const struct journal *journal;
    int state_dir;
    uint64_t last_id;
    char *last_entry;         /* NULL: there is none */
    struct file_key last_key; /* of the job closed last among those that were read */
};

struct ledger *ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return NULL;
    fd_close(ledger->state_dir);
    free(ledger->last_entry);
    free(ledger);
    return NULL;
}

int ledger_new(const char *state_dir, const struct journal *journal, struct ledger **ret)
{
    _cleanup_(ledger_freep) struct ledger *ledger = calloc(1, sizeof(*ledger));
    bool known;

    if (!ledger)
        return -ENOMEM;
    ledger->journal = journal;
    ledger->state_dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ledger->state_dir < 0)
        return -errno;
    int r = history_look(ledger->state_dir, NULL, &ledger->last_id, &known);
    if (r >= 0)
        r = history_tail(ledger->state_dir, 1, &ledger->last_entry);
    if (r < 0)
        journal_log(journal, LOG_WARNING, "%s/history.jsonl cannot be read, numbering anew: %s",
                    state_dir, strerror(-r));
    *ret = TAKE_PTR(ledger);
    return 0;
}

int ledger_open_job(struct ledger *ledger, struct job **ret)
{
    int r = job_new(ledger->last_id + 1, ret);

    if (r >= 0)
        ledger->last_id++;
    return r;
}

int ledger_reopen_job(struct ledger *ledger, uint64_t id, struct job **ret)
{
    int r = job_new(id, ret);

    if (r >= 0 && id > ledger->last_id)
        ledger->last_id = id;
    return r;
}

enum result ledger_result(const struct ledger *ledger, uint64_t id)
{
    char name[HISTORY_RESULT_MAX];

    if (history_result(ledger->state_dir, id, name) < 0)
        return RESULT_NONE;
    return result_from_name(name);
}

const char *ledger_last_entry(const struct ledger *ledger)
{
    return ledger->last_entry ? ledger->last_entry : "";
}

int ledger_state_dir(const struct ledger *ledger)
{
    return ledger->state_dir;
}

void ledger_close_job(struct ledger *ledger, struct job *job, const struct outcome *outcome)
{
    job_finish(job, outcome);
    free(ledger->last_entry);
    ledger->last_entry = report_outcome(job, ledger->journal, ledger->state_dir);
    if (job->key.inode != 0)
        ledger->last_key = job->key;
    job_free(job);
}

void ledger_drop_job(struct ledger *ledger, struct job *job)
{
    if (job->id == ledger->last_id)
        ledger->last_id--;
    job_free(job);
}

bool ledger_knows(struct ledger *ledger, const struct file_key *key)
{
    uint64_t last_id;
    bool known = false;

    if (file_key_equal(key, &ledger->last_key))
        return true;
    int r = history_look(ledger->state_dir, key, &last_id, &known);
    if (r < 0)
        journal_log(ledger->journal, LOG_WARNING,
                    "The history cannot be read, so the file in the inbox counts as new: %s",
                    strerror(-r));
    return known;
}

void ledger_refresh(struct ledger *ledger, const struct file_key *key)
{
    struct file_key *last = &ledger->last_key;

    if (key->inode != last->inode || key->size != last->size || file_key_equal(key, last))
        return;
    *last = *key;
    int r = history_note_file(ledger->state_dir, key);
    if (r < 0)
        journal_log(ledger->journal, LOG_WARNING,
                    "The upload's new time stamps cannot be noted: a restart takes it again: %s",
                    strerror(-r));
}
