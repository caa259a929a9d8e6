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
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/output.h"
#include "io/control_socket.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum {
    ANSWER_MAX = 8192,
};

struct options {
    const char *runtime_dir;
    const char *state_dir; /* NULL: the daemon knows */
    const char *config;    /* the same */
    bool json;
};

/* What the daemon makes of it, it says itself; comes back only if it cannot be started. */
static enum status become_daemon(const struct options *options, struct output *output)
{
    const char *path = secure_getenv("M4FLASHD");
    const char *argv[] = {
        "m4flashd", "--rollback", "--runtime-dir", options->runtime_dir, NULL, NULL, NULL, NULL,
        NULL,       NULL};
    struct problem problem;
    size_t n = 4;

    if (options->state_dir) {
        argv[n++] = "--state-dir";
        argv[n++] = options->state_dir;
    }
    if (options->config) {
        argv[n++] = "--config";
        argv[n++] = options->config;
    }
    if (options->json)
        argv[n++] = "--json";
    if (!path || !*path)
        path = M4FLASHD_PATH;
    execv(path, (char **)argv);
    problem_set(&problem, "no-program", "Install m4flashd, or start its service.",
                "%s cannot be started: %s.", path, strerror(errno));
    return output_problem(output, &problem, 0);
}

/* A line of the history, or "error: TEXT" (daemon/control.h). */
static enum status tell(const char *answer, struct output *output)
{
    static const char error[] = "error: ";
    const char *end = strchr(answer, '\n');
    struct problem problem;

    _cleanup_(json_putp) struct json_object *entry =
        end ? json_read(answer, (size_t)(end - answer)) : NULL;
    if (json_object_is_type(entry, json_type_object))
        return output_end(output, entry, NULL, "");
    if (end && strncmp(answer, error, strlen(error)) == 0) {
        problem_set(&problem, "refused", "", "%.*s", (int)(end - answer - strlen(error)),
                    answer + strlen(error));
        output_problem(output, &problem, 0);
        return STATUS_REJECTED;
    }
    problem_set(&problem, "interrupted", "Look at 'm4flash history' later.",
                "The service ended first; its next start goes on with what was begun.");
    return output_problem(output, &problem, 0);
}

static enum status cannot_ask(const struct options *options, int error, struct output *output)
{
    bool forbidden = error == -EACCES || error == -EPERM;
    struct problem problem;

    problem_set(&problem, forbidden ? "not-permitted" : "no-service",
                forbidden ? "This is for root: try again with sudo." : "", "%s/control: %s",
                options->runtime_dir, strerror(-error));
    return output_problem(output, &problem, 0);
}

static enum status roll_back(const struct options *options)
{
    static const char request[] = "rollback\n";
    struct output output = output_new(options->json);
    char answer[ANSWER_MAX];

    _cleanup_fd_ int fd = control_socket_connect(options->runtime_dir);
    if (fd == -ENOENT || fd == -ECONNREFUSED)
        return become_daemon(options, &output);
    if (fd < 0)
        return cannot_ask(options, fd, &output);
    /* If it cannot be sent, no answer comes either. */
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    ssize_t n = fd_read_full(fd, answer, sizeof(answer) - 1);
    answer[n < 0 ? 0 : n] = '\0';
    return tell(answer, &output);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"runtime-dir", required_argument, NULL, 'r'},
        {"state-dir", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.runtime_dir = "/run/m4flash"};
    int option;

    while ((option = getopt_long(argc, argv, "jh", long_options, NULL)) != -1)
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
        case 'j':
            options.json = true;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (argument_none(argc) < 0)
        return command_usage_error(command);
    return roll_back(&options);
}

const struct command command_rollback = {
    .name = "rollback",
    .arguments = "[--json] [--runtime-dir DIR] [--state-dir DIR] [--config FILE]",
    .summary = "Program the sketch that was installed before, and show the outcome.",
    .help = "A second rollback leads forth again. Is a sketch being programmed right now, it\n"
            "ends first; one that waits for its turn gives way. For root.\n\n"
            "Options:\n"
            "  -j, --json             the outcome as one JSON object, the entry of 'm4flash\n"
            "                         history --json'\n"
            "      --runtime-dir DIR  where the daemon listens; default: /run/m4flash\n"
            "      --state-dir DIR    the daemon's folder of that name, and\n"
            "      --config FILE      its configuration: if no daemon runs, it is started\n"
            "                         with these, for this rollback alone\n"
            "  -h, --help             this text\n\n"
            "The last line is for programs: \"m4flash: RESULT CODE id=N\".\n\n"
            "Exit status: 0 it runs; 1 it does not, or there is nothing to go back to; 2\n"
            "usage or input/output error.\n",
    .run = run,
};
