/* m4flash: finds the command's record and runs it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "build-config.h"
#include "cli/command.h"
#include "util/cleanup.h"

static const struct command *const commands[] = {
    &command_cancel, &command_check,  &command_history, &command_log,    &command_rollback,
    &command_sign,   &command_status, &command_upload,  &command_verify, &command_wait,
};

void command_print_help(const struct command *command)
{
    printf("Usage: m4flash %s %s\n\n%s\n\n%s", command->name, command->arguments, command->summary,
           command->help);
}

enum status command_usage_error(const struct command *command)
{
    fprintf(stderr, "Try 'm4flash %s --help'.\n", command->name);
    return STATUS_ERROR;
}

static void print_help(void)
{
    printf("Usage: m4flash COMMAND [ARGUMENT...]\n\n"
           "Sketches for the microcontroller of an Arduino board that runs Linux.\n\n"
           "Commands:\n");
    for (size_t i = 0; i < ELEMENTSOF(commands); i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nOptions:\n"
           "  --help     this text; 'm4flash COMMAND --help' tells more of a command\n"
           "  --version  the version\n\n"
           "Exit status: 0 success; 1 a sketch was rejected or does not run, or a request was\n"
           "refused; 2 usage, or something could not be read, written or reached; 3 no\n"
           "outcome in time. The same on the board, over adb and over ssh.\n\n"
           "A command that ends with an outcome ends its standard output with a line for\n"
           "programs,\n\n"
           "    m4flash: RESULT CODE id=N\n\n"
           "or, with --json, with one JSON object that has the same. RESULT and CODE are those\n"
           "of 'm4flash history', or \"timeout no-outcome\", or \"error\" and why there is no\n"
           "outcome. N is the job's number, 0 if there is none.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static enum status run(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {0},
    };

    /* '+': what follows the command's name is the command's. */
    switch (getopt_long(argc, argv, "+hV", options, NULL)) {
    case 'h':
        print_help();
        return STATUS_OK;
    case 'V':
        printf("m4flash %s\n", M4FLASH_VERSION);
        return STATUS_OK;
    case -1:
        break;
    default:
        fprintf(stderr, "Try 'm4flash --help'.\n");
        return STATUS_ERROR;
    }
    const struct command *command = optind < argc ? find_command(argv[optind]) : NULL;
    if (!command) {
        fprintf(stderr, "m4flash: %s\nTry 'm4flash --help'.\n",
                optind < argc ? "there is no such command" : "a command is missing");
        return STATUS_ERROR;
    }
    int first = optind;
    optind = 0; /* GNU getopt: start anew */
    return command->run(command, argc - first, argv + first);
}

int main(int argc, char **argv)
{
    enum status status = run(argc, argv);

    /* Output that went nowhere (a full disk) must not look like a verdict. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("m4flash: standard output");
        return STATUS_ERROR;
    }
    return (int)status;
}
