/*
 * A stored file is 64 hexadecimal digits, a newline, and what they are the SHA-256 of: one line of
 * JSON and, for a slot, the image.
 */
#include "io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/fd.h"

enum {
    DIGEST_LINE = SKETCH_DIGEST_HEX, /* the digits and a newline in place of the NUL */
    HEADER_MAX = 1024,
};

static const char *const slot_names[_STORE_SLOT_MAX] = {
    [STORE_INSTALLED] = "installed",
    [STORE_PREVIOUS] = "previous",
    [STORE_PENDING] = "pending",
};

static const char intent_name[] = "intent";

const char *store_slot_name(enum store_slot slot)
{
    return slot_names[slot];
}

void store_image_clear(struct store_image *image)
{
    free(image->image);
    *image = (struct store_image){.image = NULL};
}

/* ---- Files that carry their digest
 * --------------------------------------------------------------- */

/* A name of its own for evidence that must not be taken for the thing itself. */
static int set_aside(int dirfd, const char *name)
{
    char aside[64];

    snprintf(aside, sizeof(aside), "%s.corrupt", name);
    if (renameat(dirfd, name, dirfd, aside) < 0)
        return -errno;
    return STORE_CORRUPT;
}

/* Reads a file whose digest holds; the payload behind the digest begins at *ret + DIGEST_LINE. */
static int peek_file(int dirfd, const char *name, size_t max, char **ret, size_t *ret_size)
{
    _cleanup_fd_ int fd = fd_open_regular(dirfd, name);
    _cleanup_free_ char *text = NULL;
    char digest[SKETCH_DIGEST_HEX];
    size_t size;

    if (fd == -ENOENT)
        return STORE_ABSENT;
    int r = fd < 0 ? fd : fd_read_file(fd, max + DIGEST_LINE, &text, &size);
    if (r == -EFBIG)
        return STORE_CORRUPT;
    if (r < 0)
        return r;
    if (size <= DIGEST_LINE || text[DIGEST_LINE - 1] != '\n')
        return STORE_CORRUPT;
    sketch_digest(text + DIGEST_LINE, size - DIGEST_LINE, digest);
    if (memcmp(text, digest, DIGEST_LINE - 1) != 0)
        return STORE_CORRUPT;
    *ret = TAKE_PTR(text);
    *ret_size = size;
    return STORE_FOUND;
}

static int save_file(int dirfd, const char *name, const char *header, const void *data, size_t size)
{
    size_t header_size = strlen(header), total = DIGEST_LINE + header_size + 1 + size;
    _cleanup_free_ char *text = malloc(total);
    char digest[SKETCH_DIGEST_HEX];

    if (!text)
        return -ENOMEM;
    char *payload = text + DIGEST_LINE;
    memcpy(payload, header, header_size);
    payload[header_size] = '\n';
    if (size > 0)
        memcpy(payload + header_size + 1, data, size);
    sketch_digest(payload, total - DIGEST_LINE, digest);
    memcpy(text, digest, DIGEST_LINE - 1);
    text[DIGEST_LINE - 1] = '\n';
    return fd_replace_file(dirfd, name, text, total, 0600);
}

static int remove_file(int dirfd, const char *name)
{
    if (unlinkat(dirfd, name, 0) < 0)
        return errno == ENOENT ? 0 : -errno;
    return fsync(dirfd) < 0 ? -errno : 0;
}

/* ---- Headers
 * --------------------------------------------------------------------------------------- */

/* The text under a key, the object's; NULL if there is none. */
static const char *get_text(struct json_object *object, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static bool get_digest(struct json_object *object, const char *key, bool optional, char *ret)
{
    const char *text = get_text(object, key);
    size_t length = text ? strlen(text) : 0;

    if (!text || (length != SKETCH_DIGEST_HEX - 1 && !(optional && length == 0)))
        return false;
    memcpy(ret, text, length + 1);
    return true;
}

static bool get_number(struct json_object *object, const char *key, uint64_t max, uint64_t *ret)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_int) || json_object_get_uint64(value) > max)
        return false;
    *ret = json_object_get_uint64(value);
    return true;
}

/* The header of a loaded file, for json_object_put(), and where the data behind it begins. */
static struct json_object *parse_header(char *text, size_t size, size_t *ret_data)
{
    char *header = text + DIGEST_LINE;
    char *newline = memchr(header, '\n', size - DIGEST_LINE);

    if (!newline)
        return NULL;
    *newline = '\0';
    *ret_data = (size_t)(newline + 1 - text);
    return json_tokener_parse(header);
}

static bool read_image_header(struct json_object *object, struct store_image *image)
{
    uint64_t time_msec, image_size;

    if (!get_number(object, "id", UINT64_MAX, &image->job_id) ||
        !get_number(object, "time", INT64_MAX, &time_msec) ||
        !get_number(object, "image_size", UINT32_MAX, &image_size) ||
        !get_digest(object, "sha256", true, image->sha256) ||
        !get_digest(object, "image_sha256", false, image->image_sha256))
        return false;
    image->time_msec = (int64_t)time_msec;
    image->image_size = (uint32_t)image_size;
    return true;
}

/* The image of a file whose digest holds; false if it is not one of ours all the same. */
static bool read_image(char *text, size_t size, struct store_image *ret)
{
    struct store_image image = {.image = NULL};
    size_t data;

    struct json_object *header = parse_header(text, size, &data);
    bool valid = header && read_image_header(header, &image);
    json_object_put(header);
    if (!valid || image.image_size == 0 || image.image_size != size - data)
        return false;
    image.image = malloc(image.image_size);
    if (!image.image)
        return false;
    memcpy(image.image, text + data, image.image_size);
    *ret = image;
    return true;
}

