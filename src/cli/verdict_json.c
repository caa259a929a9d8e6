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

/* As add(), to an array. */
static int append(struct json_object *array, struct json_object *value)
{
    if (value && json_object_array_add(array, value) == 0)
        return 0;
    json_object_put(value);
    return -ENOMEM;
}

static int add_text(struct json_object *object, const char *key, const char *text)
{
    return add(object, key, json_object_new_string(text));
}

static int add_number(struct json_object *object, const char *key, uint64_t number)
{
    return add(object, key, json_object_new_uint64(number));
}

/* The functions below append what an array is to hold of a verdict. */
typedef int (*filler_t)(struct json_object *array, const struct verdict *verdict,
                        const struct board *board);

static int fill_sectors(struct json_object *array, const struct verdict *verdict,
                        const struct board *board)
{
    int r = 0;

    for (uint32_t i = 0; i < board->flash.size / board->sector_size && r >= 0; i++)
        r = append(array, json_object_new_int64(verdict->report.sector_used[i]));
    return r;
}

static int fill_changes(struct json_object *array, const struct verdict *verdict,
                        const struct board *board)
{
    int r = 0;

    if (!*verdict->changes.installed)
        return 0;
    for (uint32_t i = 0; i < board->flash.size / board->sector_size && r >= 0; i++)
        r = append(array, json_object_new_boolean(verdict->changes.sectors[i]));
    return r;
}

static int fill_range(struct json_object *object, const struct board_range *range,
                      const uint32_t bytes[static _SKETCH_USE_MAX])
{
    static const char *const keys[_SKETCH_USE_MAX] = {
        [SKETCH_DATA] = "data", [SKETCH_STACK] = "stack", [SKETCH_HEAP] = "heap",
        [SKETCH_BSS] = "bss",   [SKETCH_FREE] = "free",
    };

    int r = add_text(object, "name", range->name);
    if (r >= 0)
        r = add_number(object, "start", range->start);
    if (r >= 0)
        r = add_number(object, "size", range->size);
    for (size_t use = 0; use < _SKETCH_USE_MAX && r >= 0; use++)
        r = add_number(object, keys[use], bytes[use]);
    return r;
}

static int fill_ram(struct json_object *array, const struct verdict *verdict,
                    const struct board *board)
{
    int r = 0;

    for (size_t i = 0; i < board->n_ram && verdict->report.image_size > 0 && r >= 0; i++) {
        struct json_object *object = json_object_new_object();

        r = append(array, object);
        if (r >= 0)
            r = fill_range(object, &board->ram[i], verdict->map.ram[i]);
    }
    return r;
}

static int fill_symbols(struct json_object *array, const struct verdict *verdict,
                        _unused_ const struct board *board)
{
    int r = 0;

    for (size_t i = 0; i < verdict->map.n_symbols && r >= 0; i++) {
        const struct sketch_symbol *symbol = &verdict->map.symbols[i];
        struct json_object *object = json_object_new_object();

        r = append(array, object);
        if (r >= 0)
            r = add_text(object, "name", symbol->name);
        if (r >= 0)
            r = add_number(object, "address", symbol->address);
        if (r >= 0)
            r = add_number(object, "size", symbol->size);
    }
    return r;
}

static int add_arrays(struct json_object *object, const struct verdict *verdict,
                      const struct board *board)
{
    static const struct {
        const char *key;
        filler_t fill;
    } arrays[] = {
        {"sector_used", fill_sectors},
        {"sector_changes", fill_changes},
        {"ram", fill_ram},
        {"symbols", fill_symbols},
    };
    int r = 0;

    for (size_t i = 0; i < ELEMENTSOF(arrays) && r >= 0; i++) {
        struct json_object *array = json_object_new_array();

        r = add(object, arrays[i].key, array);
        if (r >= 0)
            r = arrays[i].fill(array, verdict, board);
    }
    return r;
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
        {"installed_image_sha256", verdict->changes.installed},
        {"signature", signed_name(&verdict->signature)},
        {"signature_key", verdict->signature.key},
        {"signature_key_file", verdict->signature.key_file},
        {"changes_unknown", verdict->changes.unknown ? verdict->changes.unknown : ""},
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
        r = add_text(object, texts[i].key, texts[i].text);
    for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++)
        r = add_number(object, numbers[i].key, numbers[i].number);
    if (r >= 0)
        r = add_arrays(object, verdict, board);
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
