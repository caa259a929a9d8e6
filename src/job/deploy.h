/*
 * Brings an image onto the chip so that a power cut at any moment leaves either the sketch before
 * it or this one, or a record from which the next start mends it. Owns the order of things: hooks,
 * intent record (job/record.h), programming, another try where that is safe, the way back, and the
 * settlement of the state directory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "io/store.h"
#include "job/hooks.h"
#include "job/program.h"
#include "util/cleanup.h"

enum {
    DEPLOY_CONNECT_TRIES = 3,     /* while nothing is erased */
    DEPLOY_RECOVERY_ATTEMPTS = 3, /* counted in the intent record, over restarts */
};

struct deploy;

struct deploy_result {
    enum openocd_code code;       /* of the image that was asked for */
    struct transcript transcript; /* of the last run that programmed it */
    bool released;                /* false: the chip may have been left halted */
    bool healthy;                 /* programmed: false if the board's firmware does not answer */
    bool restored;                /* failed, and the installed image was put back */
    bool lost;                    /* failed, and the chip holds no whole sketch now */
    bool refused;                 /* by deploy_refuse(), which is all that counts */
    bool cancelled;               /* by deploy_cancel(): refused for that reason */
    unsigned lacks;               /* of the walls around OpenOCD, as job/program.h has it */
    char hook[128];               /* the hook that forbade it and what became of it, or "" */
};

/* What to do about a chip that holds the image already. */
enum deploy_care {
    DEPLOY_IF_NEW,       /* ask the chip first if the image is the installed one by our record */
    DEPLOY_IF_DIFFERENT, /* ask the chip first in any case */
    DEPLOY_ALWAYS,       /* program it again */
};

struct deploy_spec {
    struct program_spec program; /* all but the job, the image and the callbacks */
    int state_dir;
    struct store_image image; /* what to program; the bytes become the deploy's if it is made */
    struct store_intent
        intent;       /* that record, as it is on disk for a recovery, else to be written */
    bool unconfirmed; /* both digests, and leave to change the chip, are to come; so no hooks, which
                         are told the digests, are run before it: it begins at once */
    bool recovery;    /* an earlier programming was interrupted, its record is on disk */
    const char *pre_hooks;  /* folders of executables, run before anything is touched */
    const char *post_hooks; /* and after everything is settled */
    uint64_t hooks_timeout_usec;
    enum deploy_care care;
    bool restore;        /* put the installed image back if this one fails after an erase */
    uint64_t pause_usec; /* between two tries */

    void (*on_progress)(const struct transcript *transcript, void *userdata);
    /* Something to say in the journal: OpenOCD's lines, hooks' lines, warnings of our own. */
    void (*on_line)(int priority, const char *line, void *userdata);
    /* Once: the outcome. When this returns it is on record, and the state directory follows. */
    void (*on_result)(const struct deploy_result *result, void *userdata);
    /* Once, after that: all is settled. May free the deploy. */
    void (*on_end)(void *userdata);
    void *userdata;
};

/* Begins; what fails is told by on_end, from the event loop. Returns 0 or -errno. */
int deploy_new(sd_event *event, const struct deploy_spec *spec, struct deploy **ret);

/* The bytes to program. */
const uint8_t *deploy_image(const struct deploy *deploy);

/*
 * For an unconfirmed deploy, one of these, once, with the upload's digest and the image's. Until
 * then OpenOCD may connect, but nothing is kept and nothing on the chip changed, and no result is
 * told. They may call back, and so free the deploy.
 */
void deploy_confirm(struct deploy *deploy, const char *sha256, const char *image_sha256);
void deploy_refuse(struct deploy *deploy);

/*
 * Ends it before the chip is changed: while hooks run, between two tries to connect, or while it is
 * unconfirmed; then its result is told, as cancelled, by and by or at once (which may free the
 * deploy), and deploy_confirm() and deploy_refuse() do nothing any more. Returns 0, or -EBUSY if
 * OpenOCD has been let go on, or is mending something: then it goes on.
 */
int deploy_cancel(struct deploy *deploy);

/*
 * The upload's file has got new time stamps, as adb sets them last of all: file is its key now
 * (file_key_format()). Not to be called when the result has been told.
 */
void deploy_note_file(struct deploy *deploy, const char file[static FILE_KEY_TEXT_MAX]);

/* True once a restart would go on with this job by itself. */
bool deploy_is_durable(const struct deploy *deploy);

/* Stops what runs, without calling back. Takes and returns NULL. */
struct deploy *deploy_free(struct deploy *deploy);
DEFINE_CLEANUP(struct deploy *, deploy_free)
