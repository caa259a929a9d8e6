/* The history for people: a row an entry, and its message where there is room for that. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/history_entry.h"
#include "util/cleanup.h"

enum {
    COLUMNS = 7,
    CELL_MAX = HISTORY_WORD_MAX, /* the widest cell, with its NUL; all are ASCII */
    ROW_MAX = COLUMNS * CELL_MAX,
    INDENT = 4,       /* of a wrapped message */
    COLUMNS_MIN = 20, /* a narrower terminal is not taken seriously */
};

struct row {
    char cells[COLUMNS][CELL_MAX];
};

static const struct row titles = {{"ID", "TIME", "RESULT", "CODE", "SIZE", "TOOK", "SHA256"}};
static const bool is_number[COLUMNS] = {true, false, false, false, true, true, false};

static void format_time(time_t time, char ret[static CELL_MAX])
{
    struct tm tm;

    if (!localtime_r(&time, &tm) || strftime(ret, CELL_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(ret, CELL_MAX, "?");
}

/* 1023B, 9.8K, 123K: at most five characters up to a million gigabytes. */
static void format_size(uint64_t bytes, char ret[static CELL_MAX])
{
    static const char units[] = "BKMGTPE";
    double size = (double)bytes;
    size_t unit = 0;

    for (; size >= 1024; unit++)
        size /= 1024;
    snprintf(ret, CELL_MAX, "%.*f%c", unit > 0 && size < 9.95 ? 1 : 0, size, units[unit]);
}

static void format_duration(uint64_t msec, char ret[static CELL_MAX])
{
    if (msec < 100 * 1000)
        snprintf(ret, CELL_MAX, "%" PRIu64 ".%" PRIu64 "s", msec / 1000, msec % 1000 / 100);
    else
        snprintf(ret, CELL_MAX, "%" PRIu64 "s", msec / 1000);
}

static struct row row_of(const struct history_entry *entry)
{
    struct row row;

    snprintf(row.cells[0], CELL_MAX, "%" PRIu64, entry->id);
    format_time(entry->time, row.cells[1]);
    snprintf(row.cells[2], CELL_MAX, "%s", entry->result);
    snprintf(row.cells[3], CELL_MAX, "%s", entry->code);
    format_size(entry->bytes, row.cells[4]);
    format_duration(entry->duration_ms, row.cells[5]);
    snprintf(row.cells[6], CELL_MAX, "%s", *entry->sha256 ? entry->sha256 : "-");
    return row;
}

static void widen(size_t widths[static COLUMNS], const struct row *row)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t length = strlen(row->cells[i]);
        if (length > widths[i])
            widths[i] = length;
    }
}

/* The row with all its cells padded. Returns its length. */
static size_t format_row(const size_t widths[static COLUMNS], const struct row *row,
                         char ret[static ROW_MAX])
{
    size_t used = 0;

    for (size_t i = 0; i < COLUMNS; i++) {
        int width = (int)widths[i];
        used += (size_t)snprintf(ret + used, ROW_MAX - used, "%s%*s", i > 0 ? " " : "",
                                 is_number[i] ? width : -width, row->cells[i]);
    }
    return used;
}

/* Bytes of text that fill a line of so many characters, up to a blank if there is one. */
static size_t fit(const char *text, size_t width)
{
    size_t at = 0, blank = 0;

    for (size_t n = 0; text[at] && n < width; n++) {
        if (text[at] == ' ')
            blank = at;
        for (at++; ((unsigned char)text[at] & 0xC0) == 0x80;)
            at++; /* the rest of a UTF-8 character */
    }
    return !text[at] || text[at] == ' ' || blank == 0 ? at : blank;
}

static void print_wrapped(const char *text, size_t width)
{
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t length = fit(text, width);
        printf("%*s%.*s\n", INDENT, "", (int)length, text);
        text += length;
    }
}

/* On a terminal a row must not be broken: what does not fit is the digest's end. */
static void print_row(const size_t widths[static COLUMNS], const struct row *row,
                      const char *message, unsigned columns)
{
    char line[ROW_MAX];
    size_t length = format_row(widths, row, line);

    if (columns == 0) {
        printf("%s %s\n", line, message);
        return;
    }
    if (length > columns)
        length = columns;
    while (line[length - 1] == ' ')
        length--;
    printf("%.*s\n", (int)length, line);
}

void history_print_table(const struct history_entry *entries, size_t n, unsigned columns)
{
    size_t widths[COLUMNS] = {0};

    if (columns > 0 && columns < COLUMNS_MIN)
        columns = COLUMNS_MIN;
    widen(widths, &titles);
    for (size_t i = 0; i < n; i++) {
        struct row row = row_of(&entries[i]);
        widen(widths, &row);
    }
    print_row(widths, &titles, "MESSAGE", columns);
    for (size_t i = 0; i < n; i++) {
        struct row row = row_of(&entries[i]);
        print_row(widths, &row, entries[i].message, columns);
        if (columns > 0)
            print_wrapped(entries[i].message, columns - INDENT);
    }
}
