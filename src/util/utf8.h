/*
 * Text from files, file names and other processes before it is shown to people or programs: is it
 * well-formed UTF-8 (Unicode 15, section 3.9, table 3-7), and can it move a terminal's cursor?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Length in bytes (1 to 4) of the character at text if it is well-formed and harmless, else 0.
 * Harmful are control characters (C0, DEL, C1), line and paragraph separators, and the marks that
 * reorder text on the screen. size is how many bytes may be looked at.
 */
size_t utf8_printable(const char *text, size_t size);

/* True if every character of text is one. An empty text is. */
bool utf8_is_printable(const char *text, size_t size);

/* Makes size bytes fit for a terminal: a tab becomes a blank, any other byte that is no part of a
 * printable character a '?'. */
void utf8_make_printable(char *text, size_t size);

/*
 * A fresh copy of text that any terminal and any JSON reader can take: each byte that is no part of
 * a printable character becomes \xNN, and a backslash becomes two. NULL if there is no memory.
 */
char *utf8_escape(const char *text);
