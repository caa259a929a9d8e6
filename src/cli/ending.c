#include "cli/ending.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

struct json_object *ending_new(const char *result, const char *code, uint64_t id,
                               const char *message, const char *hint)
{
    _cleanup_(json_putp) struct json_object *entry = json_object_new_object();

    if (!entry || json_set_number(entry, "id", id) < 0 ||
        json_set_text(entry, "result", result) < 0 || json_set_text(entry, "code", code) < 0 ||
        json_set_text(entry, "message", message) < 0 || json_set_text(entry, "hint", hint) < 0)
        return NULL;
    return TAKE_PTR(entry);
}

struct json_object *ending_of_problem(const struct problem *problem, uint64_t id)
{
    _cleanup_free_ char *message = utf8_escape(problem->message);

    return message ? ending_new("error", problem->code, id, message, problem->hint) : NULL;
}

struct json_object *ending_of_timeout(uint64_t id, const char *message, const char *hint)
{
    return ending_new("timeout", "no-outcome", id, message, hint);
}

static bool is(struct json_object *entry, const char *result)
{
    return strcmp(json_text(entry, "result"), result) == 0;
}

enum status ending_status(struct json_object *entry, const char *sha256)
{
    if (is(entry, "programmed") || is(entry, "unchanged"))
        return STATUS_OK;
    if (is(entry, "recovered"))
        return *sha256 && strcmp(json_text(entry, "sha256"), sha256) != 0 ? STATUS_REJECTED
                                                                          : STATUS_OK;
    if (is(entry, "rejected") || is(entry, "failed") || is(entry, "superseded") ||
        is(entry, "aborted"))
        return STATUS_REJECTED;
    return is(entry, "timeout") ? STATUS_TIMEOUT : STATUS_ERROR;
}

static const char *word(struct json_object *entry, const char *key)
{
    const char *text = json_text(entry, key);

    if (!*text || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return "unknown";
    return text;
}

char *ending_format_line(struct json_object *entry, char *ret, size_t size)
{
    snprintf(ret, size, "m4flash: %s %s id=%" PRIu64, word(entry, "result"), word(entry, "code"),
             json_number(entry, "id"));
    return ret;
}

static const char *colour_of(struct json_object *entry)
{
    switch (ending_status(entry, "")) {
    case STATUS_OK:
        return strcmp(json_text(entry, "code"), "ok") == 0 ? GREEN : YELLOW;
    case STATUS_REJECTED:
        return is(entry, "rejected") || is(entry, "failed") ? RED : YELLOW;
    default:
        return RED;
    }
}

char *ending_format_text(struct json_object *entry, const char *subject,
                         const struct screen *screen)
{
    _cleanup_free_ char *message = utf8_escape(json_text(entry, "message"));
    _cleanup_free_ char *hint = utf8_escape(json_text(entry, "hint"));
    const char *on = screen->colour ? colour_of(entry) : "", *off = screen->colour ? PLAIN : "";
    bool fault = is(entry, "rejected") || is(entry, "failed");
    char job[32], *text;

    if (!message || !hint)
        return NULL;
    snprintf(job, sizeof(job), "Job %" PRIu64, json_number(entry, "id"));
    int n =
        asprintf(&text, "%s: %s%s%s%s%s: %s\n%s%s%s", subject ? subject : job, on,
                 word(entry, "result"), off, fault ? ": " : "", fault ? word(entry, "code") : "",
                 message, *hint ? "  " : "", hint, *hint ? "\n" : "");
    return n < 0 ? NULL : text;
}
