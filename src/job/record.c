#include "job/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static void _printf_(2, 3) warn(const struct record *record, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    record->on_line(LOG_WARNING, line, record->userdata);
}

/* ---- While the chip is programmed --------------------------------------------------------------
 */

static void save_intent(struct record *record)
{
    int r = store_save_intent(record->state_dir, &record->intent);

    record->durable = r >= 0;
    if (r < 0)
        warn(record,
             "This programming is not protected against a power cut, its record cannot be "
             "written: %s",
             strerror(-r));
}

void record_look_back(struct record *record)
{
    record->has_earlier = store_load_intent(record->state_dir, &record->earlier) == STORE_FOUND;
}

/* Image first, record second: a record never names what is not there. */
void record_keep(struct record *record, const struct store_image *image)
{
    if (record->kept)
        return;
    record->kept = true;
    int r = store_save(record->state_dir, STORE_PENDING, image);
    if (r < 0)
        warn(record,
             "This programming is not protected against a power cut, its image cannot be kept: %s",
             strerror(-r));
    else
        save_intent(record);
}

void record_note_file(struct record *record, const char file[static FILE_KEY_TEXT_MAX])
{
    if (strcmp(record->intent.file, file) == 0)
        return;
    memcpy(record->intent.file, file, FILE_KEY_TEXT_MAX);
    if (record->durable)
        save_intent(record);
}

void record_count_attempt(struct record *record)
{
    record->intent.attempts++;
    save_intent(record);
}

void record_turn_back(struct record *record, const struct store_image *installed)
{
    record->intent.slot = STORE_INSTALLED;
    memcpy(record->intent.image_sha256, installed->image_sha256, SKETCH_DIGEST_HEX);
    record->intent.attempts = 0;
    save_intent(record);
}

void record_give_up(struct record *record)
{
    record->intent.attempts = RECORD_GIVEN_UP;
    save_intent(record);
}

/* ---- When it is over ---------------------------------------------------------------------------
 */

/* A record that cannot be removed would have the next start program again: better said than silent.
 */
void record_forget(struct record *record)
{
    int r = store_remove_intent(record->state_dir);

    if (r >= 0)
        r = store_remove(record->state_dir, STORE_PENDING);
    if (r < 0)
        warn(record, "The record of this programming cannot be removed: %s", strerror(-r));
}

void record_promote(struct record *record, const struct store_image *image)
{
    /* What could not be kept before programming may have room by now. */
    int r = record->durable ? 0 : store_save(record->state_dir, STORE_PENDING, image);

    if (r >= 0)
        r = store_promote(record->state_dir, record->flash_size);
    else
        store_remove(record->state_dir, STORE_INSTALLED); /* no record is better than a wrong one */
    if (r < 0)
        warn(record, "What is installed now cannot be recorded: %s", strerror(-r));
    /* A record that is not ours is of the chip as it was before. */
    if (r >= 0 || !record->durable)
        record_forget(record);
}

void record_leave_as_before(struct record *record)
{
    if (!record->has_earlier) {
        record_forget(record);
        return;
    }
    record->intent = record->earlier;
    save_intent(record);
    store_remove(record->state_dir, STORE_PENDING);
}

/* ---- What is installed -------------------------------------------------------------------------
 */

bool record_load_installed(struct record *record, struct store_image *ret)
{
    int r = store_load(record->state_dir, STORE_INSTALLED, record->flash_size, ret);

    if (r == STORE_CORRUPT)
        warn(record, "The installed image is damaged and not trusted: set aside as "
                     "installed.corrupt");
    else if (r < 0)
        warn(record, "The installed image cannot be read: %s", strerror(-r));
    return r == STORE_FOUND;
}

bool record_is_installed(struct record *record, const struct store_image *image)
{
    struct store_image installed;

    if (!record_load_installed(record, &installed))
        return false;
    bool same = installed.image_size == image->image_size &&
                memcmp(installed.image, image->image, image->image_size) == 0;
    store_image_clear(&installed);
    return same;
}
