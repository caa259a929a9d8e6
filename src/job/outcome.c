#include "job/outcome.h"

#include <inttypes.h>
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/utf8.h"

/* units/m4flash.catalog has an entry for each message_id; made with `systemd-id128 new`. */
static const struct {
    const char *name;
    int priority;
    const char *message_id;
} results[_RESULT_MAX] = {
    [RESULT_NONE] = {"running", LOG_INFO, NULL},
    [RESULT_PROGRAMMED] = {"programmed", LOG_NOTICE, "61bc8bdfa50843fabf7e0ed5fb1278fa"},
    [RESULT_UNCHANGED] = {"unchanged", LOG_NOTICE, "ca8a2d68ddbd4d92923347e6a516a1f5"},
    [RESULT_RECOVERED] = {"recovered", LOG_NOTICE, "44dec86e47644f83a1fe03654a84bf5b"},
    [RESULT_REJECTED] = {"rejected", LOG_ERR, "261a4d5799714ead872ae73e13cb0831"},
    [RESULT_FAILED] = {"failed", LOG_ERR, "d284eed4d87d4d2ab5c6a08d372d2356"},
    [RESULT_SUPERSEDED] = {"superseded", LOG_NOTICE, "82c3b59520e742a7b5706bfc70aedf91"},
    [RESULT_ABORTED] = {"aborted", LOG_NOTICE, "fe48cc24c9f44756a985e1f53de6eadd"},
};

const char *result_name(enum result result)
{
    return results[result].name;
}

enum result result_from_name(const char *name)
{
    for (enum result result = RESULT_PROGRAMMED; result < _RESULT_MAX; result++)
        if (strcmp(results[result].name, name) == 0)
            return result;
    return RESULT_NONE;
}

const char *result_message_id(enum result result)
{
    return results[result].message_id;
}

/* What is cut ends with a whole character, and what is not printable is no part of one line. */
static void set_text(char *ret, size_t size, const char *text)
{
    size_t used = 0;

    for (size_t length; *text; text += length) {
        bool printable = (length = utf8_printable(text, strlen(text))) > 0;

        length = printable ? length : 1;
        if (used + length >= size)
            break;
        memcpy(ret + used, printable ? text : "?", length);
        used += length;
    }
    ret[used] = '\0';
}

static struct outcome outcome_of(enum result result, const char *code, const char *sentence,
                                 const char *hint)
{
    struct outcome outcome = {.result = result};

    set_text(outcome.code, sizeof(outcome.code), code);
    set_text(outcome.sentence, sizeof(outcome.sentence), sentence);
    set_text(outcome.hint, sizeof(outcome.hint), hint);
    return outcome;
}

/* The outcome of a job whose sketch runs, if only the board's firmware answers. */
static struct outcome outcome_running(enum result result, const char *sentence, bool healthy)
{
    struct outcome outcome =
        outcome_of(result, healthy ? "ok" : openocd_code_name(OPENOCD_NO_HEALTH), sentence,
                   healthy ? "" : openocd_code_hint(OPENOCD_NO_HEALTH));

    outcome.healthy = healthy;
    return outcome;
}

static struct outcome programmed(const char *what, uint32_t bytes, uint32_t sectors,
                                 uint64_t duration_usec, bool healthy)
{
    char sentence[SKETCH_SENTENCE_MAX];

    snprintf(sentence, sizeof(sentence), "%s%u bytes in %u %s, verified and %s after %.1f s.", what,
             bytes, sectors, sectors == 1 ? "sector" : "sectors",
             healthy ? "running" : "reset, but the board's firmware does not answer",
             (double)duration_usec / 1e6);
    return outcome_running(RESULT_PROGRAMMED, sentence, healthy);
}

struct outcome outcome_unchanged(bool healthy)
{
    return outcome_running(RESULT_UNCHANGED,
                           "The chip holds just this sketch already: checked, and started anew.",
                           healthy);
}

struct outcome outcome_programmed(uint32_t bytes, uint32_t sectors, uint64_t duration_usec,
                                  bool healthy)
{
    return programmed("", bytes, sectors, duration_usec, healthy);
}

