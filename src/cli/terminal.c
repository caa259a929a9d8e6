#include "cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    COLUMNS_DEFAULT = 80,
};

static unsigned count_columns(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : COLUMNS_DEFAULT;
}

static bool locale_is_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

    if (!locale)
        return false; /* one that is not installed, as on a board without any */
    bool is_utf8 = strcasecmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return is_utf8;
}

static bool wants_colours(void)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

    return term && *term && strcmp(term, "dumb") != 0 && (!no_color || !*no_color);
}

struct terminal terminal_look(void)
{
    unsigned columns = count_columns();

    return (struct terminal){
        .columns = columns,
        .utf8 = locale_is_utf8(),
        .colour = columns > 0 && wants_colours(),
    };
}
