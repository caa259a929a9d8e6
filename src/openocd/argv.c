/*
 * Nothing in a path may act on OpenOCD: every word that is not ours goes through the quoting here,
 * and the script too is named in a -c, because OpenOCD wraps the argument of -f in bare braces.
 */
#include "openocd/argv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

DEFINE_CLEANUP(char **, openocd_argv_free)
#define _cleanup_argv_ _cleanup_(openocd_argv_freep)

enum {
    ARGV_MAX = 8, /* the program, three times -c and its command, and the NULL */
};

/* Bytes that stand for themselves wherever they are in a Tcl word. A backslash before a letter or a
 * digit would be an escape sequence; bytes of UTF-8 pass as they are. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-./:,+=@%", c)) || (unsigned char)c >= 0x80;
}

char *openocd_tcl_quote(const char *text)
{
    size_t size = strlen(text);
    char *word = malloc(2 * size + sizeof("{}"));
    char *end = word;

    if (!word)
        return NULL;
    if (size == 0)
        end = stpcpy(end, "{}");
    for (; *text; text++) {
        if (!is_plain(*text))
            *end++ = '\\';
        /* Backslash and newline are a blank in Tcl, even inside quotes. */
        *end++ = (char)(*text == '\n' ? 'n' : *text);
    }
    *end = '\0';
    return word;
}

static char *script_command(const struct openocd_request *request)
{
    _cleanup_free_ char *script = openocd_tcl_quote(request->script);
    char *command = NULL;

    if (!script || asprintf(&command, "script %s", script) < 0)
        return NULL;
    return command;
}

static char *release_command(const struct openocd_request *request)
{
    _cleanup_free_ char *config = openocd_tcl_quote(request->config);
    char *command = NULL;

    if (!config || asprintf(&command, "m4flash_release %s", config) < 0)
        return NULL;
    return command;
}

static char *program_command(const struct openocd_request *request)
{
    _cleanup_free_ char *config = openocd_tcl_quote(request->config);
    _cleanup_free_ char *image_dir = openocd_tcl_quote(request->image_dir);
    char *command = NULL;

    if (!config || !image_dir ||
        asprintf(&command, "%s %s %s 0x%08" PRIx32 " 0x%" PRIx32 " %" PRIu32,
                 request->action == OPENOCD_UPDATE ? "m4flash_update" : "m4flash_program", config,
                 image_dir, request->flash_start, request->sector_size, request->n_sectors) < 0)
        return NULL;
    return command;
}

/* Moves string (NULL: there was no memory) behind the argv's last element. */
static int append(char **argv, char *string)
{
    size_t n = 0;

    if (!string)
        return -ENOMEM;
    while (argv[n])
        n++;
    argv[n] = string;
    return 0;
}

static int append_command(char **argv, char *command)
{
    int r = append(argv, strdup("-c"));

    if (r < 0) {
        free(command);
        return r;
    }
    return append(argv, command);
}

int openocd_argv(const struct openocd_request *request, char ***ret_argv)
{
    _cleanup_argv_ char **argv = calloc(ARGV_MAX, sizeof(char *));
    int r;

    if (!argv)
        return -ENOMEM;
    r = append(argv, strdup(request->program));
    if (r < 0)
        return r;
    r = append_command(argv, strdup("gdb_port disabled; tcl_port disabled; telnet_port disabled"));
    if (r < 0)
        return r;
    r = append_command(argv, script_command(request));
    if (r < 0)
        return r;
    r = append_command(argv, request->action == OPENOCD_RELEASE ? release_command(request)
                                                                : program_command(request));
    if (r < 0)
        return r;
    *ret_argv = TAKE_PTR(argv);
    return 0;
}

char **openocd_argv_free(char **argv)
{
    for (char **p = argv; p && *p; p++)
        free(*p);
    free(argv);
    return NULL;
}
