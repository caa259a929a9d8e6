/* What standard output can show. */
#pragma once

#include <stdbool.h>

struct screen {
    unsigned columns; /* 0: no terminal on which a line can be drawn anew */
    bool colour;
    bool utf8;
};

/*
 * Pure. columns is the terminal's width, 0 if it does not say or if there is none (is_terminal);
 * the rest is of the environment, NULL if it is unset: $TERM, $NO_COLOR (https://no-color.org) and
 * the locale's character set.
 */
struct screen screen_from(bool is_terminal, unsigned columns, const char *term,
                          const char *no_color, const char *charset);

struct screen screen_of_stdout(void);