/* ---- The slots
 * ------------------------------------------------------------------------------------- */

int store_peek(int dirfd, enum store_slot slot, uint32_t max_size, struct store_image *ret)
{
    _cleanup_free_ char *text = NULL;
    struct store_image image;
    size_t size;

    int r = peek_file(dirfd, slot_names[slot], (size_t)max_size + HEADER_MAX, &text, &size);
    if (r != STORE_FOUND)
        return r;
    if (!read_image(text, size, &image))
        return STORE_CORRUPT;
    if (image.image_size > max_size) {
        store_image_clear(&image);
        return STORE_CORRUPT;
    }
    *ret = image;
    return STORE_FOUND;
}

int store_load(int dirfd, enum store_slot slot, uint32_t max_size, struct store_image *ret)
{
    int r = store_peek(dirfd, slot, max_size, ret);

    return r == STORE_CORRUPT ? set_aside(dirfd, slot_names[slot]) : r;
}

int store_save(int dirfd, enum store_slot slot, const struct store_image *image)
{
    char header[HEADER_MAX];

    snprintf(header, sizeof(header),
             "{\"id\":%" PRIu64 ",\"time\":%" PRId64 ",\"sha256\":\"%s\",\"image_sha256\":\"%s\","
             "\"image_size\":%" PRIu32 "}",
             image->job_id, image->time_msec, image->sha256, image->image_sha256,
             image->image_size);
    return save_file(dirfd, slot_names[slot], header, image->image, image->image_size);
}

int store_remove(int dirfd, enum store_slot slot)
{
    return remove_file(dirfd, slot_names[slot]);
}

static int rename_slot(int dirfd, enum store_slot from, enum store_slot to)
{
    if (renameat(dirfd, slot_names[from], dirfd, slot_names[to]) < 0)
        return errno == ENOENT ? 0 : -errno;
    return fsync(dirfd) < 0 ? -errno : 0;
}

bool store_holds(int dirfd, enum store_slot slot, uint32_t max_size, const char *image_sha256)
{
    struct store_image image;

    if (store_load(dirfd, slot, max_size, &image) != STORE_FOUND)
        return false;
    bool holds = strcmp(image.image_sha256, image_sha256) == 0;
    store_image_clear(&image);
    return holds;
}

int store_promote(int dirfd, uint32_t max_size)
{
    struct store_image pending;

    int r = store_load(dirfd, STORE_PENDING, max_size, &pending);
    if (r < 0)
        return r;
    /* Gone already: this is a repetition, and the installed one is the promoted one. */
    if (r == STORE_ABSENT)
        return 0;
    if (r == STORE_CORRUPT)
        return -EBADMSG;
    bool same = store_holds(dirfd, STORE_INSTALLED, max_size, pending.image_sha256);
    store_image_clear(&pending);
    r = same ? 0 : rename_slot(dirfd, STORE_INSTALLED, STORE_PREVIOUS);
    if (r < 0)
        return r;
    return rename_slot(dirfd, STORE_PENDING, STORE_INSTALLED);
}

/* ---- The intent record
 * ----------------------------------------------------------------------------- */

/* By name, so that a reordered enum does not change what an old record means. */
static bool get_slot(struct json_object *object, enum store_slot *ret)
{
    const char *name = get_text(object, "slot");

    if (!name)
        return false;
    if (strcmp(name, slot_names[STORE_PENDING]) == 0)
        *ret = STORE_PENDING;
    else if (strcmp(name, slot_names[STORE_INSTALLED]) == 0)
        *ret = STORE_INSTALLED;
    else
        return false;
    return true;
}

static bool get_file(struct json_object *object, char ret[static FILE_KEY_TEXT_MAX])
{
    const char *text = get_text(object, "file");

    if (!text || strlen(text) >= FILE_KEY_TEXT_MAX)
        return false;
    strcpy(ret, text);
    return true;
}

int store_has_intent(int dirfd)
{
    if (faccessat(dirfd, intent_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

int store_load_intent(int dirfd, struct store_intent *ret)
{
    _cleanup_free_ char *text = NULL;
    struct store_intent intent;
    uint64_t attempts;
    size_t size, data;

    int r = peek_file(dirfd, intent_name, HEADER_MAX, &text, &size);
    if (r == STORE_CORRUPT)
        return set_aside(dirfd, intent_name);
    if (r != STORE_FOUND)
        return r;
    struct json_object *header = parse_header(text, size, &data);
    bool valid = header && get_number(header, "id", UINT64_MAX, &intent.job_id) &&
                 get_number(header, "attempts", UINT_MAX, &attempts) &&
                 get_slot(header, &intent.slot) &&
                 get_digest(header, "image_sha256", true, intent.image_sha256) &&
                 get_file(header, intent.file);
    json_object_put(header);
    if (!valid)
        return set_aside(dirfd, intent_name);
    intent.attempts = (unsigned)attempts;
    *ret = intent;
    return STORE_FOUND;
}

int store_save_intent(int dirfd, const struct store_intent *intent)
{
    char header[HEADER_MAX];

    snprintf(header, sizeof(header),
             "{\"id\":%" PRIu64
             ",\"slot\":\"%s\",\"image_sha256\":\"%s\",\"attempts\":%u,\"file\":\"%s\"}",
             intent->job_id, slot_names[intent->slot], intent->image_sha256, intent->attempts,
             intent->file);
    return save_file(dirfd, intent_name, header, NULL, 0);
}

int store_remove_intent(int dirfd)
{
    return remove_file(dirfd, intent_name);
}
