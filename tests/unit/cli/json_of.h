/* JSON as tests write it: with ' for ". */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_value.h"
#include "util/cleanup.h"

static inline _unused_ struct json_object *json_of(const char *text)
{
    _cleanup_free_ char *quoted = strdup(text);

    assert_non_null(quoted);
    for (char *at = quoted; (at = strchr(at, '\''));)
        *at = '"';
    struct json_object *object = json_read(quoted, strlen(quoted));
    if (!object)
        fail_msg("no JSON: %s", text);
    return object;
}
