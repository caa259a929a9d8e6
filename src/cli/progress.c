#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

enum {
    RUNS_MAX = 5,   /* of which the median is taken: what was long ago was another sketch */
    NEWS_STEP = 10, /* percent */
    BAR_MIN = 10,   /* characters; a shorter bar says nothing */
    BAR_FRAME = 3,  /* its brackets, and the blank behind them */
    FACTS_MIN = 10, /* characters; else there is no room for a bar */
    EIGHTHS = 8,    /* of a character, which UTF-8 has */
    KIB = 1024,
};

/* ---- What is told ------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

uint64_t progress_estimate_ms(struct json_object *entries, const char *sha256)
{
    uint64_t runs[RUNS_MAX];
    size_t n = 0;

    for (size_t i = json_object_array_length(entries); i-- > 0;) {
        struct json_object *entry = json_object_array_get_idx(entries, i);
        if (strcmp(json_text(entry, "result"), "programmed") != 0)
            continue;
        uint64_t duration = json_number(entry, "duration_ms");
        if (*sha256 && strcmp(json_text(entry, "sha256"), sha256) == 0)
            return duration;
        if (n < RUNS_MAX)
            runs[n++] = duration;
    }
    if (n == 0)
        return UINT64_MAX;
    qsort(runs, n, sizeof(runs[0]), compare);
    return runs[n / 2];
}

/* Nobody knows how long the rest of an upload, or its turn, is awaited. */
static bool can_estimate(const char *state)
{
    return strcmp(state, "checking") == 0 || strcmp(state, "programming") == 0;
}

struct json_object *progress_view(struct json_object *job, struct json_object *status,
                                  struct json_object *entries)
{
    _cleanup_(json_putp) struct json_object *view = NULL;
    bool programming = strcmp(json_text(job, "state"), "programming") == 0;
    uint64_t total = progress_estimate_ms(entries, json_text(job, "sha256"));
    uint64_t elapsed = json_number(job, "elapsed_ms");

    if (json_object_deep_copy(job, &view, NULL) < 0)
        return NULL;
    int r = json_set_text(view, "stage", programming ? json_text(status, "stage") : "");
    if (r >= 0)
        r = json_set_number(view, "progress", programming ? json_number(status, "progress") : 0);
    if (r >= 0 && can_estimate(json_text(job, "state")) && total != UINT64_MAX && total > elapsed)
        r = json_set_number(view, "left_ms", total - elapsed);
    return r < 0 ? NULL : TAKE_PTR(view);
}

/* ---- What is read ------------------------------------------------------------------------------
 */

/* A word of the service's, or "": it may come from another machine. */
static void read_word(struct json_object *view, const char *key, char ret[static PROGRESS_WORD_MAX])
{
    const char *text = json_text(view, key);

    if (strspn(text, "abcdefghijklmnopqrstuvwxyz-") != strlen(text))
        text = "";
    snprintf(ret, PROGRESS_WORD_MAX, "%s", text);
}

struct progress progress_read(struct json_object *view)
{
    uint64_t percent = json_number(view, "progress");
    struct progress progress = {
        .id = json_number(view, "id"),
        .percent = percent < 100 ? (unsigned)percent : 100,
        .left_ms = UINT64_MAX,
        .bytes = json_number(view, "bytes"),
        .image_bytes = json_number(view, "image_bytes"),
        .sectors = json_number(view, "sectors"),
        .bytes_done = json_number(view, "bytes_done"),
        .bytes_total = json_number(view, "bytes_total"),
    };

    read_word(view, "state", progress.state);
    read_word(view, "stage", progress.stage);
    if (json_object_object_get_ex(view, "left_ms", NULL))
        progress.left_ms = json_number(view, "left_ms");
    return progress;
}

bool progress_is_news(const struct progress *before, const struct progress *now)
{
    return before->id != now->id || strcmp(before->state, now->state) != 0 ||
           strcmp(before->stage, now->stage) != 0 ||
           before->percent / NEWS_STEP != now->percent / NEWS_STEP;
}

/* ---- What is shown -----------------------------------------------------------------------------
 */

/* Text that grows to the right, as far as there is room. */
struct text {
    char *bytes;
    size_t used, size;
};

static void _printf_(2, 3) add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int n = vsnprintf(text->bytes + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    if (n > 0)
        text->used += (size_t)n < text->size - text->used ? (size_t)n : text->size - text->used - 1;
}

static bool is_written(const struct progress *progress)
{
    return strcmp(progress->stage, "write") == 0 && progress->bytes_total > 0;
}

