/* How everything that reads configuration tells what is wrong with it, and where. */
#pragma once

#include "util/cleanup.h"

/*
 * Hears of each problem: file and line as a reader counts them (line 0: the file as a whole). The
 * message is one line of printable text that says what is wrong and what would be right.
 */
typedef void (*config_complain_t)(const char *file, unsigned line, const char *message,
                                  void *userdata);

/* Where the complaints about one file go. */
struct complaints {
    const char *file; /* only a name for people */
    config_complain_t complain;
    void *userdata;
};

/* Tells one complaint; what does not fit into a few hundred bytes is cut off. */
void complain_about(const struct complaints *complaints, unsigned line, const char *format, ...)
    _printf_(3, 4);
