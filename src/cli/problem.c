#include "cli/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void problem_set(struct problem *ret, const char *code, const char *hint, const char *format, ...)
{
    va_list arguments;

    ret->code = code;
    snprintf(ret->hint, sizeof(ret->hint), "%s", hint);
    va_start(arguments, format);
    vsnprintf(ret->message, sizeof(ret->message), format, arguments);
    va_end(arguments);
}

int problem_set_memory(struct problem *ret)
{
    problem_set(ret, "no-memory", "End other programs, then try again.",
                "There is not enough memory.");
    return -ENOMEM;
}
