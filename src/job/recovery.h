/* At start-up: was a programming interrupted, and what is to be done about it? */
#pragma once

#include <m4flash/sketch.h>
#include <stdbool.h>

#include "io/journal.h"
#include "io/store.h"
#include "job/ledger.h"

enum recovery_need {
    RECOVERY_NONE,     /* the chip holds what the state directory says */
    RECOVERY_NEEDED,   /* program the image */
    RECOVERY_GIVEN_UP, /* the chip holds no whole sketch, and no try is left: only an upload helps
                        */
};

struct recovery {
    struct store_intent intent; /* the record as it is on disk */
    struct store_image image;   /* for store_image_clear() */
    bool reopens;               /* the intent's job has no outcome yet: this is the rest of it */
};

/*
 * Reads the intent record, and first settles what needs no chip: a job whose outcome is on record
 * was done, whatever was left lying. Says in the journal what it finds. Returns an enum
 * recovery_need, with *ret filled if there is a need; for RECOVERY_GIVEN_UP its image is what could
 * not be programmed, if it is still known.
 */
enum recovery_need recovery_plan(const struct ledger *ledger, const struct board *board,
                                 const struct journal *journal, struct recovery *ret);
