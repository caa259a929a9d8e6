/* Collects complaints as text, one "LINE: message" a line, for tests to look at. */
#pragma once

#include <stdio.h>
#include <string.h>

struct heard {
    char text[8192];
};

static inline void hear(const char *file, unsigned line, const char *message, void *userdata)
{
    struct heard *heard = userdata;
    size_t used = strlen(heard->text);

    (void)file;
    snprintf(heard->text + used, sizeof(heard->text) - used, "%u: %s\n", line, message);
}

static inline size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}