static void add_size(struct text *text, uint64_t bytes)
{
    if (bytes < 10 * KIB)
        add(text, "%" PRIu64 " bytes", bytes);
    else
        add(text, "%" PRIu64 " KiB", bytes / KIB);
}

/* "write", or what comes before anything is programmed. */
static void add_stage(struct text *text, const struct progress *progress)
{
    if (strcmp(progress->state, "waiting") == 0)
        add(text, "waiting for its turn");
    else
        add(text, "%s", *progress->stage ? progress->stage : progress->state);
}

static void add_sectors(struct text *text, const struct progress *progress)
{
    if (progress->sectors > 0)
        add(text, ", %" PRIu64 " %s", progress->sectors,
            progress->sectors == 1 ? "sector" : "sectors");
}

static void add_left(struct text *text, const struct progress *progress)
{
    if (progress->left_ms != UINT64_MAX)
        add(text, ", about %" PRIu64 " s left", (progress->left_ms + 999) / 1000);
}

/* What follows the bytes that are written, or, before there are any, the stage. */
static void add_rest(struct text *text, const struct progress *progress)
{
    if (!is_written(progress) && progress->image_bytes > 0) {
        add(text, ", ");
        add_size(text, progress->image_bytes);
    }
    add_sectors(text, progress);
    add_left(text, progress);
}

char *progress_format_line(const struct progress *progress, char ret[static PROGRESS_TEXT_MAX])
{
    struct text text = {ret, 0, PROGRESS_TEXT_MAX};

    add(&text, "Job %" PRIu64 ": ", progress->id);
    add_stage(&text, progress);
    if (is_written(progress)) {
        add(&text, ", %u%% of ", progress->percent);
        add_size(&text, progress->bytes_total);
    }
    add_rest(&text, progress);
    return ret;
}

static void add_bar(struct text *text, unsigned percent, unsigned width,
                    const struct screen *screen)
{
    static const char *const parts[EIGHTHS] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned filled = width * EIGHTHS * percent / 100;

    add(text, screen->colour ? "[\033[32m" : "[");
    for (unsigned i = 0; i < width; i++, filled -= filled < EIGHTHS ? filled : EIGHTHS)
        if (!screen->utf8)
            add(text, "%c", filled >= EIGHTHS ? '#' : '.');
        else
            add(text, "%s", filled >= EIGHTHS ? "█" : parts[filled]);
    add(text, screen->colour ? "\033[0m] " : "] ");
}

/* What stands behind the bar. */
static void format_facts(const struct progress *progress, char *ret, size_t size)
{
    struct text text = {ret, 0, size};

    add(&text, "%3u%%", progress->percent);
    if (is_written(progress)) {
        add(&text, ", ");
        if (progress->bytes_total >= 10 * KIB)
            add(&text, "%" PRIu64 "/", progress->bytes_done / KIB);
        else
            add(&text, "%" PRIu64 "/", progress->bytes_done);
        add_size(&text, progress->bytes_total);
    }
    add_rest(&text, progress);
}

/* The same from step to step, whatever stands behind it: a bar must not jump. */
static unsigned bar_width(unsigned columns)
{
    unsigned width = columns / 5;

    return width < BAR_MIN ? BAR_MIN : width > PROGRESS_BAR_MAX ? PROGRESS_BAR_MAX : width;
}

/* Without a bar, cut where a terminal would wrap: at its last column. */
static char *format_short(const struct progress *progress, unsigned columns,
                          char ret[static PROGRESS_TEXT_MAX])
{
    progress_format_line(progress, ret);
    ret[strnlen(ret, columns - 1)] = '\0';
    return ret;
}

char *progress_format_bar(const struct progress *progress, const struct screen *screen,
                          char ret[static PROGRESS_TEXT_MAX])
{
    char facts[PROGRESS_TEXT_MAX / 4];
    struct text text = {ret, 0, PROGRESS_TEXT_MAX};
    unsigned width = bar_width(screen->columns);

    add(&text, "Job %" PRIu64 ": %-8s", progress->id,
        *progress->stage ? progress->stage : "prepare");
    size_t taken = text.used + width + BAR_FRAME;
    if (strcmp(progress->state, "programming") != 0 || taken + FACTS_MIN >= screen->columns)
        return format_short(progress, screen->columns, ret);
    add_bar(&text, progress->percent, width, screen);
    format_facts(progress, facts, sizeof(facts));
    add(&text, "%.*s", (int)(screen->columns - taken - 1), facts);
    return ret;
}