struct outcome outcome_rolled_back(uint32_t bytes, uint32_t sectors, uint64_t duration_usec,
                                   bool healthy)
{
    return programmed("Back to the sketch before: ", bytes, sectors, duration_usec, healthy);
}

struct outcome outcome_recovered(bool completed, bool healthy)
{
    return outcome_running(
        RESULT_RECOVERED,
        completed ? "Its programming was interrupted; now it is complete, verified and running."
                  : "A programming was interrupted; the sketch before it was put back and runs.",
        healthy);
}

struct outcome outcome_rejected(enum sketch_code code, const char *sentence, const char *hint)
{
    return outcome_of(RESULT_REJECTED, sketch_code_name(code), sentence, hint);
}

static const char *aftermath(bool restored, bool lost)
{
    if (restored)
        return " The sketch before it was put back and runs.";
    return lost ? " The M4 has no sketch now." : "";
}

struct outcome outcome_failed(enum openocd_code code, const char *detail, bool restored, bool lost)
{
    char sentence[SKETCH_SENTENCE_MAX];

    snprintf(sentence, sizeof(sentence), "%s%s%.120s%s%s", openocd_code_sentence(code),
             *detail ? " (" : "", detail, *detail ? ")" : "", aftermath(restored, lost));
    struct outcome outcome =
        outcome_of(RESULT_FAILED, openocd_code_name(code), sentence, openocd_code_hint(code));
    outcome.restored = restored;
    return outcome;
}

struct outcome outcome_internal(const char *detail)
{
    char sentence[SKETCH_SENTENCE_MAX];

    snprintf(sentence, sizeof(sentence), "The service could not do its part: %s.", detail);
    return outcome_of(RESULT_FAILED, openocd_code_name(OPENOCD_INTERNAL), sentence,
                      "The sketch is not at fault: look at the service's other messages, and "
                      "whether it is installed completely.");
}

struct outcome outcome_interrupted(void)
{
    return outcome_of(
        RESULT_FAILED, "interrupted",
        "Its programming was interrupted again and again, and no earlier sketch could "
        "be put back. The M4 has no sketch now.",
        "Look after the board's power supply, then upload again.");
}

enum {
    LONG_SEC = 120, /* from here on minutes are precise enough, */
    LONG_MIN = 120, /* and hours from here on */
};

/* What is begun counts as whole: nobody is told to come back too early. */
static void format_wait(int64_t seconds, char *ret, size_t size)
{
    int64_t minutes = (seconds + 59) / 60;

    if (seconds <= LONG_SEC)
        snprintf(ret, size, "%" PRId64 " s", seconds);
    else if (minutes <= LONG_MIN)
        snprintf(ret, size, "%" PRId64 " min", minutes);
    else
        snprintf(ret, size, "%" PRId64 " h", (minutes + 59) / 60);
}

struct outcome outcome_rate_limited(enum limits_span span, const struct limits *limits,
                                    int64_t until_msec, int64_t now_msec)
{
    bool minute = span == LIMITS_MINUTE;
    uint32_t n = minute ? limits->per_minute : limits->per_day;
    char sentence[SKETCH_SENTENCE_MAX], hint[SKETCH_HINT_MAX];
    char time[OUTCOME_TIME_MAX], wait[32];

    until_msec = (until_msec + 999) / 1000 * 1000;
    outcome_format_time(until_msec, time);
    format_wait((until_msec - now_msec + 999) / 1000, wait, sizeof(wait));
    snprintf(sentence, sizeof(sentence),
             "The flash was programmed %" PRIu32 " %s in the last %s, and it wears: that is as "
             "often as it may be, until %s, in %s.",
             n, n == 1 ? "time" : "times", minute ? "minute" : "day", time, wait);
    snprintf(hint, sizeof(hint),
             "Upload again then; how often is set by %s= in the section [Limits] of "
             "/etc/m4flash.conf.",
             minute ? "ProgrammingsPerMinute" : "ProgrammingsPerDay");
    return outcome_of(RESULT_FAILED, "rate-limited", sentence, hint);
}

