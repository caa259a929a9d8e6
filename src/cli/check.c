/* m4flash check: the daemon's verdict, before anything is uploaded. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/verdict.h"
#include "io/config_files.h"
#include "util/cleanup.h"
#include "util/utf8.h"

struct options {
    const char *board; /* NULL: the configuration's */
    bool json;
};

static void complain(const char *file, unsigned line, const char *message, _unused_ void *userdata)
{
    _cleanup_free_ char *name = utf8_escape(file);

    if (line > 0)
        fprintf(stderr, "m4flash: %s:%u: %s\n", name ? name : "", line, message);
    else
        fprintf(stderr, "m4flash: %s: %s\n", name ? name : "", message);
}

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

static enum status check_file(const struct options *options, const struct board *board,
                              uint64_t max_size, const char *path)
{
    _cleanup_free_ char *file = utf8_escape(path);
    struct verdict verdict;

    if (!file)
        return out_of_memory();
    int r = verdict_of_file(board, path, max_size, &verdict);
    if (r < 0)
        return no_verdict(options, board, file, r);
    if (!options->json)
        verdict_print_text(&verdict, board, file);
    else if (verdict_print_json(&verdict, board, file) < 0)
        return out_of_memory();
    return verdict.report.code == SKETCH_ACCEPTED ? STATUS_OK : STATUS_REJECTED;
}

/* What a daemon here would say: its configuration names the board and the largest size. */
static int load(const struct options *options, struct board *ret_board, uint64_t *ret_max_size)
{
    _cleanup_(settings_freep) struct settings *settings = NULL;

    int r = settings_new(&settings);
    if (r >= 0)
        r = config_files_load(settings, "", complain, NULL);
    if (r < 0)
        return r;
    r = board_load(options->board ? options->board : settings->board_name, complain, NULL,
                   ret_board, NULL, NULL);
    if (r < 0)
        return r;
    *ret_max_size = settings->inbox_max_size;
    return 0;
}

static enum status check_files(const struct options *options, char **files)
{
    enum status worst = STATUS_OK;
    struct board board;
    uint64_t max_size;

    int r = load(options, &board, &max_size);
    if (r < 0)
        return r == -ENOMEM ? out_of_memory() : STATUS_ERROR;
    for (; *files; files++) {
        enum status status = check_file(options, &board, max_size, *files);
        if (status > worst)
            worst = status;
    }
    return worst;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"board", required_argument, NULL, 'b'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {0};
    int option;

    while ((option = getopt_long(argc, argv, "b:jh", long_options, NULL)) != -1)
        switch (option) {
        case 'b':
            options.board = optarg;
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
    if (optind == argc) {
        fprintf(stderr, "m4flash: a FILE is missing\n");
        return command_usage_error(command);
    }
    return check_files(&options, argv + optind);
}

const struct command command_check = {
    .name = "check",
    .arguments = "[--board NAME] [--json] FILE...",
    .summary = "Tell whether sketches (ELF files) would be programmed, or why not.",
    .help = "A FILE may be a symbolic link; the file that it leads to is checked.\n\n"
            "Options:\n"
            "  -b, --board NAME  the board: a profile's name, or with a '/' its path;\n"
            "                    without this option the configuration's [Board] Name=\n"
            "  -j, --json        one JSON object a line for each FILE, with the fields\n"
            "                      file          its name; bytes that are not printable are\n"
            "                                    \\xNN, and a backslash is two\n"
            "                      board         the profile's name\n"
            "                      result        accepted, rejected, or error (no verdict)\n"
            "                      code          accepted, or the violated rule's name\n"
            "                      message, hint what is wrong, and what to do about it\n"
            "                      sha256        of the file; image_sha256 of the flash image\n"
            "                      bytes         the file's size; needed_bytes what it should\n"
            "                                    be if it is truncated; image_bytes from the\n"
            "                                    flash window's start to the last byte\n"
            "                      flash_used, flash_size, ram_used\n"
            "                                    bytes\n"
            "                      sectors       how many are used; sector_size in bytes;\n"
            "                                    sector_used the bytes used in each\n"
            "                      stack_pointer, reset_vector, entry_point\n"
            "                                    addresses\n"
            "                    A text that does not apply is \"\", a number 0.\n"
            "  -h, --help        this text\n\n"
            "Exit status: 0 all accepted, 1 any rejected, 2 usage or input/output error.\n",
    .run = run,
};
