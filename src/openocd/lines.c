/*
 * OpenOCD's output is untrusted in length and content: it is cut into lines here, bounded, and made
 * fit for a journal and a terminal, before anyone looks at it.
 */
#include "openocd/lines.h"

#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 sequence at s, of size bytes (RFC 3629: shortest form, no surrogates, up
 * to U+10FFFF); 0 if it is none or a control character. */
static size_t printable_length(const unsigned char *s, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t code;

    if (length == 1)
        return s[0] >= 0x20 && s[0] != 0x7f;
    if (length == 0 || length > size || s[0] > 0xf4)
        return 0;
    code = s[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fU);
    }
    if (code < least[length] || code < 0xa0 || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
        return 0;
    return length;
}

static void make_printable(char *line, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = printable_length((const unsigned char *)line + i, size - i);

        if (length == 0)
            line[i] = line[i] == '\t' ? ' ' : '?';
        i += length ? length : 1;
    }
    line[size] = '\0';
}

static void deliver(struct lines *lines, lines_callback_t callback, void *userdata)
{
    size_t size = lines->used;

    if (size > 0 && !lines->overlong && lines->buffer[size - 1] == '\r')
        size--;
    lines->used = 0;
    lines->overlong = false;
    if (size == 0)
        return;
    make_printable(lines->buffer, size);
    callback(lines->buffer, userdata);
}

/* Keeps of a line what there is room for. */
static void collect(struct lines *lines, const char *bytes, size_t size)
{
    size_t room = sizeof(lines->buffer) - 1 - lines->used;

    if (size > room) {
        lines->overlong = true;
        size = room;
    }
    memcpy(lines->buffer + lines->used, bytes, size);
    lines->used += size;
}

void lines_feed(struct lines *lines, const char *bytes, size_t size, lines_callback_t callback,
                void *userdata)
{
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t length = end ? (size_t)(end - bytes) : size;

        collect(lines, bytes, length);
        if (!end)
            return;
        deliver(lines, callback, userdata);
        bytes += length + 1;
        size -= length + 1;
    }
}

void lines_finish(struct lines *lines, lines_callback_t callback, void *userdata)
{
    deliver(lines, callback, userdata);
}
