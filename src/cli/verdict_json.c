/* A verdict for programs: every field is always there, so that nobody has to ask first. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli/verdict.h"
#include "util/cleanup.h"

static void json_putp(struct json_object **object)
{
    json_object_put(*object);
}

/* Takes value, which may be NULL for want of memory. Returns 0 or -ENOMEM. */
static int add(struct json_object *object, const char *key, struct json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return 0;
    json_object_put(value);
    return -ENOMEM;
}

static struct json_object *sectors(const struct sketch_report *report, const struct board *board)
{
    struct json_object *array = json_object_new_array();

    for (uint32_t i = 0; array && i < board->flash.size / board->sector_size; i++) {
        struct json_object *used = json_object_new_int64(report->sector_used[i]);
        if (!used || json_object_array_add(array, used) < 0) {
            json_object_put(used);
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

/* result, and what says why: code and message are also those of a file without a verdict. */
static int print(const struct verdict *verdict, const struct board *board, const char *file,
                 const char *result, const char *code, const char *message)
{
    _cleanup_(json_putp) struct json_object *object = json_object_new_object();
    const struct sketch_report *report = &verdict->report;
    int r = 0;

    if (!object)
        return -ENOMEM;
    struct {
        const char *key, *text;
    } texts[] = {
        {"file", file},
        {"board", board->name},
        {"result", result},
        {"code", code},
        {"message", message},
        {"hint", report->hint},
        {"sha256", verdict->sha256},
        {"image_sha256", verdict->image_sha256},
    };
    struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"bytes", verdict->bytes},
        {"needed_bytes", report->needed_size},
        {"image_bytes", report->image_size},
        {"flash_used", report->flash_used},
        {"flash_size", board->flash.size},
        {"sectors", report->sectors},
        {"sector_size", board->sector_size},
        {"ram_used", report->ram_used},
        {"stack_pointer", report->stack_pointer},
        {"reset_vector", report->reset_vector},
        {"entry_point", report->entry_point},
    };
    for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
        r = add(object, texts[i].key, json_object_new_string(texts[i].text));
    for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++)
        r = add(object, numbers[i].key, json_object_new_uint64(numbers[i].number));
    if (r >= 0)
        r = add(object, "sector_used", sectors(report, board));
    const char *line = r < 0 ? NULL
                             : json_object_to_json_string_ext(
                                   object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!line)
        return -ENOMEM;
    printf("%s\n", line);
    return 0;
}

int verdict_print_json(const struct verdict *verdict, const struct board *board, const char *file)
{
    const struct sketch_report *report = &verdict->report;
    const char *result = report->code == SKETCH_ACCEPTED ? "accepted" : "rejected";

    return print(verdict, board, file, result, sketch_code_name(report->code), report->sentence);
}

int verdict_print_json_error(const struct board *board, const char *file, const char *message)
{
    static const struct verdict none = {0};

    return print(&none, board, file, "error", "", message);
}
