/* Dictionaries (a{sv}) for messages on the bus. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* Each appends one entry to the dictionary that is open in the message. Returns 0 or -errno. */
int bus_dict_add_string(sd_bus_message *message, const char *key, const char *value);
int bus_dict_add_number(sd_bus_message *message, const char *key, uint64_t value);
int bus_dict_add_boolean(sd_bus_message *message, const char *key, bool value);

/*
 * Appends a whole dictionary: a line of the history, with its keys. Texts are of type s, numbers t,
 * yes or no b. What is no such line is an empty dictionary. Returns 0 or -errno.
 */
int bus_dict_append_entry(sd_bus_message *message, const char *line);
