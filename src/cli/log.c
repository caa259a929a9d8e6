/* m4flash log: what the journal has about one job, by its field M4FLASH_JOB. */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/json_value.h"
#include "util/utf8.h"

/* Set by the journal itself, so that nobody else's lines pass for the service's. */
#define UNIT  "_SYSTEMD_UNIT=monitor-m4-elf-file.service"
#define FIELD "M4FLASH_JOB"

enum {
    LINE_MAX_BYTES = 64 * 1024, /* of a field: the service's are much shorter */
    TIME_MAX = 64,
};

struct options {
    uint64_t id;           /* 0: the newest */
    const char *directory; /* of journal files; NULL: the system's */
    bool json;
};

static void journal_closep(sd_journal **journal)
{
    sd_journal_close(*journal);
}

static enum status fail(const char *what, int error)
{
    fprintf(stderr, "m4flash: %s: %s\n", what, strerror(-error));
    return STATUS_ERROR;
}

/* ---- An entry's fields -------------------------------------------------------------------------
 */

/* The value of a field, for the caller to free; NULL if the entry does not have it. */
static char *field(sd_journal *journal, const char *name)
{
    const char *data;
    size_t size, prefix = strlen(name) + 1;

    if (sd_journal_get_data(journal, name, (const void **)&data, &size) < 0 || size < prefix)
        return NULL;
    return strndup(data + prefix, size - prefix);
}

static uint64_t number(sd_journal *journal, const char *name)
{
    _cleanup_free_ char *text = field(journal, name);

    return text ? strtoull(text, NULL, 10) : 0;
}

static void print_text(const struct tm *local, const char *message)
{
    _cleanup_free_ char *text = utf8_escape(message);
    char time[TIME_MAX];

    strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", local);
    printf("%s %s\n", time, text ? text : "");
}

static int print_json(sd_journal *journal, uint64_t usec, uint64_t id, const char *message)
{
    _cleanup_(json_putp) struct json_object *object = json_object_new_object();
    _cleanup_free_ char *text =
        utf8_is_printable(message, strlen(message)) ? strdup(message) : utf8_escape(message);
    time_t seconds = (time_t)(usec / 1000000);
    char whole[TIME_MAX], time[TIME_MAX + 16];
    struct tm utc;

    if (!object || !text || !gmtime_r(&seconds, &utc))
        return -ENOMEM;
    strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(time, sizeof(time), "%s.%06uZ", whole, (unsigned)(usec % 1000000));
    if (json_set_number(object, "id", id) < 0 || json_set_text(object, "time", time) < 0 ||
        json_set_number(object, "priority", number(journal, "PRIORITY")) < 0 ||
        json_set_text(object, "message", text) < 0)
        return -ENOMEM;
    json_print(object);
    return 0;
}

static int print_entry(sd_journal *journal, const struct options *options)
{
    _cleanup_free_ char *message = field(journal, "MESSAGE");
    struct tm local;
    uint64_t usec;

    int r = sd_journal_get_realtime_usec(journal, &usec);
    if (r < 0 || !message)
        return r;
    if (options->json)
        return print_json(journal, usec, options->id, message);
    time_t seconds = (time_t)(usec / 1000000);
    if (!localtime_r(&seconds, &local))
        return -EOVERFLOW;
    print_text(&local, message);
    return 0;
}

/* ---- Which entries -----------------------------------------------------------------------------
 */

/* The number of the job that the newest line is about; 0 if there is none. Or -errno. */
static int find_newest(sd_journal *journal, uint64_t *ret)
{
    int r = sd_journal_seek_tail(journal);

    *ret = 0;
    while (r >= 0 && *ret == 0 && (r = sd_journal_previous(journal)) > 0)
        *ret = number(journal, FIELD);
    return r < 0 ? r : 0;
}

/* The lines of one job. Returns how many, or -errno. */
static int print_job(sd_journal *journal, const struct options *options)
{
    char match[64];
    int n = 0;

    snprintf(match, sizeof(match), FIELD "=%" PRIu64, options->id);
    int r = sd_journal_add_match(journal, match, 0);
    if (r >= 0)
        r = sd_journal_seek_head(journal);
    while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
        r = print_entry(journal, options);
        n++;
    }
    return r < 0 ? r : n;
}

/* What cannot be opened is not told: files that are there and not for us. */
static bool is_forbidden(void)
{
    static const char *const patterns[] = {"/var/log/journal/*/system.journal",
                                           "/run/log/journal/*/system.journal"};
    bool forbidden = false;

    for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
        glob_t files;
        if (glob(patterns[i], 0, NULL, &files) != 0)
            continue;
        for (size_t k = 0; k < files.gl_pathc; k++)
            forbidden |= access(files.gl_pathv[k], R_OK) < 0 && errno == EACCES;
        globfree(&files);
    }
    return forbidden;
}

static enum status tell_nothing(const struct options *options)
{
    if (!options->directory && is_forbidden()) {
        fprintf(stderr, "m4flash: the journal may not be read\n"
                        "  Try again with sudo, or become a member of the group "
                        "systemd-journal.\n");
        return STATUS_ERROR;
    }
    if (options->id > 0)
        fprintf(stderr, "m4flash: the journal has nothing about job %" PRIu64 "\n", options->id);
    else
        fprintf(stderr, "m4flash: the journal has nothing about any job\n");
    fprintf(stderr, "  It may have been too long ago; 'm4flash history' knows more.\n");
    return STATUS_REJECTED;
}

static enum status show(struct options *options)
{
    _cleanup_(journal_closep) sd_journal *journal = NULL;
    int n = 0;

    int r = options->directory ? sd_journal_open_directory(&journal, options->directory, 0)
                               : sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
    if (r < 0)
        return fail(options->directory ? options->directory : "the journal", r);
    sd_journal_set_data_threshold(journal, LINE_MAX_BYTES);
    r = sd_journal_add_match(journal, UNIT, 0);
    if (r >= 0 && options->id == 0)
        r = find_newest(journal, &options->id);
    if (r >= 0 && options->id > 0)
        r = n = print_job(journal, options);
    if (r < 0)
        return fail("the journal", r);
    return n > 0 ? STATUS_OK : tell_nothing(options);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"directory", required_argument, NULL, 'D'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.id = 0};
    int option;

    while ((option = getopt_long(argc, argv, "D:jh", long_options, NULL)) != -1)
        switch (option) {
        case 'D':
            options.directory = optarg;
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
    if (argument_job(argc, argv, &options.id) < 0)
        return command_usage_error(command);
    return show(&options);
}

const struct command command_log = {
    .name = "log",
    .arguments = "[--json] [--directory DIR] [ID]",
    .summary = "Show what the journal has about one job: all that OpenOCD said, too.",
    .help = "ID is the job's number ('m4flash history'); default: the newest. The journal is\n"
            "for root and the members of the group systemd-journal. Times are local.\n\n"
            "Options:\n"
            "  -D, --directory DIR  look into the journal files of this folder\n"
            "  -j, --json           one JSON object a line, with id, time (UTC, RFC 3339),\n"
            "                       priority (0 to 7, as syslog has it) and message\n"
            "  -h, --help           this text\n\n"
            "Exit status: 0 success; 1 there is nothing about it; 2 usage, or the journal\n"
            "cannot be read.\n",
    .run = run,
};
