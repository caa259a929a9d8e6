/* What standard output can show. */
#pragma once

#include <stdbool.h>

struct terminal {
    unsigned columns; /* 0: it is no terminal */
    bool utf8;        /* the locale's characters are UTF-8, on a terminal or not */
    bool colour;      /* a terminal that has colours, and nobody who minds (NO_COLOR) */
};

/*
 * Asks the terminal, and the environment: TERM, NO_COLOR (no-color.org) and the locale, which is
 * looked at but not set. A terminal that does not say its width (a serial console) has 80 columns.
 */
struct terminal terminal_look(void);
