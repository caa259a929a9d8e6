/*
 * The syntax of our configuration files and board profiles, which is systemd's without its rarer
 * parts: [Section] lines and Key=Value lines, spaces around them and around the first '=' do not
 * count, and empty lines and lines that begin with '#' or ';' are comments.
 *
 * Where readers of INI files disagree, a line is refused instead of guessed at: a comment behind a
 * value (" ;" or " #"), a backslash at the end that would continue the line, "key: value", text
 * behind a section's bracket, lines of more than 199 bytes, and bytes that are not printable UTF-8.
 * Reading ends at a NUL byte. An indented line is a line like any other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/complaint.h"

struct ini_events {
    /*
     * A section's header, also that of a section met before. False if there is no such section
     * (after complaining): its lines are skipped, then.
     */
    bool (*section)(const char *name, unsigned line, void *userdata);

    /* One assignment; section is "" before the first header. Returns 0, or -errno to stop. */
    int (*assignment)(const char *section, const char *key, const char *value, unsigned line,
                      void *userdata);

    /*
     * A line whose meaning is lost, without the blanks around it: one that was refused, or that
     * stands below a header that was. text is NULL for all that is not read behind a NUL byte. May
     * be NULL, for readers who need not know what they have missed.
     */
    void (*lost)(const char *text, size_t size, unsigned line, void *userdata);
};

/*
 * Reads size bytes of text and calls events for what is well-formed; all else is told to
 * complaints, once for each line. Returns 0, or what an event's function returned.
 */
int ini_text_parse(const char *text, size_t size, const struct complaints *complaints,
                   const struct ini_events *events, void *userdata);
