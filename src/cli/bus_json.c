#include "cli/bus_json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/cleanup.h"

enum {
    DEPTH_MAX = 8, /* of containers within containers; the interface has five */
};

static int read_value(sd_bus_message *message, unsigned depth, struct json_object **ret);

static int read_basic(sd_bus_message *message, char type, struct json_object **ret)
{
    union {
        const char *text;
        uint32_t number;
        uint64_t large;
        int boolean;
    } value;

    if (!strchr("sbut", type))
        return -EBADMSG;
    int r = sd_bus_message_read_basic(message, type, &value);
    if (r < 0)
        return r;
    switch (type) {
    case 's':
        *ret = json_object_new_string(value.text);
        break;
    case 'b':
        *ret = json_object_new_boolean(value.boolean);
        break;
    case 'u':
        *ret = json_object_new_int64(value.number);
        break;
    default:
        *ret = json_object_new_uint64(value.large);
    }
    return *ret ? 1 : -ENOMEM;
}

/* The entries of an array of them are the members of one object. */
static int read_members(sd_bus_message *message, const char *content, unsigned depth,
                        struct json_object *object)
{
    const char *key;
    int r;

    while ((r = sd_bus_message_enter_container(message, 'e', content)) > 0) {
        struct json_object *value = NULL;

        r = sd_bus_message_read_basic(message, 's', &key);
        if (r > 0)
            r = read_value(message, depth, &value);
        if (r > 0 && json_object_object_add(object, key, value) < 0) {
            json_object_put(value);
            r = -ENOMEM;
        }
        if (r > 0)
            r = sd_bus_message_exit_container(message);
        if (r <= 0)
            return r < 0 ? r : -EBADMSG;
    }
    return r;
}

static int read_elements(sd_bus_message *message, unsigned depth, struct json_object *array)
{
    struct json_object *value;
    int r;

    while ((r = read_value(message, depth, &value)) > 0)
        if (json_object_array_add(array, value) < 0) {
            json_object_put(value);
            return -ENOMEM;
        }
    return r;
}

/* "{sv}" without its braces. */
static bool is_entry(const char *contents, char *ret, size_t size)
{
    size_t length = strlen(contents);

    if (contents[0] != '{' || contents[1] != 's' || length - 1 > size)
        return false;
    memcpy(ret, contents + 1, length - 2);
    ret[length - 2] = '\0';
    return true;
}

static int read_array(sd_bus_message *message, const char *contents, unsigned depth,
                      struct json_object **ret)
{
    char entry[16];
    bool is_object = is_entry(contents, entry, sizeof(entry));
    _cleanup_(json_putp) struct json_object *value =
        is_object ? json_object_new_object() : json_object_new_array();

    if (!value)
        return -ENOMEM;
    int r = sd_bus_message_enter_container(message, 'a', contents);
    if (r >= 0)
        r = is_object ? read_members(message, entry, depth, value)
                      : read_elements(message, depth, value);
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(value);
    return 1;
}

static int read_variant(sd_bus_message *message, const char *contents, unsigned depth,
                        struct json_object **ret)
{
    _cleanup_(json_putp) struct json_object *value = NULL;

    int r = sd_bus_message_enter_container(message, 'v', contents);
    if (r > 0)
        r = read_value(message, depth, &value);
    if (r > 0)
        r = sd_bus_message_exit_container(message);
    if (r <= 0)
        return r < 0 ? r : -EBADMSG;
    *ret = TAKE_PTR(value);
    return 1;
}

static int read_value(sd_bus_message *message, unsigned depth, struct json_object **ret)
{
    const char *contents;
    char type;

    int r = sd_bus_message_peek_type(message, &type, &contents);
    if (r <= 0)
        return r;
    if (depth == DEPTH_MAX)
        return -EBADMSG;
    switch (type) {
    case 'a':
        return read_array(message, contents, depth + 1, ret);
    case 'v':
        return read_variant(message, contents, depth + 1, ret);
    default:
        return read_basic(message, type, ret);
    }
}

int bus_json_read(sd_bus_message *message, struct json_object **ret)
{
    return read_value(message, 0, ret);
}
