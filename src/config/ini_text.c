/*
 * inih splits the lines, but what it does with an odd one depends on how it was built: it may cut
 * off a comment behind a value, join an indented line to the one before, take ':' for '=', or cut a
 * long line in two. So our reader, which also counts the lines, shows it only lines that every inih
 * takes alike, and an empty line in place of every other.
 */
#include "config/ini_text.h"

#include <errno.h>
#include <ini.h>
#include <stdint.h>
#include <string.h>

#include "util/utf8.h"

/* Both fit into the 50 bytes (with the NUL) to which inih cuts off sections and keys. */
enum { NAME_MAX_LENGTH = 49 };

struct slice {
    const char *at;
    size_t size;
};

struct reader {
    struct slice rest;
    unsigned line;
    bool skipping; /* below a header that was refused */
    int error;     /* from an event: no more is read */
    const struct complaints *complaints;
    const struct ini_events *events;
    void *userdata;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_key_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static struct slice strip(struct slice s)
{
    while (s.size > 0 && is_blank(s.at[0])) {
        s.at++;
        s.size--;
    }
    while (s.size > 0 && (is_blank(s.at[s.size - 1]) || s.at[s.size - 1] == '\r'))
        s.size--;
    return s;
}

/* Takes the next line off text, without its newline. */
static struct slice next_line(struct slice *text)
{
    const char *newline = memchr(text->at, '\n', text->size);
    size_t size = newline ? (size_t)(newline - text->at) : text->size;
    struct slice line = {text->at, size};

    size_t taken = newline ? size + 1 : size;
    text->at += taken;
    text->size -= taken;
    return line;
}

/* Tabs may stand between words; any other control character is refused. */
static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.size;) {
        size_t length = s.at[i] == '\t' ? 1 : utf8_printable(s.at + i, s.size - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

static bool has_trailing_comment(struct slice s)
{
    for (size_t i = 1; i < s.size; i++)
        if ((s.at[i] == ';' || s.at[i] == '#') && is_blank(s.at[i - 1]))
            return true;
    return false;
}

/* What is wrong with a header's or an assignment's form; NULL if nothing. */
static const char *judge_header(struct slice s)
{
    const char *end = memchr(s.at, ']', s.size);

    if (!end)
        return "this section has no closing bracket; write [Section]";
    if (end != s.at + s.size - 1)
        return "there is something behind this section's bracket; write [Section] on its own";
    if (s.size - 2 > NAME_MAX_LENGTH)
        return "this section's name is longer than 49 bytes";
    return NULL;
}

static const char *judge_assignment(struct slice s)
{
    size_t key = 0;

    while (key < s.size && is_key_character(s.at[key]))
        key++;
    size_t equals = key;
    while (equals < s.size && is_blank(s.at[equals]))
        equals++;
    if (key == 0 || equals == s.size || s.at[equals] != '=')
        return "this is no [Section], no Key=Value and no comment";
    if (key > NAME_MAX_LENGTH)
        return "this key is longer than 49 bytes";
    return NULL;
}

static const char *judge(struct slice s, size_t room)
{
    if (s.size >= room)
        return "this line is too long";
    if (!is_text(s))
        return "this line has bytes that are no printable UTF-8 text";
    if (s.at[s.size - 1] == '\\')
        return "a backslash does not continue a line here; write it on one line";
    if (has_trailing_comment(s))
        return "a comment cannot follow a value; give it a line of its own";
    return s.at[0] == '[' ? judge_header(s) : judge_assignment(s);
}

static bool lose(const struct reader *reader, const char *text, size_t size)
{
    if (reader->events->lost)
        reader->events->lost(text, size, reader->line, reader->userdata);
    return false;
}

/* True if inih may see the line, which is neither empty nor a comment. */
static bool pass(struct reader *reader, struct slice s, size_t room)
{
    char name[NAME_MAX_LENGTH + 1];

    bool header = s.at[0] == '[';
    if (!header && reader->skipping)
        return lose(reader, s.at, s.size);
    const char *wrong = judge(s, room);
    if (wrong)
        complain_about(reader->complaints, reader->line, "%s", wrong);
    if (header)
        reader->skipping = true;
    if (wrong)
        return lose(reader, s.at, s.size);
    if (!header)
        return true;
    memcpy(name, s.at + 1, s.size - 2);
    name[s.size - 2] = '\0';
    reader->skipping = !reader->events->section(name, reader->line, reader->userdata);
    return !reader->skipping;
}

/* inih's fgets(): one physical line at a time, so that it and we count alike. */
static char *read_line(char *buffer, int room, void *stream)
{
    struct reader *reader = stream;

    if (reader->rest.size == 0 || reader->error < 0 || room < 1)
        return NULL;
    reader->line++;
    struct slice s = strip(next_line(&reader->rest));
    if (memchr(s.at, '\0', s.size)) {
        complain_about(reader->complaints, reader->line,
                       "there is a NUL byte, so this is no text; the rest is not read");
        lose(reader, NULL, 0);
        return NULL;
    }
    bool comment = s.size == 0 || s.at[0] == '#' || s.at[0] == ';';
    if (comment || !pass(reader, s, (size_t)room))
        s.size = 0;
    memcpy(buffer, s.at, s.size);
    buffer[s.size] = '\0';
    return buffer;
}

static int handle(void *userdata, const char *section, const char *key, const char *value)
{
    struct reader *reader = userdata;

    /* Some builds of inih also announce sections; ours come from the reader. */
    if (key && value && reader->error >= 0)
        reader->error =
            reader->events->assignment(section, key, value, reader->line, reader->userdata);
    return 1;
}

/* inih hands its one context to handler and stream alike. */
int ini_text_parse(const char *text, size_t size, const struct complaints *complaints,
                   const struct ini_events *events, void *userdata)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some editors' UTF-8 byte order mark */
    struct reader reader = {
        .rest = {text, size},
        .complaints = complaints,
        .events = events,
        .userdata = userdata,
    };

    if (size >= 3 && memcmp(text, mark, 3) == 0)
        reader.rest = (struct slice){text + 3, size - 3};
    if (ini_parse_stream(read_line, &reader, handle, &reader) < 0)
        return -ENOMEM;
    return reader.error;
}