struct outcome outcome_forbidden(const char *hook)
{
    char sentence[SKETCH_SENTENCE_MAX];

    snprintf(sentence, sizeof(sentence), "A hook of this board forbade it: %s.", hook);
    return outcome_of(RESULT_ABORTED, "hook-failed", sentence,
                      "Nothing was touched. The hook's own lines in the journal may say more.");
}

struct outcome outcome_superseded(void)
{
    return outcome_of(RESULT_SUPERSEDED, "superseded",
                      "A newer upload or a rollback took its place before it was programmed.", "");
}

struct outcome outcome_deleted(void)
{
    return outcome_of(RESULT_ABORTED, "deleted",
                      "The file was deleted before it was complete, as an interrupted push does.",
                      "");
}

struct outcome outcome_stopped(void)
{
    return outcome_of(RESULT_ABORTED, "stopped",
                      "The service was stopped before the sketch was programmed.",
                      "Upload it again.");
}

struct outcome outcome_cancelled(void)
{
    return outcome_of(RESULT_ABORTED, "cancelled",
                      "It was cancelled on request before anything was touched.", "");
}

char *outcome_format(const struct outcome *outcome, char *ret, size_t size)
{
    bool fault = outcome->result == RESULT_REJECTED || outcome->result == RESULT_FAILED;

    snprintf(ret, size, "%s: %s%s%s%s%s", result_name(outcome->result), fault ? outcome->code : "",
             fault ? ": " : "", outcome->sentence, *outcome->hint ? " Hint: " : "", outcome->hint);
    return ret;
}

static bool runs(const struct outcome *outcome)
{
    return outcome->result == RESULT_PROGRAMMED || outcome->result == RESULT_UNCHANGED ||
           outcome->result == RESULT_RECOVERED;
}

int outcome_priority(const struct outcome *outcome)
{
    if (runs(outcome) && !outcome->healthy)
        return LOG_WARNING;
    return results[outcome->result].priority;
}

char *outcome_format_time(int64_t msec, char ret[static OUTCOME_TIME_MAX])
{
    time_t seconds = (time_t)(msec / 1000);
    char whole[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(ret, OUTCOME_TIME_MAX, "%s.%03dZ", whole, (int)(msec % 1000));
    return ret;
}

/* Takes the value. Returns false without memory. */
static bool add(struct json_object *object, const char *key, struct json_object *value)
{
    if (value && json_object_object_add(object, key, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

char *outcome_to_json(const struct outcome *outcome, const struct outcome_record *record)
{
    struct json_object *o = json_object_new_object();
    char time[OUTCOME_TIME_MAX], file[FILE_KEY_TEXT_MAX];
    char *line = NULL;

    if (!o)
        return NULL;
    outcome_format_time(record->time_msec, time);
    file_key_format(&record->key, file);
    if (add(o, "id", json_object_new_uint64(record->id)) &&
        add(o, "time", json_object_new_string(time)) &&
        add(o, "result", json_object_new_string(result_name(outcome->result))) &&
        add(o, "code", json_object_new_string(outcome->code)) &&
        add(o, "message", json_object_new_string(outcome->sentence)) &&
        add(o, "hint", json_object_new_string(outcome->hint)) &&
        (!runs(outcome) || add(o, "healthy", json_object_new_boolean(outcome->healthy))) &&
        (outcome->result != RESULT_FAILED ||
         add(o, "restored", json_object_new_boolean(outcome->restored))) &&
        add(o, "sha256", json_object_new_string(record->sha256)) &&
        add(o, "image_sha256", json_object_new_string(record->image_sha256)) &&
        add(o, "bytes", json_object_new_uint64(record->bytes)) &&
        add(o, "duration_ms", json_object_new_uint64(record->duration_usec / 1000)) &&
        add(o, "file", json_object_new_string(file))) {
        const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE);
        line = text ? strdup(text) : NULL;
    }
    json_object_put(o);
    return line;
}
