/* What a command of m4flash is: one const record in one file of its own, listed in main.c. */
#pragma once

/* Exit statuses, the same for all commands; each command's help says what they mean for it. */
enum status {
    STATUS_OK = 0,
    STATUS_REJECTED = 1,
    STATUS_ERROR = 2, /* usage, or something could not be read or written */
};

struct command {
    const char *name;
    const char *arguments; /* as a usage line shows them */
    const char *summary;   /* one line */
    const char *help;      /* all the rest that --help shows */

    /* argv[0] is the command's name. Returns the exit status; has told stderr about errors. */
    enum status (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_check;
extern const struct command command_history;
extern const struct command command_rollback;

void command_print_help(const struct command *command);

/* For what getopt has already told: points to --help. Returns STATUS_ERROR. */
enum status command_usage_error(const struct command *command);
