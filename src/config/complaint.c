/* The one place that formats complaints, so that whoever hears them gets plain text. */
#include "config/complaint.h"

#include <stdarg.h>
#include <stdio.h>

void complain_about(const struct complaints *complaints, unsigned line, const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    complaints->complain(complaints->file, line, message, complaints->userdata);
}
