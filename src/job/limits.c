#include "job/limits.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MSEC = 60 * 1000,
    DAY_MSEC = 24 * 60 * MINUTE_MSEC,
};

/* When the limit lets another one through; not after now, if it does already. */
static int64_t allowed_from(const struct limits_past *past, uint32_t limit, int64_t span_msec,
                            int64_t now_msec)
{
    size_t n = past->n;

    while (n > 0 && past->msec[n - 1] > now_msec)
        n--;
    if (limit == 0 || n < limit)
        return now_msec;
    return past->msec[n - limit] + span_msec;
}

enum limits_span limits_judge(const struct limits *limits, const struct limits_past *past,
                              int64_t now_msec, int64_t *ret_until_msec)
{
    int64_t minute = allowed_from(past, limits->per_minute, MINUTE_MSEC, now_msec);
    int64_t day = allowed_from(past, limits->per_day, DAY_MSEC, now_msec);

    *ret_until_msec = day > minute ? day : minute;
    if (*ret_until_msec <= now_msec)
        return LIMITS_NONE;
    return day > minute ? LIMITS_DAY : LIMITS_MINUTE;
}

/* Keeps those from..to (without to). */
static void cut(struct limits_past *past, size_t from, size_t to)
{
    memmove(past->msec, past->msec + from, (to - from) * sizeof(*past->msec));
    past->n = to - from;
}

void limits_note(struct limits_past *past, int64_t now_msec)
{
    size_t from = 0, to = past->n;

    while (to > 0 && past->msec[to - 1] > now_msec)
        to--;
    while (from < to && past->msec[from] <= now_msec - DAY_MSEC)
        from++;
    if (to - from == LIMITS_MAX)
        from++;
    cut(past, from, to);
    past->msec[past->n++] = now_msec;
}

/* The number that the line is; false if it is none. */
static bool parse_line(const char *line, size_t size, int64_t *ret)
{
    int64_t value = 0;

    for (size_t i = 0; i < size; i++)
        if (line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, line[i] - '0', &value))
            return false;
    *ret = value;
    /* What a span can be added to. */
    return size > 0 && value <= INT64_MAX - DAY_MSEC;
}

static int by_time(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

void limits_parse(const char *text, size_t size, struct limits_past *ret)
{
    ret->n = 0;
    for (const char *end = text + size; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;
        int64_t msec;

        if (parse_line(text, (size_t)(line_end - text), &msec)) {
            if (ret->n == LIMITS_MAX)
                cut(ret, 1, LIMITS_MAX);
            ret->msec[ret->n++] = msec;
        }
        text = line_end + (newline ? 1 : 0);
    }
    qsort(ret->msec, ret->n, sizeof(*ret->msec), by_time);
}

size_t limits_format(const struct limits_past *past, char ret_text[static LIMITS_TEXT_MAX])
{
    size_t used = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < past->n; i++)
        used += (size_t)snprintf(ret_text + used, LIMITS_TEXT_MAX - used, "%" PRId64 "\n",
                                 past->msec[i]);
    return used;
}
