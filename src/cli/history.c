/* m4flash history: what became of the last uploads, whether a daemon runs or not. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/history_entry.h"
#include "config/values.h"
#include "io/history.h"
#include "util/cleanup.h"
#include "util/utf8.h"

enum {
    LINES_DEFAULT = 10,
    COLUMNS_DEFAULT = 80, /* of a terminal that does not say (a serial console) */
};

struct options {
    const char *state_dir;
    uint64_t lines; /* UINT64_MAX: all */
    bool json;
};

struct entries {
    struct history_entry *list;
    size_t n, room;
};

static void entries_done(struct entries *entries)
{
    for (size_t i = 0; i < entries->n; i++)
        history_entry_clear(&entries->list[i]);
    free(entries->list);
}

static int entries_add(struct entries *entries, const char *line, size_t size)
{
    if (entries->n == entries->room) {
        size_t room = entries->room ? entries->room * 2 : 64;
        struct history_entry *list = reallocarray(entries->list, room, sizeof(*list));
        if (!list)
            return -ENOMEM;
        entries->list = list;
        entries->room = room;
    }
    int r = history_entry_parse(line, size, &entries->list[entries->n]);
    entries->n += r >= 0;
    return r;
}

static int parse(const char *text, size_t size, const char *folder, struct entries *entries)
{
    for (unsigned number = 1; size > 0; number++) {
        const char *newline = memchr(text, '\n', size);
        size_t length = newline ? (size_t)(newline - text) : size;
        size_t step = newline ? length + 1 : length;
        int r = entries_add(entries, text, length);
        if (r == -EBADMSG)
            fprintf(stderr, "m4flash: %s/history.jsonl:%u: this line is no entry; it is skipped\n",
                    folder, number);
        else if (r < 0)
            return r;
        text += step;
        size -= step;
    }
    return 0;
}

static int load(const char *state_dir, char **ret, size_t *ret_size)
{
    _cleanup_fd_ int folder = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return folder < 0 ? -errno : history_read(folder, ret, ret_size);
}

/* 0 if standard output is no terminal. */
static unsigned terminal_columns(void)
{
    struct winsize size;

    if (!isatty(STDOUT_FILENO))
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : COLUMNS_DEFAULT;
}

static void print(const struct options *options, const struct entries *entries, const char *folder)
{
    if (entries->n == 0) {
        fprintf(options->json ? stderr : stdout, "There are no uploads yet in %s.\n", folder);
        return;
    }
    size_t n = options->lines < entries->n ? (size_t)options->lines : entries->n;
    const struct history_entry *first = &entries->list[entries->n - n];
    if (!options->json)
        history_print_table(first, n, terminal_columns());
    else
        for (size_t i = 0; i < n; i++)
            printf("%.*s\n", (int)first[i].size, first[i].line);
}

static enum status show(const struct options *options)
{
    _cleanup_free_ char *folder = utf8_escape(options->state_dir), *text = NULL;
    _cleanup_(entries_done) struct entries entries = {.list = NULL};
    size_t size;

    int r = folder ? load(options->state_dir, &text, &size) : -ENOMEM;
    if (r >= 0)
        r = parse(text, size, folder, &entries);
    if (r < 0 && r != -ENOENT) { /* no folder is no history: the daemon makes both */
        fprintf(stderr, "m4flash: the history in %s cannot be read: %s\n",
                folder ? folder : "memory", strerror(-r));
        return STATUS_ERROR;
    }
    print(options, &entries, folder);
    return STATUS_OK;
}

static int parse_lines(const char *text, uint64_t *ret)
{
    if (strcmp(text, "all") != 0)
        return value_parse_size(text, ret);
    *ret = UINT64_MAX;
    return 0;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'},
        {"lines", required_argument, NULL, 'n'},
        {"state-dir", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.state_dir = "/var/lib/m4flash", .lines = LINES_DEFAULT};
    int option;

    while ((option = getopt_long(argc, argv, "jn:h", long_options, NULL)) != -1)
        switch (option) {
        case 'j':
            options.json = true;
            break;
        case 'n':
            if (parse_lines(optarg, &options.lines) >= 0)
                break;
            fprintf(stderr, "m4flash: -n needs a number, or \"all\"\n");
            return command_usage_error(command);
        case 's':
            options.state_dir = optarg;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (argument_none(argc) < 0)
        return command_usage_error(command);
    return show(&options);
}

const struct command command_history = {
    .name = "history",
    .arguments = "[--json] [-n N] [--state-dir DIR]",
    .summary = "Show what became of the last uploads, the newest last.",
    .help = "Works with and without a running daemon. On a terminal a message is wrapped\n"
            "below its upload, else an upload is one line. Times are local.\n\n"
            "Options:\n"
            "  -n, --lines N        the last N uploads, or \"all\"; default: 10\n"
            "  -j, --json           one JSON object a line for each, just as the daemon has\n"
            "                       written it\n"
            "      --state-dir DIR  where the daemon keeps its state; default:\n"
            "                       /var/lib/m4flash\n"
            "  -h, --help           this text\n\n"
            "Columns: the job's number; when it ended; its result and code, as the README\n"
            "explains them; the upload's size; how long it took; the first digits of the\n"
            "upload's SHA-256.\n\n"
            "Exit status: 0 success, also if there are no uploads yet; 2 usage or\n"
            "input/output error. Damaged lines are told on standard error and skipped.\n",
    .run = run,
};
