/*
 * Build attributes: nested records, each with its own length. A cursor that shrinks from level to
 * level makes it impossible to read past the record that claims too much.
 */
#include "sketch/attributes.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
    FORMAT_VERSION = 'A',

    TAG_FILE = 1, /* scope: the whole file */

    TAG_CPU_RAW_NAME = 4,
    TAG_CPU_NAME = 5,
    TAG_CPU_ARCH = 6,
    TAG_CPU_ARCH_PROFILE = 7,
    TAG_FP_ARCH = 10,
    TAG_ABI_HARDFP_USE = 27,
    TAG_COMPATIBILITY = 32,
};

struct cursor {
    const uint8_t *at;
    size_t left;
};

static void skip(struct cursor *cursor, size_t size)
{
    cursor->at += size;
    cursor->left -= size;
}

/* 32 bits in the file's byte order, which is little endian here. */
static bool take_u32(struct cursor *cursor, uint32_t *ret)
{
    if (cursor->left < 4)
        return false;
    *ret = (uint32_t)cursor->at[0] | (uint32_t)cursor->at[1] << 8 | (uint32_t)cursor->at[2] << 16 |
           (uint32_t)cursor->at[3] << 24;
    skip(cursor, 4);
    return true;
}

/* ULEB128, however much it is padded with zeros, as long as the value fits 32 bits. */
static bool take_number(struct cursor *cursor, uint32_t *ret)
{
    uint64_t value = 0;
    unsigned shift = 0;

    while (cursor->left > 0) {
        uint8_t byte = *cursor->at;
        skip(cursor, 1);
        if ((byte & 0x7f) && shift >= 32)
            return false;
        if (shift < 32)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = (uint32_t)value;
            return value <= UINT32_MAX;
        }
        if (shift < 32)
            shift += 7;
    }
    return false;
}

/* The string's start, or NULL if it does not end within the record. */
static const char *take_string(struct cursor *cursor)
{
    const char *string = (const char *)cursor->at;
    size_t length = strnlen(string, cursor->left);

    if (length == cursor->left)
        return NULL;
    skip(cursor, length + 1);
    return string;
}

/* Above 32, odd tags hold strings and even ones numbers, so that unknown ones can be skipped. */
static bool is_string(uint32_t tag)
{
    return tag == TAG_CPU_RAW_NAME || tag == TAG_CPU_NAME || (tag > TAG_COMPATIBILITY && tag % 2);
}

static void keep(struct attributes *attributes, uint32_t tag, uint32_t value)
{
    switch (tag) {
    case TAG_CPU_ARCH:
        attributes->cpu_arch = value;
        break;
    case TAG_CPU_ARCH_PROFILE:
        attributes->cpu_arch_profile = value;
        break;
    case TAG_FP_ARCH:
        attributes->fp_arch = value;
        break;
    case TAG_ABI_HARDFP_USE:
        attributes->hardfp_use = value;
        break;
    }
}

static bool parse_attributes(struct cursor cursor, struct attributes *attributes)
{
    while (cursor.left > 0) {
        uint32_t tag, value;

        if (!take_number(&cursor, &tag))
            return false;
        if (!is_string(tag)) {
            if (!take_number(&cursor, &value))
                return false;
            keep(attributes, tag, value);
        }
        /* Tag_compatibility is the one attribute that holds a number and a string. */
        if ((is_string(tag) || tag == TAG_COMPATIBILITY) && !take_string(&cursor))
            return false;
    }
    return true;
}

/* One vendor's records: scope, size (which counts both and what follows), attributes. */
static bool parse_scopes(struct cursor cursor, struct attributes *attributes)
{
    while (cursor.left > 0) {
        struct cursor scope = cursor;
        uint32_t tag, size;

        if (!take_number(&scope, &tag) || !take_u32(&scope, &size))
            return false;
        size_t head = cursor.left - scope.left;
        if (size < head || size > cursor.left)
            return false;
        scope.left = size - head;
        if (tag == TAG_FILE && !parse_attributes(scope, attributes))
            return false;
        skip(&cursor, size);
    }
    return true;
}

static bool parse_vendors(struct cursor cursor, struct attributes *attributes)
{
    while (cursor.left > 0) {
        struct cursor vendor = cursor;
        uint32_t size;

        if (!take_u32(&vendor, &size) || size < 4 || size > cursor.left)
            return false;
        vendor.left = size - 4;
        const char *name = take_string(&vendor);
        if (!name)
            return false;
        if (strcmp(name, "aeabi") == 0 && !parse_scopes(vendor, attributes))
            return false;
        skip(&cursor, size);
    }
    return true;
}

int attributes_parse(const uint8_t *bytes, size_t size, struct attributes *ret)
{
    struct cursor cursor = {bytes, size};
    struct attributes attributes = {0};

    if (size > 0 && *bytes == FORMAT_VERSION) {
        skip(&cursor, 1);
        if (!parse_vendors(cursor, &attributes))
            return -EBADMSG;
    }
    *ret = attributes;
    return 0;
}
