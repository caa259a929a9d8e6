/* m4flash wait: for scripts; the outcome of an upload that was, is or will be. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/follow.h"

struct options {
    char sha256[SKETCH_DIGEST_HEX]; /* "" if a FILE says which */
    uint64_t timeout_usec;
    bool follow, json;
};

static enum status wait_for(const struct options *options, const char *sha256,
                            struct output *output)
{
    _cleanup_(client_freep) struct client *client = NULL;
    struct problem problem;

    if (client_new(&client, &problem) < 0)
        return output_problem(output, &problem, 0);
    struct follow follow = {
        .client = client,
        .output = output,
        .search.sha256 = sha256,
        .shows_progress = options->follow,
        .deadline_usec = follow_deadline(options->timeout_usec),
    };
    return follow_run(&follow);
}

static enum status wait_for_file(struct options *options, const char *path)
{
    struct output output = output_new(options->json);
    struct problem problem;

    if (path && argument_file_digest(path, options->sha256, &problem) < 0)
        return output_problem(&output, &problem, 0);
    return wait_for(options, options->sha256, &output);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"sha256", required_argument, NULL, 's'}, {"timeout", required_argument, NULL, 't'},
        {"follow", no_argument, NULL, 'f'},       {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    struct options options = {.timeout_usec = TIMEOUT_DEFAULT_USEC};
    int option;

    while ((option = getopt_long(argc, argv, "s:t:fjh", long_options, NULL)) != -1)
        switch (option) {
        case 's':
            if (argument_digest(optarg, options.sha256) < 0)
                return command_usage_error(command);
            break;
        case 't':
            if (argument_timeout(optarg, &options.timeout_usec) < 0)
                return command_usage_error(command);
            break;
        case 'f':
            options.follow = true;
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
    if (argc - optind != (*options.sha256 ? 0 : 1)) {
        fprintf(stderr, "m4flash: either a FILE or --sha256 says which upload is meant\n");
        return command_usage_error(command);
    }
    return wait_for_file(&options, argv[optind]);
}

const struct command command_wait = {
    .name = "wait",
    .arguments = "[--timeout TIME] [--follow] [--json] FILE | --sha256 DIGEST",
    .summary = "Wait for an upload's outcome, whether it is to come, under way or over.",
    .help = "FILE is the sketch as it was uploaded; it is the upload with the same SHA-256\n"
            "that is waited for, so that nobody else's is taken for it. Of several the\n"
            "newest counts, also if it has ended before; if there is none yet, the next one.\n\n"
            "Options:\n"
            "  -s, --sha256 DIGEST  the SHA-256 of the upload, instead of a FILE\n"
            "  -t, --timeout TIME   give up after so many seconds, or a time such as \"2min\";\n"
            "                       0 only looks; \"infinity\" waits for ever; default: 600\n"
            "  -f, --follow         show the progress too\n"
            "  -j, --json           one JSON object, the entry of 'm4flash history --json';\n"
            "                       with --follow a line for each step before it, which has\n"
            "                       no \"result\"\n"
            "  -h, --help           this text\n\n"
            "The last line is for programs: \"m4flash: RESULT CODE id=N\".\n\n"
            "Exit status: 0 the sketch runs (programmed, unchanged, recovered); 1 it does\n"
            "not (rejected, failed, superseded, aborted); 2 usage, or the service cannot be\n"
            "asked; 3 no outcome in time.\n",
    .run = run,
};
