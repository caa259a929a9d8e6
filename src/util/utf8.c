/*
 * A hand-made decoder, because the C library's own depends on the process's locale, and a board has
 * none.
 */
#include "util/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

struct lead {
    unsigned char mask, bits; /* the byte's fixed bits, and what they are */
    unsigned char length;
    uint32_t smallest; /* a smaller code point has a shorter form, so this one is forged */
};

static const struct lead leads[] = {
    {0x80, 0x00, 1, 0},
    {0xE0, 0xC0, 2, 0x80},
    {0xF0, 0xE0, 3, 0x800},
    {0xF8, 0xF0, 4, 0x10000},
};

static const struct {
    uint32_t first, last;
} harmful[] = {
    {0x00, 0x1F},         {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200E, 0x200F},
    {0x2028, 0x202E},     {0x2066, 0x2069}, {0xD800, 0xDFFF}, /* surrogates are not characters */
    {0x110000, 0x1FFFFF},
};

/* Length of the well-formed sequence at bytes, 0 if it is none. */
static size_t decode(const unsigned char *bytes, size_t size, uint32_t *ret)
{
    for (size_t i = 0; i < ELEMENTSOF(leads); i++) {
        const struct lead *lead = &leads[i];
        if ((bytes[0] & lead->mask) != lead->bits)
            continue;
        if (size < lead->length)
            return 0;
        uint32_t point = bytes[0] & (unsigned char)~lead->mask;
        for (size_t k = 1; k < lead->length; k++) {
            if ((bytes[k] & 0xC0) != 0x80)
                return 0;
            point = point << 6 | (bytes[k] & 0x3F);
        }
        *ret = point;
        return point >= lead->smallest ? lead->length : 0;
    }
    return 0;
}

size_t utf8_printable(const char *text, size_t size)
{
    uint32_t point = 0;

    size_t length = size > 0 ? decode((const unsigned char *)text, size, &point) : 0;
    for (size_t i = 0; length > 0 && i < ELEMENTSOF(harmful); i++)
        if (point >= harmful[i].first && point <= harmful[i].last)
            return 0;
    return length;
}

bool utf8_is_printable(const char *text, size_t size)
{
    while (size > 0) {
        size_t length = utf8_printable(text, size);
        if (length == 0)
            return false;
        text += length;
        size -= length;
    }
    return true;
}

void utf8_make_printable(char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = utf8_printable(text + i, size - i);

        if (length == 0)
            text[i] = text[i] == '\t' ? ' ' : '?';
        i += length ? length : 1;
    }
}

char *utf8_escape(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = strlen(text);

    if (size > SIZE_MAX / 4 - 1)
        return NULL;
    char *escaped = malloc(size * 4 + 1);
    if (!escaped)
        return NULL;
    char *to = escaped;
    while (size > 0) {
        size_t length = utf8_printable(text, size);
        if (length == 0) {
            unsigned char byte = (unsigned char)*text;
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
            length = 1;
        } else {
            if (*text == '\\')
                *to++ = '\\';
            memcpy(to, text, length);
            to += length;
        }
        text += length;
        size -= length;
    }
    *to = '\0';
    return escaped;
}
