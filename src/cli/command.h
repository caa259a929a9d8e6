/* What a command of m4flash is: one const record in one file of its own, listed in main.c. */
#pragma once

/*
 * Exit statuses, the same for all commands; each command's help says what they mean for it. A
 * command that follows a job has them from its outcome: on the board, over adb and over ssh alike.
 */
enum status {
    STATUS_OK = 0, /* done; of a job: programmed, unchanged or recovered, so the sketch runs */
    STATUS_REJECTED = 1, /* no: rejected, failed, superseded or aborted, or the service refused */
    STATUS_ERROR = 2, /* usage, or something could not be read, written, reached or is forbidden */
    STATUS_TIMEOUT = 3, /* no outcome yet: the job, if there is one, goes on */
};

struct command {
    const char *name;
    const char *arguments; /* as a usage line shows them */
    const char *summary;   /* one line */
    const char *help;      /* all the rest that --help shows */

    /* argv[0] is the command's name. Returns the exit status; has told stderr about errors. */
    enum status (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command command_cancel;
extern const struct command command_check;
extern const struct command command_history;
extern const struct command command_log;
extern const struct command command_rollback;
extern const struct command command_sign;
extern const struct command command_status;
extern const struct command command_upload;
extern const struct command command_verify;
extern const struct command command_wait;

void command_print_help(const struct command *command);

/* For what getopt has already told: points to --help. Returns STATUS_ERROR. */
enum status command_usage_error(const struct command *command);
