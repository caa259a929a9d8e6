/* m4flash upload: checks a sketch here, hands it over, and ends as the sketch does. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/upload_remote.h"
#include "cli/verdict.h"
#include "util/utf8.h"

struct options {
    const char *board;  /* NULL: the configuration's */
    const char *serial; /* of the board that adb talks to; NULL: the only one */
    const char *word;   /* what followed a bare --adb: a serial number, or FILE */
    const char *host;   /* for ssh */
    bool adb, force, json;
    uint64_t timeout_usec;
};

/* ---- The check before --------------------------------------------------------------------------
 */

/* As the service would. Returns 0 whatever the verdict, or -errno. */
static int judge(const struct options *options, const char *path, struct verdict *ret,
                 struct problem *problem)
{
    struct board board;
    struct policy policy;

    int r = argument_board(options->board, &board, &policy);
    if (r < 0) {
        problem_set(problem, "no-board", "Name one that is installed: --board NAME",
                    "The board's profile cannot be used: %s.", strerror(-r));
        return r;
    }
    r = verdict_of_file(&board, path, &policy, false, NULL, ret);
    if (r < 0)
        problem_set(problem, "no-file", "", "%s: %s", path, strerror(-r));
    return r;
}

static enum status refuse(const struct verdict *verdict, const char *path, struct output *output)
{
    const struct sketch_report *report = &verdict->report;
    _cleanup_free_ char *subject = utf8_escape(path);
    _cleanup_(json_putp) struct json_object *entry =
        ending_new("rejected", sketch_code_name(report->code), 0, report->sentence, report->hint);

    return entry && subject ? output_end(output, entry, subject, "") : STATUS_ERROR;
}

/* ---- On the board ------------------------------------------------------------------------------
 */

static enum status upload_here(const struct options *options, const struct upload *upload,
                               struct output *output)
{
    _cleanup_fd_ int fd = open(upload->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    _cleanup_(client_freep) struct client *client = NULL;
    struct problem problem;
    uint64_t id;

    if (fd < 0) {
        problem_set(&problem, "no-file", "", "%s: %s", upload->path, strerror(errno));
        return output_problem(output, &problem, 0);
    }
    int r = client_new(&client, &problem);
    if (r >= 0)
        r = client_program(client, fd, options->force, &id, &problem);
    if (r < 0)
        return output_problem(output, &problem, 0);
    struct follow follow = {
        .client = client,
        .output = output,
        .search = {.sha256 = upload->sha256, .id = id, .by_id = true},
        .shows_progress = true,
        .deadline_usec = follow_deadline(options->timeout_usec),
    };
    return follow_run(&follow);
}

static enum status upload(const struct options *options, const char *path)
{
    struct output output = output_new(options->json);
    struct upload upload = {.path = path, .timeout_usec = options->timeout_usec};
    struct verdict verdict;
    struct problem problem;

