/*
 * How often the flash may be programmed: it wears, and whoever can upload could wear it out. Pure:
 * from the times of earlier programmings and the time now to whether there may be another.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    LIMITS_MAX = 1000, /* programmings that are remembered, and so the largest limit */
    LIMITS_TEXT_MAX = LIMITS_MAX * 21 + 1, /* bytes of their text: 64-bit numbers, a NUL */
};

struct limits {
    uint32_t per_minute, per_day; /* at most LIMITS_MAX; 0: no limit */
};

/* When the flash was programmed: milliseconds since the epoch, ascending. */
struct limits_past {
    size_t n;
    int64_t msec[LIMITS_MAX];
};

enum limits_span {
    LIMITS_NONE, /* another programming is allowed */
    LIMITS_MINUTE,
    LIMITS_DAY,
};

/*
 * Which limit forbids another programming now; of two the one that does so longer, with *ret_until
 * the time from which on it does not. Times after now are of a clock that has been set back since:
 * they count for nothing, or nobody knew when that would end.
 */
enum limits_span limits_judge(const struct limits *limits, const struct limits_past *past,
                              int64_t now_msec, int64_t *ret_until_msec);

/* Notes a programming, and forgets what is older than a day or later than now. */
void limits_note(struct limits_past *past, int64_t now_msec);

/*
 * As the state directory keeps them, one a line. Text that is none of ours is passed over; of more
 * than LIMITS_MAX times the latest are kept. limits_format() returns the text's length.
 */
void limits_parse(const char *text, size_t size, struct limits_past *ret);
size_t limits_format(const struct limits_past *past, char ret_text[static LIMITS_TEXT_MAX]);
