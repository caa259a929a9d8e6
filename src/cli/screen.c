#include "cli/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    COLUMNS_DEFAULT = 80, /* of a terminal that does not say (a serial console) */
};

struct screen screen_from(bool is_terminal, unsigned columns, const char *term,
                          const char *no_color, const char *charset)
{
    struct screen screen = {.utf8 = charset && strcmp(charset, "UTF-8") == 0};

    if (!is_terminal || !term || !*term || strcmp(term, "dumb") == 0)
        return screen;
    screen.columns = columns > 0 ? columns : COLUMNS_DEFAULT;
    screen.colour = !no_color || !*no_color;
    return screen;
}

struct screen screen_of_stdout(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    struct winsize size = {.ws_col = 0};

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    struct screen screen =
        screen_from(isatty(STDOUT_FILENO), size.ws_col, getenv("TERM"), getenv("NO_COLOR"),
                    locale ? nl_langinfo_l(CODESET, locale) : NULL);
    if (locale)
        freelocale(locale);
    return screen;
}
