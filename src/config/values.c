/*
 * strtoull() takes signs, spaces, octal numbers and the locale's digits; an address or a limit must
 * not be read in a way its writer did not mean, so numbers are read by hand.
 */
#include "config/values.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "util/cleanup.h"

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return INT_MAX;
}

/* Reads digits up to the first other character, of which there must be one at least. */
static int take_number(const char **text, int base, uint64_t *ret)
{
    const char *at = *text;
    uint64_t value = 0;

    for (; digit_value(*at) < base; at++)
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_value(*at), &value))
            return -EINVAL;
    if (at == *text)
        return -EINVAL;
    *text = at;
    *ret = value;
    return 0;
}

int value_parse_size(const char *text, uint64_t *ret)
{
    static const char suffixes[] = "KMG";
    uint64_t value;

    bool hexadecimal = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
    if (hexadecimal)
        text += 2;
    int r = take_number(&text, hexadecimal ? 16 : 10, &value);
    if (r < 0)
        return r;
    const char *suffix = *text && !hexadecimal ? strchr(suffixes, *text) : NULL;
    if (suffix) {
        uint64_t unit = (uint64_t)1 << (10 * (suffix - suffixes + 1));
        if (__builtin_mul_overflow(value, unit, &value))
            return -EINVAL;
        text++;
    }
    if (*text)
        return -EINVAL;
    *ret = value;
    return 0;
}

int value_parse_u32(const char *text, uint32_t *ret)
{
    uint64_t value;

    int r = value_parse_size(text, &value);
    if (r < 0)
        return r;
    if (value > UINT32_MAX)
        return -EINVAL;
    *ret = (uint32_t)value;
    return 0;
}

static const struct {
    const char *name;
    uint64_t usec;
} time_units[] = {
    {"", 1000000},    {"us", 1},       {"ms", 1000},      {"s", 1000000},
    {"sec", 1000000}, {"m", 60000000}, {"min", 60000000}, {"h", 3600000000},
};

static int take_time_unit(const char **text, uint64_t *ret_usec)
{
    size_t length = strcspn(*text, " 0123456789");

    if (length == 0 && **text)
        return -EINVAL; /* "2 30": of the units only the last could be meant, if any */
    for (size_t i = 0; i < ELEMENTSOF(time_units); i++)
        if (strlen(time_units[i].name) == length &&
            strncmp(*text, time_units[i].name, length) == 0) {
            *text += length;
            *ret_usec = time_units[i].usec;
            return 0;
        }
    return -EINVAL;
}

int value_parse_time(const char *text, uint64_t *ret_usec)
{
    uint64_t sum = 0, number, unit;

    do {
        int r = take_number(&text, 10, &number);
        if (r < 0)
            return r;
        text += strspn(text, " ");
        r = take_time_unit(&text, &unit);
        if (r < 0)
            return r;
        if (__builtin_mul_overflow(number, unit, &number) ||
            __builtin_add_overflow(sum, number, &sum))
            return -EINVAL;
        text += strspn(text, " ");
    } while (*text);
    *ret_usec = sum;
    return 0;
}

bool value_is_path(const char *text)
{
    return text[0] == '/';
}

bool value_is_file_name(const char *text)
{
    return *text && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 && !strchr(text, '/') &&
           strlen(text) <= NAME_MAX;
}

bool value_is_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";

    return value_is_file_name(text) && text[0] != '.' && text[strspn(text, allowed)] == '\0';
}
