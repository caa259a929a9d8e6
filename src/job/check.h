/*
 * Has one snapshot judged by a checker process of its own, and believes nothing that it says
 * without looking: lengths and ranges are compared before the answer is used.
 *
 * The process can be started before there is something to judge: it then waits, ready, and costs
 * nothing but its memory.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "io/snapshot.h"
#include "sketch/signature.h"
#include "util/cleanup.h"

struct check;

struct check_spec {
    const char *checker; /* path of m4flash-checker */
    const struct board *board;
    const char *board_text; /* the profile that board was read from, */
    size_t board_text_size; /* for the checker to read by itself */
    const char *user;       /* UID:GID of whom it becomes, started by root; NULL for nobody */
    uint64_t max_size;      /* bytes of an upload, which its memory is limited by; 0: the default */
    bool signatures;        /* check_begin() may ask for one */
    uint64_t timeout_usec;  /* from check_begin() until it is killed; 0 for the usual time */

    /* The verdict is there; the upload's digest, and whether the checker ends well, come after
     * check_go_on(). Once, before on_end, unless it ends before that; must not free the check. */
    void (*on_verdict)(struct check *check, void *userdata);

    /* Of a snapshot that is not whole, the verdict depends on more, from its start up to this
     * offset. Returns 0 when it is there, or -errno: the check ends, CHECK_BROKEN. Must not free
     * the check. NULL if every snapshot is whole. */
    int (*on_need)(struct check *check, uint64_t up_to, void *userdata);

    /* Once; may free the check. The answer's image is for the receiver to take (and to free). */
    void (*on_end)(struct check *check, void *userdata);
    void *userdata;
};

enum check_end {
    CHECK_ANSWERED, /* report, digests and image are valid */
    CHECK_DIED,     /* it was killed, crashed or took too long: the upload made it so */
    CHECK_BROKEN,   /* it could not do its work, or its answer is too long or contradicts itself */
    CHECK_UNHEARD,  /* it ended before it took its upload: no fault of that one's */
};

struct check_answer {
    enum check_end end;
    /* From on_verdict on: */
    struct sketch_report report;
    struct signature_verdict signature; /* if it was asked for; else all zero */
    uint8_t *image;                     /* NULL if rejected */
    uint32_t cage;                      /* what it says to be locked up with, of enum answer_cage */
    /* From on_end on: */
    char sha256[SKETCH_DIGEST_HEX];
};

/* Starts a checker, which waits. The spec's strings and board must outlive the check. Returns 0 or
 * -errno. */
int check_new(sd_event *event, const struct check_spec *spec, struct check **ret);

/*
 * Gives it the snapshot to judge, once; the snapshot stays the caller's and may be freed at once
 * (if it is whole; else who is asked for more must have it). signature, which is copied, says by
 * which keys it must be signed: without that, an upload that is good in all else is
 * SKETCH_SIGNATURE. NULL: signatures do not count. Returns 0, or -errno; -EINVAL for a signature of
 * what is not whole; -EPIPE or -ECONNRESET says that the checker is gone already, which its on_end
 * tells too.
 */
int check_begin(struct check *check, const struct snapshot *snapshot,
                const struct signature_order *signature);

/* Asks for the rest of the answer. Once, when the verdict is there, and all of the snapshot. */
void check_go_on(struct check *check);

/* The caller may take the image by setting the pointer to NULL. */
struct check_answer *check_answer(struct check *check);

/* Kills what runs, without calling back. Takes and returns NULL. */
struct check *check_free(struct check *check);
DEFINE_CLEANUP(struct check *, check_free)
