#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build-config.h"

static const char help[] =
    "Usage: m4flashd [OPTION]...\n"
    "Waits for sketches in an inbox, checks them, and programs them with OpenOCD.\n"
    "\n"
    "      --config FILE          read this configuration file and no other\n"
    "      --inbox DIR            folder to watch (default: /tmp/arduino)\n"
    "      --state-dir DIR        where the history is kept\n"
    "                             (default: $STATE_DIRECTORY, else /var/lib/m4flash)\n"
    "      --runtime-dir DIR      where images are laid out for OpenOCD\n"
    "                             (default: $RUNTIME_DIRECTORY, else /run/m4flash)\n"
    "      --openocd PATH         the program to run (default: /usr/bin/openocd)\n"
    "      --openocd-config FILE  its configuration for the board (default: the board's)\n"
    "      --board NAME|FILE      the board's profile (default: portenta-x8)\n"
    "      --rollback             program the sketch before the installed one, and end\n"
    "      --json                 with --rollback: tell the outcome as a JSON object\n"
    "  -h, --help                 show this and end\n"
    "      --version              show the version and end\n"
    "\n"
    "Options override /etc/m4flash.conf and its drop-ins. Exit status: 0 told to stop,\n"
    "or the sketch before was programmed; 1 could not run or could not program it;\n"
    "2 wrong usage.\n";

enum {
    OPTION_CONFIG = 256,
    OPTION_INBOX,
    OPTION_STATE_DIR,
    OPTION_RUNTIME_DIR,
    OPTION_OPENOCD,
    OPTION_OPENOCD_CONFIG,
    OPTION_BOARD,
    OPTION_ROLLBACK,
    OPTION_JSON,
    OPTION_VERSION,
};

static const struct option table[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"inbox", required_argument, NULL, OPTION_INBOX},
    {"state-dir", required_argument, NULL, OPTION_STATE_DIR},
    {"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
    {"openocd", required_argument, NULL, OPTION_OPENOCD},
    {"openocd-config", required_argument, NULL, OPTION_OPENOCD_CONFIG},
    {"board", required_argument, NULL, OPTION_BOARD},
    {"rollback", no_argument, NULL, OPTION_ROLLBACK},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

void options_clear(struct options *options)
{
    free(options->config);
    free(options->inbox);
    free(options->state_dir);
    free(options->runtime_dir);
    free(options->openocd);
    free(options->openocd_config);
    free(options->board);
    *options = (struct options){.config = NULL};
}

/* Keeps a path that still leads there after a change of folder. */
static int set_path(char **field, const char *value)
{
    _cleanup_free_ char *here = NULL;
    char *path;

    if (value[0] == '/' || value[0] == '\0') {
        path = strdup(value);
    } else {
        here = getcwd(NULL, 0);
        if (!here || asprintf(&path, "%s/%s", here, value) < 0)
            return -errno;
    }
    if (!path)
        return -ENOMEM;
    free(*field);
    *field = path;
    return 0;
}

static int set_board(char **field, const char *value)
{
    if (strchr(value, '/'))
        return set_path(field, value);
    char *name = strdup(value);
    if (!name)
        return -ENOMEM;
    free(*field);
    *field = name;
    return 0;
}

/* Keeps one option's value. An empty one is only meant where it can mean "none". */
static int keep(struct options *options, int option, const char *value)
{
    if (*value == '\0' && option != OPTION_OPENOCD_CONFIG)
        return -EINVAL;
    switch (option) {
    case OPTION_CONFIG:
        return set_path(&options->config, value);
    case OPTION_INBOX:
        return set_path(&options->inbox, value);
    case OPTION_STATE_DIR:
        return set_path(&options->state_dir, value);
    case OPTION_RUNTIME_DIR:
        return set_path(&options->runtime_dir, value);
    case OPTION_OPENOCD:
        return set_path(&options->openocd, value);
    case OPTION_OPENOCD_CONFIG:
        return set_path(&options->openocd_config, value);
    default:
        return set_board(&options->board, value);
    }
}

static int wrong_usage(void)
{
    fputs("Try 'm4flashd --help'.\n", stderr);
    return OPTIONS_WRONG;
}

int options_parse(int argc, char *argv[], struct options *ret)
{
    int option, index = 0;

    *ret = (struct options){.config = NULL};
    while ((option = getopt_long(argc, argv, "h", table, &index)) != -1) {
        switch (option) {
        case OPTION_ROLLBACK:
            ret->rollback = true;
            continue;
        case OPTION_JSON:
            ret->json = true;
            continue;
        case 'h':
            fputs(help, stdout);
            return OPTIONS_DONE;
        case OPTION_VERSION:
            puts("m4flashd " M4FLASH_VERSION);
            return OPTIONS_DONE;
        case '?':
            return wrong_usage();
        }
        int r = keep(ret, option, optarg);
        if (r == -EINVAL) {
            fprintf(stderr, "m4flashd: option '--%s' needs a value\n", table[index].name);
            return wrong_usage();
        }
        if (r < 0)
            return r;
    }
    if (optind < argc) {
        fprintf(stderr, "m4flashd: unexpected argument '%s'\n", argv[optind]);
        return wrong_usage();
    }
    return OPTIONS_RUN;
}