    if (judge(options, path, &verdict, &problem) < 0)
        return output_problem(&output, &problem, 0);
    if (verdict.report.code != SKETCH_ACCEPTED)
        return refuse(&verdict, path, &output);
    memcpy(upload.sha256, verdict.sha256, sizeof(upload.sha256));
    if (options->adb)
        return upload_over_adb(&upload, options->serial, &output);
    if (options->host)
        return upload_over_ssh(&upload, options->host, &output);
    return upload_here(options, &upload, &output);
}

/* ---- Arguments ---------------------------------------------------------------------------------
 */

/* "--adb FILE", "--adb SERIAL FILE", "FILE --adb SERIAL": what follows --adb is the serial number
 * if there is a FILE besides. Returns it, or NULL after telling what is wrong. */
static const char *find_file(struct options *options, char **words, int n)
{
    if (n == 2 && options->word && (words[0] == options->word || words[1] == options->word)) {
        options->serial = options->word;
        return words[0] == options->word ? words[1] : words[0];
    }
    if (n == 1)
        return words[0];
    fprintf(stderr, "m4flash: %s\n", n == 0 ? "a FILE is missing" : "one FILE at a time");
    return NULL;
}

static bool make_sense(const struct options *options)
{
    const char *wrong = NULL;

    if (options->adb && options->host)
        wrong = "--adb and --ssh are two ways of which one is enough";
    else if (options->force && (options->adb || options->host))
        wrong = "--force is for the board itself: the inbox knows no options";
    else if ((options->host && (*options->host == '-' || !*options->host)) ||
             (options->serial && (*options->serial == '-' || !*options->serial)))
        wrong = "no board has a name like that";
    if (wrong)
        fprintf(stderr, "m4flash: %s\n", wrong);
    return !wrong;
}

/* One option of getopt's. Returns 0, 1 after --help, or -EINVAL. */
static int take_option(struct options *options, int option, int argc, char **argv)
{
    switch (option) {
    case 'a':
        options->adb = true;
        options->serial = optarg;
        options->word = !optarg && optind < argc && *argv[optind] != '-' ? argv[optind] : NULL;
        return 0;
    case 'S':
        options->host = optarg;
        return 0;
    case 'b':
        options->board = optarg;
        return 0;
    case 'f':
        options->force = true;
        return 0;
    case 't':
        return argument_timeout(optarg, &options->timeout_usec);
    case 'j':
        options->json = true;
        return 0;
    case 'h':
        return 1;
    default:
        return -EINVAL;
    }
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"adb", optional_argument, NULL, 'a'},     {"ssh", required_argument, NULL, 'S'},
        {"board", required_argument, NULL, 'b'},   {"force", no_argument, NULL, 'f'},
        {"timeout", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {0},
    };
    struct options options = {.timeout_usec = TIMEOUT_DEFAULT_USEC};
    int option;

    while ((option = getopt_long(argc, argv, "b:ft:jh", long_options, NULL)) != -1) {
        int r = take_option(&options, option, argc, argv);
        if (r < 0)
            return command_usage_error(command);
        if (r > 0) {
            command_print_help(command);
            return STATUS_OK;
        }
    }
    const char *path = find_file(&options, argv + optind, argc - optind);
    if (!path || !make_sense(&options))
        return command_usage_error(command);
    return upload(&options, path);
}

const struct command command_upload = {
    .name = "upload",
    .arguments = "[OPTION]... [--adb [SERIAL] | --ssh HOST] FILE",
    .summary = "Check a sketch (an ELF file), program it, and show the outcome.",
    .help = "A sketch that could not run is refused before it is sent. On the board itself\n"
            "this is for root and the members of the group m4flash; from a PC the sketch\n"
            "goes into the board's inbox, and m4flash on the board tells what becomes of it.\n\n"
            "Options:\n"
            "      --adb[=SERIAL]  from a PC, with adb; SERIAL is one of 'adb devices', and\n"
            "                      may also be the next word\n"
            "      --ssh HOST      from a PC, with ssh; HOST as ssh takes it\n"
            "                      (fio@192.168.1.2)\n"
            "  -f, --force         on the board: program it whatever the chip holds already\n"
            "  -t, --timeout TIME  give up waiting after so many seconds, or a time such as\n"
            "                      \"2min\", or \"infinity\"; the job goes on; default: 600\n"
            "  -b, --board NAME    check for this board: a profile's name, or with a '/' its\n"
            "                      path; without this option the configuration's [Board]\n"
            "                      Name=\n"
            "  -j, --json          one JSON object a line for each step, and last one with\n"
            "                      the outcome, the entry of 'm4flash history --json'\n"
            "  -h, --help          this text\n\n"
            "The last line is for programs: \"m4flash: RESULT CODE id=N\".\n\n"
            "Exit status: 0 the sketch runs (programmed, unchanged, recovered); 1 it does\n"
            "not (rejected, failed, superseded, aborted); 2 usage, input/output error, or\n"
            "not permitted; 3 no outcome in time.\n",
    .run = run,
};
