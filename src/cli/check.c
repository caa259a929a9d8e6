/* m4flash check: the daemon's verdict, before anything is uploaded. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/picture.h"
#include "cli/screen.h"
#include "cli/verdict.h"
#include "util/cleanup.h"
#include "util/utf8.h"

struct options {
    const char *board; /* NULL: the configuration's */
    const char *state_dir;
    struct screen screen;
    bool picture;
    bool json;
};

static enum status out_of_memory(void)
{
    fprintf(stderr, "m4flash: %s\n", strerror(ENOMEM));
    return STATUS_ERROR;
}

static enum status no_verdict(const struct options *options, const struct board *board,
                              const char *file, int error)
{
    fprintf(stderr, "m4flash: %s: %s\n", file, strerror(-error));
    if (options->json && verdict_print_json_error(board, file, strerror(-error)) < 0)
        return out_of_memory();
    return STATUS_ERROR;
}

static enum status print_text(const struct options *options, const struct verdict *verdict,
                              const struct board *board, const char *file)
{
    const struct picture facts = {board, &verdict->report, &verdict->map, &verdict->changes};
    bool has_picture = options->picture && verdict->report.code == SKETCH_ACCEPTED;
    _cleanup_free_ char *picture = has_picture ? picture_render(&facts, &options->screen) : NULL;

    if (has_picture && !picture)
        return out_of_memory();
    verdict_print_text(verdict, board, file, picture);
    return verdict->report.code == SKETCH_ACCEPTED ? STATUS_OK : STATUS_REJECTED;
}

static enum status check_file(const struct options *options, const struct board *board,
                              const struct policy *policy, const char *path)
{
    _cleanup_free_ char *file = utf8_escape(path);
    struct verdict verdict;

    if (!file)
        return out_of_memory();
    int r = verdict_of_file(board, path, policy, true, options->state_dir, &verdict);
    if (r < 0)
        return no_verdict(options, board, file, r);
    if (!options->json)
        return print_text(options, &verdict, board, file);
    if (verdict_print_json(&verdict, board, file) < 0)
        return out_of_memory();
    return verdict.report.code == SKETCH_ACCEPTED ? STATUS_OK : STATUS_REJECTED;
}

static enum status check_files(const struct options *options, char **files)
{
    enum status worst = STATUS_OK;
    struct board board;
    struct policy policy;

    int r = argument_board(options->board, &board, &policy);
    if (r < 0)
        return r == -ENOMEM ? out_of_memory() : STATUS_ERROR;
    for (; *files; files++) {
        enum status status = check_file(options, &board, &policy, *files);
        if (status > worst)
            worst = status;
    }
    return worst;
}

/* By itself only for people who look: what reads a pipe gets what it always got. */
static int parse_picture(const char *text, struct options *options)
{
    if (strcmp(text, "auto") == 0)
        options->picture = options->screen.columns > 0;
    else if (strcmp(text, "always") == 0 || strcmp(text, "never") == 0)
        options->picture = *text == 'a';
    else
        return -EINVAL;
    return 0;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"board", required_argument, NULL, 'b'},   {"json", no_argument, NULL, 'j'},
        {"picture", required_argument, NULL, 'p'}, {"state-dir", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},          {0},
    };
    struct options options = {.state_dir = "/var/lib/m4flash", .screen = screen_of_stdout()};
    int option;

    options.picture = options.screen.columns > 0;
    while ((option = getopt_long(argc, argv, "b:jp:h", long_options, NULL)) != -1)
        switch (option) {
        case 'b':
            options.board = optarg;
            break;
        case 'j':
            options.json = true;
            break;
        case 'p':
            if (parse_picture(optarg, &options) >= 0)
                break;
            fprintf(stderr, "m4flash: --picture needs \"auto\", \"always\" or \"never\"\n");
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
    if (optind == argc) {
        fprintf(stderr, "m4flash: a FILE is missing\n");
        return command_usage_error(command);
    }
    return check_files(&options, argv + optind);
}

const struct command command_check = {
    .name = "check",
    .arguments = "[-b NAME] [-p WHEN] [--state-dir DIR] [--json] FILE...",
    .summary = "Tell whether sketches (ELF files) would be programmed, or why not.",
    .help = "A FILE may be a symbolic link; the file that it leads to is checked. A signature\n"
            "may be in it or beside it, as FILE.sig; where the configuration asks for one, a\n"
            "FILE without is rejected. On a\n"
            "terminal a picture shows what an accepted sketch uses: the flash sectors, and\n"
            "which of them an upload now would change; the RAM; the biggest symbols.\n\n"
            "Options:\n"
            "  -b, --board NAME  the board: a profile's name, or with a '/' its path;\n"
            "                    without this option the configuration's [Board] Name=\n"
            "  -p, --picture WHEN\n"
            "                    always, never, or auto: on a terminal (the default)\n"
            "      --state-dir DIR\n"
            "                    where the daemon of this machine keeps what is installed,\n"
            "                    to compare with; default: /var/lib/m4flash\n"
            "  -j, --json        one JSON object a line for each FILE, with the fields\n"
            "                      file          its name; bytes that are not printable are\n"
            "                                    \\xNN, and a backslash is two\n"
            "                      board         the profile's name\n"
            "                      result        accepted, rejected, or error (no verdict)\n"
            "                      code          accepted, or the violated rule's name\n"
            "                      message, hint what is wrong, and what to do about it\n"
            "                      sha256        of the file; image_sha256 of the flash image\n"
            "                      signature     none, good, foreign (by a key that is not\n"
            "                                    known here) or wrong (it does not fit the\n"
            "                                    file); signature_key the key's fingerprint,\n"
            "                                    signature_key_file where it is\n"
            "                      bytes         the file's size; needed_bytes what it should\n"
            "                                    be if it is truncated; image_bytes from the\n"
            "                                    flash window's start to the last byte\n"
            "                      flash_used, flash_size, ram_used\n"
            "                                    bytes\n"
            "                      sectors       how many are used; sector_size in bytes;\n"
            "                                    sector_used the bytes used in each\n"
            "                      stack_pointer, reset_vector, entry_point\n"
            "                                    addresses\n"
            "                      sector_changes\n"
            "                                    true or false for each: would an upload now\n"
            "                                    change it? installed_image_sha256 is of what\n"
            "                                    the chip holds; changes_unknown says why\n"
            "                                    this is not known\n"
            "                      ram           the board's memories: name, start; in bytes\n"
            "                                    size, data, bss, heap, stack (0: the sketch\n"
            "                                    does not reserve any), free\n"
            "                      symbols       the biggest: name (like file), address; in\n"
            "                                    bytes size\n"
            "                    What does not apply is \"\", 0 or [].\n"
            "  -h, --help        this text\n\n"
            "Exit status: 0 all accepted, 1 any rejected, 2 usage or input/output error.\n",
    .run = run,
};
