/*
 * OpenOCD's output is untrusted in length and content: it is cut into lines here, bounded, and made
 * fit for a journal and a terminal, before anyone looks at it.
 */
#include "openocd/lines.h"

#include <string.h>

#include "util/utf8.h"

static void deliver(struct lines *lines, lines_callback_t callback, void *userdata)
{
    size_t size = lines->used;

    if (size > 0 && !lines->overlong && lines->buffer[size - 1] == '\r')
        size--;
    lines->used = 0;
    lines->overlong = false;
    if (size == 0)
        return;
    utf8_make_printable(lines->buffer, size);
    lines->buffer[size] = '\0';
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
