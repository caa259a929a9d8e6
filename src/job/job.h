/*
 * One upload's life, from the file to its outcome. The data of a job, and the one function that
 * moves it along; who does the work of each state is in check.h and program.h, and the order of
 * jobs is the manager's.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/file_key.h"
#include "io/snapshot.h"
#include "io/store.h"
#include "job/deploy.h"
#include "job/outcome.h"
#include "sketch/signature.h"
#include "util/cleanup.h"

/* Only ever forwards, but that an upload that is incomplete, or was not read as it is, is WAITING
 * again, and NEW when read anew. */
enum job_state {
    JOB_NEW,         /* seen, and read if there was something to read */
    JOB_WAITING,     /* incomplete or still open for writing: the rest may come */
    JOB_TO_CHECK,    /* its snapshot is taken */
    JOB_CHECKING,    /* the checker has it */
    JOB_READY,       /* accepted: its image waits for the programmer */
    JOB_PROGRAMMING, /* OpenOCD has it */
    JOB_DONE,        /* it has its outcome */
    _JOB_STATE_MAX,
};

const char *job_state_name(enum job_state state);

struct job {
    uint64_t id;
    enum job_state state;
    enum job_state reached; /* DONE: where it was when it ended */
    struct outcome outcome;
    uint64_t begun_usec; /* CLOCK_MONOTONIC */
    uint64_t read_usec;  /* CLOCK_MONOTONIC, when the inbox was read for it (rollback: begun) */
    bool builtin;        /* the product's own sketch, not an upload */
    bool handed;         /* given to the daemon whole: nothing of it can be in the inbox */
    bool scanned;        /* found by looking: the event that announces it may still come */
    bool disturbed;      /* written to while or since it was read */
    bool doubted;        /* if incomplete, it may be the beginning of the next upload */
    bool detached;       /* its file is gone since it was read: what is written now is another */
    bool overdue;        /* incomplete, and its time for the rest is over */

    struct file_key key;       /* of the file in the inbox when it was read; inode 0: never read */
    struct snapshot *snapshot; /* until the verdict, and its confirmation */
    uint64_t bytes;            /* of the upload */
    bool has_signature;        /* there was a detached one beside it: */
    uint8_t signature[SIGNATURE_SIZE];
    struct sketch_report report;          /* once checked */
    char sha256[SKETCH_DIGEST_HEX];       /* "" until the checker has ended well: */
    bool unconfirmed;                     /* accepted, and it has not yet */
    char image_sha256[SKETCH_DIGEST_HEX]; /* likewise, if it was accepted */
    uint8_t *image;                       /* report.image_size bytes, from acceptance until it is
                                             programmed: then they are the deploy's */

    bool rollback;              /* back to the image before: there is no upload */
    enum deploy_care care;      /* DEPLOY_ALWAYS for an upload repeated on purpose (touch) */
    bool recovery;              /* the rest of an earlier start's programming, already on record */
    struct store_intent intent; /* what to keep on record while it is programmed */
};

/* CLOCK_MONOTONIC in microseconds. */
uint64_t job_now_usec(void);

/* A job in state NEW. Returns 0 or -ENOMEM. */
int job_new(uint64_t id, struct job **ret);

/* The only place where a job's state changes. Asserts that the step is one of those above. */
void job_set_state(struct job *job, enum job_state state);

/*
 * Ends it: the outcome is kept, snapshot and image are given up. Once only. The digests of what was
 * read and of the image that it has are known then, whatever it ended of; but not of what was read
 * while somebody wrote.
 */
void job_finish(struct job *job, const struct outcome *outcome);

/* The upload's file has new time stamps, by which a restart is to know it again. */
void job_set_key(struct job *job, const struct file_key *key);

/*
 * Accepted: the image (malloc'ed, report.image_size bytes) becomes the job's, the snapshot is given
 * up unless it is unconfirmed, and the job is READY. Its image is hashed, unless it is unconfirmed:
 * then that can wait, too.
 */
void job_accept(struct job *job, uint8_t *image);

/* For the job's image, wherever it is now. */
void job_hash_image(struct job *job, const uint8_t *image);

/* An unconfirmed job's checker has ended well: sha256 is the upload's. */
void job_confirm(struct job *job, const char sha256[static SKETCH_DIGEST_HEX]);

/*
 * What was read of it is not what the file holds: all that came of it is forgotten, and it waits to
 * be read again. It is being checked, or unconfirmed.
 */
void job_take_back(struct job *job);

/* Makes a new job the rest of an interrupted programming: READY, and the image is the job's. */
void job_set_recovery(struct job *job, const struct store_intent *intent, struct store_image *image,
                      const struct board *board);

/* Makes a new job the way back to this image, which becomes the job's: READY. */
void job_set_rollback(struct job *job, struct store_image *image, const struct board *board);

/* The image of a job from READY on, as the state directory keeps it; the bytes are the job's. */
struct store_image job_image(const struct job *job);

/* Replaces what was read of the upload; the snapshot becomes the job's. */
void job_set_snapshot(struct job *job, struct snapshot *snapshot);

struct job *job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free)
