/*
 * m4flash rollback: back to the sketch before. Asks the daemon that runs, else starts one for this
 * alone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "build-config.h"
#include "cli/command.h"
#include "io/control_socket.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum {
    ANSWER_MAX = 4096,
};

struct options {
    const char *runtime_dir;
    const char *state_dir; /* NULL: the daemon knows */
    const char *config;    /* the same */
};

/* What the daemon makes of it, it says itself; comes back only if it cannot be started. */
static enum status become_daemon(const struct options *options)
{
    const char *path = secure_getenv("M4FLASHD");
    const char *argv[] = {
        "m4flashd", "--rollback", "--runtime-dir", options->runtime_dir, NULL, NULL, NULL,
        NULL,       NULL};
    size_t n = 4;

    if (options->state_dir) {
        argv[n++] = "--state-dir";
        argv[n++] = options->state_dir;
    }
    if (options->config) {
        argv[n++] = "--config";
        argv[n++] = options->config;
    }
    if (!path || !*path)
        path = M4FLASHD_PATH;
    execv(path, (char **)argv);
    fprintf(stderr, "m4flash: %s: %s\n", path, strerror(errno));
    return STATUS_ERROR;
}

/* "RESULT CODE TEXT", or "error: TEXT" (daemon/control.h). */
static enum status tell(char *answer)
{
    char *end = strchr(answer, '\n'), *rest = answer;

    if (!end) {
        fprintf(stderr, "m4flash: the daemon ended first; its next start goes on with what was "
                        "begun\n");
        return STATUS_ERROR;
    }
    *end = '\0';
    const char *result = strsep(&rest, " ");
    if (strcmp(result, "error:") == 0) {
        fprintf(stderr, "m4flash: %s\n", rest ? rest : "");
        return STATUS_REJECTED;
    }
    strsep(&rest, " ");
    printf("%s\n", rest ? rest : "");
    bool runs = strcmp(result, "programmed") == 0 || strcmp(result, "unchanged") == 0;
    return runs ? STATUS_OK : STATUS_REJECTED;
}

static enum status roll_back(const struct options *options)
{
    static const char request[] = "rollback\n";
    char answer[ANSWER_MAX];

    _cleanup_fd_ int fd = control_socket_connect(options->runtime_dir);
    if (fd == -ENOENT || fd == -ECONNREFUSED)
        return become_daemon(options);
    if (fd < 0) {
        fprintf(stderr, "m4flash: %s/control: %s\n", options->runtime_dir, strerror(-fd));
        return STATUS_ERROR;
    }
    /* If it cannot be sent, no answer comes either. */
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    ssize_t n = fd_read_full(fd, answer, sizeof(answer) - 1);
    answer[n < 0 ? 0 : n] = '\0';
    return tell(answer);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"runtime-dir", required_argument, NULL, 'r'},
        {"state-dir", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.runtime_dir = "/run/m4flash"};
    int option;

    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
        switch (option) {
        case 'r':
            options.runtime_dir = optarg;
            break;
        case 's':
            options.state_dir = optarg;
            break;
        case 'c':
            options.config = optarg;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (optind < argc) {
        fprintf(stderr, "m4flash: there is an argument too many\n");
        return command_usage_error(command);
    }
    return roll_back(&options);
}

const struct command command_rollback = {
    .name = "rollback",
    .arguments = "[--runtime-dir DIR] [--state-dir DIR] [--config FILE]",
    .summary = "Program the sketch that was installed before, and show the outcome.",
    .help = "A second rollback leads forth again. Is a sketch being programmed right now, it\n"
            "ends first; one that waits for its turn gives way. For root.\n\n"
            "Options:\n"
            "      --runtime-dir DIR  where the daemon listens; default: /run/m4flash\n"
            "      --state-dir DIR    the daemon's folder of that name, and\n"
            "      --config FILE      its configuration: if no daemon runs, it is started\n"
            "                         with these, for this rollback alone\n"
            "  -h, --help             this text\n\n"
            "Exit status: 0 it runs; 1 it does not, or there is nothing to go back to; 2 usage or\n"
            "input/output error.\n",
    .run = run,
};
