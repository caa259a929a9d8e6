/*
 * What the state directory knows of the programming at hand: the intent record, which is on disk
 * before anything is erased, with the image that it names, and what is installed. A disk that
 * refuses is told as a warning, and stops no programming: the sketch counts more than its record.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "io/store.h"

enum {
    RECORD_GIVEN_UP = 1000, /* attempts in an intent record: only an upload helps */
};

struct record {
    int state_dir;               /* the owner's */
    uint32_t flash_size;         /* bytes that an image can have at most */
    struct store_intent intent;  /* as it is on disk, or is to be */
    struct store_intent earlier; /* of a chip that held no whole sketch before this one already */
    bool has_earlier;
    bool durable; /* the intent record is on disk: a start would go on by itself */
    bool kept;    /* that was tried */

    void (*on_line)(int priority, const char *line, void *userdata); /* warnings */
    void *userdata;
};

/* An upload after a failure that nothing could mend takes the place of that failure's record. */
void record_look_back(struct record *record);

/* Makes the programming of this image durable, once; further calls do nothing. */
void record_keep(struct record *record, const struct store_image *image);

/* The upload's file has this key now (file_key_format()). */
void record_note_file(struct record *record, const char file[static FILE_KEY_TEXT_MAX]);

/* One more attempt at what was interrupted begins. */
void record_count_attempt(struct record *record);

/* From now on the chip is to hold the installed image again. */
void record_turn_back(struct record *record, const struct store_image *installed);

/*
 * The chip holds no whole sketch, and no start is to try again. To be called before the outcome is
 * on record: a job whose outcome is known is not looked into any more.
 */
void record_give_up(struct record *record);

/*
 * After the outcome is on record, one of these; a power cut between the two finds both, and repeats
 * only this. The chip holds the image: it is the installed one, the one before it the previous one.
 */
void record_promote(struct record *record, const struct store_image *image);

/* The chip holds the installed image. */
void record_forget(struct record *record);

/* The chip is as it was before, which can be without a whole sketch. */
void record_leave_as_before(struct record *record);

/* True with *ret filled, for store_image_clear(), if there is an installed image to trust. */
bool record_load_installed(struct record *record, struct store_image *ret);

/* True if that is this one. */
bool record_is_installed(struct record *record, const struct store_image *image);
