/*
 * What the service tells over D-Bus, as JSON: dictionaries with texts as keys (a{sv}) become
 * objects. Of their values, texts, booleans and the numbers u and t are read; members of other
 * types may come with a later version, and are passed over.
 *
 * Each function reads the message's next value. Returns 0 with *ret set; -EBADMSG if that is
 * something else; -ENOMEM or another -errno.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "cli/json_value.h"

/* a{sv}: an entry of the history. */
int bus_json_read_object(sd_bus_message *message, struct json_object **ret);

/* aa{sv}: an array of them. */
int bus_json_read_objects(sd_bus_message *message, struct json_object **ret);

/* a{sv} whose values may also be either of those: all properties. */
int bus_json_read_properties(sd_bus_message *message, struct json_object **ret);
