/*
 * What the commands read and print as JSON. Everything that is told of jobs is a JSON object from
 * the moment it leaves the bus, so that programs get just what people get.
 */
#pragma once

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

/* One value, from the first byte to the last; NULL if that is none. */
struct json_object *json_read(const char *text, size_t size);

/* "" or 0 if there is no such text or number; the text is the object's. */
const char *json_text(struct json_object *object, const char *key);
uint64_t json_number(struct json_object *object, const char *key);

/* Replaces what the object has under that key. Returns 0 or -ENOMEM. */
int json_set_text(struct json_object *object, const char *key, const char *value);
int json_set_number(struct json_object *object, const char *key, uint64_t value);

/* The element of an array of objects that has this "id"; NULL if none has. The array's own. */
struct json_object *json_find_id(struct json_object *array, uint64_t id);

/* A line on standard output, which is flushed: whoever reads it may be waiting. */
void json_print(struct json_object *object);

static inline void json_putp(struct json_object **object)
{
    json_object_put(*object);
}
