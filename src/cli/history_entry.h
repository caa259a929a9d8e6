/*
 * One line of the history, checked: whoever can write to the state directory, or fails to, must not
 * reach the reader's terminal. Made in history_entry.c, shown by history_print_table().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    HISTORY_WORD_MAX = 32, /* bytes of a result or code with its NUL */
    HISTORY_DIGITS = 12,   /* of a digest: what people compare */
};

struct history_entry {
    const char *line; /* as it was read, size bytes without its end; the text's owner has it */
    size_t size;
    uint64_t id;
    time_t time;
    char result[HISTORY_WORD_MAX];
    char code[HISTORY_WORD_MAX];
    char sha256[HISTORY_DIGITS + 1]; /* the beginning, or "" */
    char *message;                   /* with everything escaped that is not printable */
    uint64_t bytes;
    uint64_t duration_ms;
};

/*
 * Reads a line of size bytes. Returns 0 (the caller clears *ret then); -EBADMSG if this is no entry
 * (not printable, no JSON object, a field missing or not what it should be), or -ENOMEM.
 */
int history_entry_parse(const char *line, size_t size, struct history_entry *ret);
void history_entry_clear(struct history_entry *entry);

/*
 * Prints n entries to standard output for people. columns is the terminal's width: the message is
 * wrapped below its entry then; 0 is no terminal: an entry is one line whatever its length.
 */
void history_print_table(const struct history_entry *entries, size_t n, unsigned columns);
