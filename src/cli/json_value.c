#include "cli/json_value.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

struct json_object *json_read(const char *text, size_t size)
{
    struct json_tokener *tokener = size <= INT_MAX ? json_tokener_new() : NULL;

    if (!tokener)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)size);
    json_tokener_free(tokener);
    return object;
}

const char *json_text(struct json_object *object, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return "";
    return json_object_get_string(value);
}

uint64_t json_number(struct json_object *object, const char *key)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_int))
        return 0;
    return json_object_get_uint64(value);
}

/* Takes value, which may be NULL for want of memory. */
static int set(struct json_object *object, const char *key, struct json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return 0;
    json_object_put(value);
    return -ENOMEM;
}

int json_set_text(struct json_object *object, const char *key, const char *value)
{
    return set(object, key, json_object_new_string(value));
}

int json_set_number(struct json_object *object, const char *key, uint64_t value)
{
    return set(object, key, json_object_new_uint64(value));
}

struct json_object *json_find_id(struct json_object *array, uint64_t id)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        struct json_object *element = json_object_array_get_idx(array, i);
        if (json_number(element, "id") == id)
            return element;
    }
    return NULL;
}

void json_print(struct json_object *object)
{
    const char *line = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                  JSON_C_TO_STRING_NOSLASHESCAPE);

    printf("%s\n", line ? line : "{}");
    fflush(stdout);
}
