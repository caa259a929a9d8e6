/*
 * Has one snapshot judged by a checker process of its own, and believes nothing that it says
 * without looking: lengths, ranges and digests are compared before the answer is used.
 */
#pragma once

#include <m4flash/sketch.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "io/snapshot.h"
#include "util/cleanup.h"

struct check;

struct check_spec {
    const char *checker; /* path of m4flash-checker */
    const struct board *board;
    const char *board_text; /* the profile that board was read from, */
    size_t board_text_size; /* for the checker to read by itself */
    const struct snapshot *snapshot;
    uint64_t timeout_usec; /* until the checker is killed; 0 for the usual time */

    /* Once; may free the check. The answer's image is for the receiver to take (and to free). */
    void (*on_end)(struct check *check, void *userdata);
    void *userdata;
};

enum check_end {
    CHECK_ANSWERED, /* report, digests and image are valid */
    CHECK_DIED,     /* it was killed, crashed or took too long: the upload made it so */
    CHECK_BROKEN,   /* it could not do its work, or its answer is too long or contradicts itself */
};

struct check_answer {
    enum check_end end;
    struct sketch_report report;
    char sha256[SKETCH_DIGEST_HEX];
    char image_sha256[SKETCH_DIGEST_HEX]; /* "" if rejected */
    uint8_t *image;                       /* NULL if rejected */
};

/* Begins. The spec's strings and board must outlive the check. Returns 0 or -errno. */
int check_new(sd_event *event, const struct check_spec *spec, struct check **ret);

/* The answer, from on_end on; the caller may take the image by setting the pointer to NULL. */
struct check_answer *check_answer(struct check *check);

/* Kills what runs, without calling back. Takes and returns NULL. */
struct check *check_free(struct check *check);
DEFINE_CLEANUP(struct check *, check_free)
