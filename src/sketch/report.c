/* The texts of a report: bounded, one line, printable whatever a board profile's names hold. */
#include <stdarg.h>
#include <stdio.h>

#include "sketch/rules.h"

static void print_text(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void print_text(char *text, size_t size, const char *format, va_list arguments)
{
    vsnprintf(text, size, format, arguments);
    for (; *text; text++)
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
}

bool report_say(struct sketch_report *report, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_text(report->sentence, sizeof(report->sentence), format, arguments);
    va_end(arguments);
    return true;
}

void report_advise(struct sketch_report *report, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_text(report->hint, sizeof(report->hint), format, arguments);
    va_end(arguments);
}
