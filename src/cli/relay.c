#include "cli/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

#define STATUS_MARK  "m4flash-status: "
#define NO_COPY_MARK "m4flash-status: no copy"

static enum relay_kind read_mark(const char *line, size_t size, unsigned *ret_status)
{
    size_t at = strlen(STATUS_MARK);
    unsigned status = 0;

    if (size == strlen(NO_COPY_MARK) && memcmp(line, NO_COPY_MARK, size) == 0)
        return RELAY_NO_COPY;
    if (size <= at || size > at + 3 || memcmp(line, STATUS_MARK, at) != 0)
        return RELAY_OTHER;
    for (; at < size; at++) {
        if (line[at] < '0' || line[at] > '9')
            return RELAY_OTHER;
        status = status * 10 + (unsigned)(line[at] - '0');
    }
    *ret_status = status;
    return RELAY_STATUS;
}

enum relay_kind relay_read(const char *line, size_t size, struct json_object **ret,
                           unsigned *ret_status)
{
    *ret = NULL;
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        size--;
    if (size == 0 || *line != '{')
        return read_mark(line, size, ret_status);
    _cleanup_(json_putp) struct json_object *object = json_read(line, size);
    if (!json_object_is_type(object, json_type_object))
        return RELAY_OTHER;
    enum relay_kind kind = *json_text(object, "result") ? RELAY_ENDING : RELAY_PROGRESS;
    *ret = TAKE_PTR(object);
    return kind;
}

char *relay_script(const char sha256[static SKETCH_DIGEST_HEX], uint64_t timeout_usec,
                   const char *copies_to, char ret[static RELAY_SCRIPT_MAX])
{
    char timeout[32] = "infinity";

    if (timeout_usec != UINT64_MAX)
        snprintf(timeout, sizeof(timeout), "%" PRIu64 "ms", (timeout_usec + 999) / 1000);
    snprintf(ret, RELAY_SCRIPT_MAX,
             "%s%s%sm4flash wait --follow --json --timeout %s --sha256 %s; "
             "echo \"" STATUS_MARK "$?\"%s",
             copies_to ? "if cat >" : "", copies_to ? copies_to : "", copies_to ? "; then " : "",
             timeout, sha256, copies_to ? "; else echo \"" NO_COPY_MARK "\"; fi" : "");
    return ret;
}
