#include "cli/bus_json.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"

#define OBJECT  "a{sv}"
#define OBJECTS "aa{sv}"

/* Reads the value in a variant of this content. *ret stays NULL for what is passed over. */
typedef int (*read_value_t)(sd_bus_message *message, const char *contents,
                            struct json_object **ret);

static int make(struct json_object *value, struct json_object **ret)
{
    *ret = value;
    return value ? 0 : -ENOMEM;
}

static int read_basic(sd_bus_message *message, const char *contents, struct json_object **ret)
{
    union {
        const char *text;
        uint32_t number;
        uint64_t large;
        int boolean;
    } value;

    if (strlen(contents) != 1 || !strchr("sbut", *contents))
        return sd_bus_message_skip(message, contents);
    int r = sd_bus_message_read_basic(message, *contents, &value);
    if (r < 0)
        return r;
    switch (*contents) {
    case 's':
        return make(json_object_new_string(value.text), ret);
    case 'b':
        return make(json_object_new_boolean(value.boolean), ret);
    case 'u':
        return make(json_object_new_int64(value.number), ret);
    default:
        return make(json_object_new_uint64(value.large), ret);
    }
}

/* A key and its variant, within the entry of a dictionary. */
static int read_member(sd_bus_message *message, read_value_t read_value, struct json_object *object)
{
    _cleanup_(json_putp) struct json_object *value = NULL;
    const char *key, *contents;
    char type;

    int r = sd_bus_message_read_basic(message, 's', &key);
    if (r >= 0)
        r = sd_bus_message_peek_type(message, &type, &contents);
    if (r >= 0)
        r = sd_bus_message_enter_container(message, 'v', contents);
    if (r >= 0)
        r = read_value(message, contents, &value);
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    if (r < 0 || !value)
        return r;
    if (json_object_object_add(object, key, value) < 0)
        return -ENOMEM;
    value = NULL; /* the object's now */
    return 0;
}

/* At the end of the message there is nothing to enter. */
static int enter(sd_bus_message *message, char type, const char *contents)
{
    int r = sd_bus_message_enter_container(message, type, contents);

    if (r == -ENXIO || r == 0)
        return -EBADMSG;
    return r;
}

static int read_members(sd_bus_message *message, read_value_t read_value, struct json_object **ret)
{
    _cleanup_(json_putp) struct json_object *object = json_object_new_object();

    if (!object)
        return -ENOMEM;
    int r = enter(message, 'a', "{sv}");
    if (r < 0)
        return r;
    while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
        r = read_member(message, read_value, object);
        if (r >= 0)
            r = sd_bus_message_exit_container(message);
        if (r < 0)
            return r;
    }
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(object);
    return 0;
}

int bus_json_read_object(sd_bus_message *message, struct json_object **ret)
{
    return read_members(message, read_basic, ret);
}

int bus_json_read_objects(sd_bus_message *message, struct json_object **ret)
{
    _cleanup_(json_putp) struct json_object *array = json_object_new_array();
    struct json_object *object;

    if (!array)
        return -ENOMEM;
    int r = enter(message, 'a', OBJECT);
    while (r >= 0 && (r = sd_bus_message_at_end(message, 0)) == 0) {
        r = bus_json_read_object(message, &object);
        if (r >= 0 && json_object_array_add(array, object) < 0) {
            json_object_put(object);
            r = -ENOMEM;
        }
    }
    if (r >= 0)
        r = sd_bus_message_exit_container(message);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(array);
    return 0;
}

static int read_property(sd_bus_message *message, const char *contents, struct json_object **ret)
{
    if (strcmp(contents, OBJECT) == 0)
        return bus_json_read_object(message, ret);
    if (strcmp(contents, OBJECTS) == 0)
        return bus_json_read_objects(message, ret);
    return read_basic(message, contents, ret);
}

int bus_json_read_properties(sd_bus_message *message, struct json_object **ret)
{
    return read_members(message, read_property, ret);
}
