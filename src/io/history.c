#include "io/history.h"

#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fd.h"

enum {
    FILE_MAX = 8 * 1024 * 1024, /* bytes; 1,000 lines have a twentieth of it */
};

static const char history_name[] = "history.jsonl";
static const char note_name[] = "last-file";

/* Reads a file of the state directory. A missing one is empty. */
static int read_all(int dirfd, const char *name, char **ret, size_t *ret_size)
{
    _cleanup_fd_ int fd = fd_open_regular(dirfd, name);

    if (fd < 0 && fd != -ENOENT)
        return fd;
    if (fd >= 0)
        return fd_read_file(fd, FILE_MAX, ret, ret_size);
    char *empty = strdup("");
    if (!empty)
        return -ENOMEM;
    *ret = empty;
    *ret_size = 0;
    return 0;
}

/* Where the last n whole lines of text begin. */
static const char *last_lines(const char *text, size_t size, unsigned n)
{
    const char *start = text + size;

    while (start > text) {
        const char *newline = memrchr(text, '\n', (size_t)(start - text) - 1);
        if (n-- == 0)
            break;
        start = newline ? newline + 1 : text;
    }
    return start;
}

/* How much of it is left without a last line that has no end. */
static size_t whole_lines(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] != '\n')
        size--;
    return size;
}

int history_append(int dirfd, const char *line)
{
    _cleanup_free_ char *old = NULL, *fresh = NULL;
    size_t size, line_size = strlen(line);

    int r = read_all(dirfd, history_name, &old, &size);
    if (r < 0)
        return r;
    size = whole_lines(old, size);

    const char *kept = last_lines(old, size, HISTORY_MAX - 1);
    size_t kept_size = (size_t)(old + size - kept);
    fresh = malloc(kept_size + line_size + 1);
    if (!fresh)
        return -ENOMEM;
    memcpy(fresh, kept, kept_size);
    memcpy(fresh + kept_size, line, line_size);
    fresh[kept_size + line_size] = '\n';
    return fd_replace_file(dirfd, history_name, fresh, kept_size + line_size + 1, 0644);
}

/*
 * The next line of *text that is not empty, and *text behind it; NULL at end. A NUL, as some file
 * systems leave them after a power cut, ends a line but not the text.
 */
static char *next_line(char **text, const char *end)
{
    while (*text < end) {
        char *line = *text;
        line[strcspn(line, "\n")] = '\0';
        *text += strlen(line) + 1;
        if (*line)
            return line;
    }
    return NULL;
}

int history_read(int dirfd, char **ret, size_t *ret_size)
{
    return read_all(dirfd, history_name, ret, ret_size);
}

int history_tail(int dirfd, unsigned n, char **ret)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = read_all(dirfd, history_name, &text, &size);
    if (r < 0)
        return r;
    size = whole_lines(text, size);
    text[size] = '\0';
    /* As next_line() has it. */
    for (char *zero; (zero = memchr(text, '\0', size));)
        *zero = '\n';
    const char *tail = last_lines(text, size, n);
    memmove(text, tail, (size_t)(text + size - tail) + 1);
    *ret = TAKE_PTR(text);
    return 0;
}

/* What one line adds to what is being looked for. */
static void look_at(const char *line, const char *key, uint64_t *last_id, bool *known)
{
    struct json_object *object = json_tokener_parse(line), *value;

    if (json_object_is_type(object, json_type_object)) {
        if (json_object_object_get_ex(object, "id", &value)) {
            int64_t id = json_object_get_int64(value);
            if (id > 0 && (uint64_t)id > *last_id)
                *last_id = (uint64_t)id;
        }
        if (*key && json_object_object_get_ex(object, "file", &value))
            *known = *known || (json_object_is_type(value, json_type_string) &&
                                strcmp(json_object_get_string(value), key) == 0);
    }
    json_object_put(object);
}

static int look_at_note(int dirfd, const char *key, bool *known)
{
    _cleanup_free_ char *note = NULL;
    size_t size;

    int r = read_all(dirfd, note_name, &note, &size);
    if (r < 0)
        return r;
    note[strcspn(note, "\n")] = '\0';
    *known = *known || (*key && strcmp(note, key) == 0);
    return 0;
}

int history_look(int dirfd, const struct file_key *key, uint64_t *ret_last_id, bool *ret_known)
{
    _cleanup_free_ char *text = NULL;
    char wanted[FILE_KEY_TEXT_MAX] = "";
    uint64_t last_id = 0;
    bool known = false;
    size_t size;

    if (key)
        file_key_format(key, wanted);
    int r = read_all(dirfd, history_name, &text, &size);
    if (r < 0)
        return r;
    char *rest = text;
    for (char *line; (line = next_line(&rest, text + size));)
        look_at(line, wanted, &last_id, &known);
    r = look_at_note(dirfd, wanted, &known);
    if (r < 0)
        return r;
    *ret_last_id = last_id;
    *ret_known = known;
    return 0;
}

/* The result in one line, if it is this job's. */
static void look_for_result(const char *line, uint64_t id, char *ret)
{
    struct json_object *object = json_tokener_parse(line), *value;

    if (json_object_is_type(object, json_type_object) &&
        json_object_object_get_ex(object, "id", &value) && json_object_get_uint64(value) == id &&
        json_object_object_get_ex(object, "result", &value) &&
        json_object_is_type(value, json_type_string))
        snprintf(ret, HISTORY_RESULT_MAX, "%s", json_object_get_string(value));
    json_object_put(object);
}

int history_result(int dirfd, uint64_t id, char ret[static HISTORY_RESULT_MAX])
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = read_all(dirfd, history_name, &text, &size);
    if (r < 0)
        return r;
    ret[0] = '\0';
    char *rest = text;
    for (char *line; (line = next_line(&rest, text + size));)
        look_for_result(line, id, ret);
    return 0;
}

int history_note_file(int dirfd, const struct file_key *key)
{
    char text[FILE_KEY_TEXT_MAX + 1];

    file_key_format(key, text);
    strcat(text, "\n");
    return fd_replace_file(dirfd, note_name, text, strlen(text), 0600);
}
