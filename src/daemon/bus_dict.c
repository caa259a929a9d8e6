#include "daemon/bus_dict.h"

#include <json.h>

#include "util/cleanup.h"

static void json_putp(struct json_object **object)
{
    json_object_put(*object);
}

int bus_dict_add_string(sd_bus_message *message, const char *key, const char *value)
{
    return sd_bus_message_append(message, "{sv}", key, "s", value);
}

int bus_dict_add_number(sd_bus_message *message, const char *key, uint64_t value)
{
    return sd_bus_message_append(message, "{sv}", key, "t", value);
}

int bus_dict_add_boolean(sd_bus_message *message, const char *key, bool value)
{
    return sd_bus_message_append(message, "{sv}", key, "b", (int)value);
}

static int add_value(sd_bus_message *message, const char *key, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        return bus_dict_add_string(message, key, json_object_get_string(value));
    case json_type_int:
        return bus_dict_add_number(message, key, json_object_get_uint64(value));
    case json_type_boolean:
        return bus_dict_add_boolean(message, key, json_object_get_boolean(value));
    default:
        return 0;
    }
}

int bus_dict_append_entry(sd_bus_message *message, const char *line)
{
    _cleanup_(json_putp) struct json_object *object = json_tokener_parse(line);
    int r = sd_bus_message_open_container(message, 'a', "{sv}");

    if (r < 0 || !json_object_is_type(object, json_type_object))
        return r < 0 ? r : sd_bus_message_close_container(message);
    struct json_object_iterator at = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    for (; r >= 0 && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
        r = add_value(message, json_object_iter_peek_name(&at), json_object_iter_peek_value(&at));
    return r < 0 ? r : sd_bus_message_close_container(message);
}
