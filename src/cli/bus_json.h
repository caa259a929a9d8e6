/* What a D-Bus message holds, as JSON. */
#pragma once

#include <systemd/sd-bus.h>

#include "cli/json_value.h"

/*
 * Reads the next value of a message, whatever its type: numbers, booleans, texts, arrays, and
 * dictionaries with texts as keys. Returns 1 with *ret set; 0 at the end of message or container;
 * -EBADMSG for any other type, -ENOMEM, or -errno.
 */
int bus_json_read(sd_bus_message *message, struct json_object **ret);
