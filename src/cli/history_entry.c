#include "cli/history_entry.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

static void json_putp(struct json_object **object)
{
    json_object_put(*object);
}

static void tokener_freep(struct json_tokener **tokener)
{
    if (*tokener)
        json_tokener_free(*tokener);
}

/* Strict: one value, from the line's first byte to its last. */
static int parse_object(const char *line, size_t size, struct json_object **ret)
{
    _cleanup_(tokener_freep) struct json_tokener *tokener = json_tokener_new();

    if (!tokener)
        return -ENOMEM;
    if (size > INT_MAX)
        return -EBADMSG;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)size);
    if (!object)
        return -EBADMSG;
    *ret = object;
    return 0;
}

/* NULL if there is no such text. */
static const char *text_of(struct json_object *object, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static int take_number(struct json_object *object, const char *key, uint64_t *ret)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
        return -EBADMSG;
    *ret = json_object_get_uint64(value);
    return 0;
}

/* A text of these characters only, of which so many bytes are kept. */
static int take_word(struct json_object *object, const char *key, const char *allowed, size_t max,
                     char *ret)
{
    const char *text = text_of(object, key);

    if (!text || text[strspn(text, allowed)] != '\0')
        return -EBADMSG;
    size_t length = strnlen(text, max);
    memcpy(ret, text, length);
    ret[length] = '\0';
    return 0;
}

/* RFC 3339, in UTC. */
static int take_time(struct json_object *object, time_t *ret)
{
    struct tm tm = {0};
    const char *text = text_of(object, "time");
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

    if (rest && *rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (!rest || strcmp(rest, "Z") != 0)
        return -EBADMSG;
    *ret = timegm(&tm);
    return 0;
}

static int take_message(struct json_object *object, char **ret)
{
    const char *text = text_of(object, "message");

    if (!text)
        return -EBADMSG;
    *ret = utf8_escape(text);
    return *ret ? 0 : -ENOMEM;
}

int history_entry_parse(const char *line, size_t size, struct history_entry *ret)
{
    static const char words[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    static const char digits[] = "0123456789abcdef";
    _cleanup_(json_putp) struct json_object *object = NULL;
    struct history_entry entry = {.line = line, .size = size};

    if (!utf8_is_printable(line, size))
        return -EBADMSG;
    int r = parse_object(line, size, &object);
    if (r >= 0)
        r = take_number(object, "id", &entry.id);
    if (r >= 0)
        r = take_time(object, &entry.time);
    if (r >= 0)
        r = take_word(object, "result", words, HISTORY_WORD_MAX - 1, entry.result);
    if (r >= 0)
        r = take_word(object, "code", words, HISTORY_WORD_MAX - 1, entry.code);
    if (r >= 0)
        r = take_word(object, "sha256", digits, HISTORY_DIGITS, entry.sha256);
    if (r >= 0)
        r = take_number(object, "bytes", &entry.bytes);
    if (r >= 0)
        r = take_number(object, "duration_ms", &entry.duration_ms);
    if (r >= 0)
        r = take_message(object, &entry.message);
    if (r < 0)
        return r;
    *ret = entry;
    return 0;
}

void history_entry_clear(struct history_entry *entry)
{
    free(entry->message);
    entry->message = NULL;
}
