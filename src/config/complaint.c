/* The one place that formats complaints, so that whoever hears them gets plain text. */
#include "config/complaint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

void complain_about(const struct complaints *complaints, unsigned line, const char *format, ...)
{
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    /* What is quoted may have tabs in it, and may have been cut within a character. */
    utf8_make_printable(message, strlen(message));
    complaints->complain(complaints->file, line, message, complaints->userdata);
}
