/* m4flash status: what the service does now, what it did last, and what is installed. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/output.h"
#include "util/utf8.h"

enum {
    HISTORY_COUNT = 100,
    REDRAW_USEC = 250 * 1000, /* a bar's estimate goes on while nothing is told */
};

struct watch {
    struct client *client;
    struct output *output;
    struct json_object *status, *entries;
};

static void watch_clear(struct watch *watch)
{
    client_free(watch->client);
    json_object_put(watch->status);
    json_object_put(watch->entries);
}

static int look(struct watch *watch, struct problem *problem)
{
    struct json_object *status;

    int r = client_get_status(watch->client, UINT64_MAX, &status, problem);
    if (r < 0)
        return r;
    json_object_put(watch->status);
    watch->status = status;
    return 0;
}

static int look_back(struct watch *watch, struct problem *problem)
{
    struct json_object *entries;

    int r = client_get_history(watch->client, HISTORY_COUNT, UINT64_MAX, &entries, problem);
    if (r < 0)
        return r;
    json_object_put(watch->entries);
    watch->entries = entries;
    return 0;
}

static struct json_object *member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;

    json_object_object_get_ex(object, key, &value);
    return value;
}

/* ---- Once --------------------------------------------------------------------------------------
 */

static void print_installed(struct json_object *installed)
{
    _cleanup_free_ char *time = utf8_escape(json_text(installed, "time"));

    if (json_number(installed, "id") == 0)
        printf("Installed: not known\n");
    else
        printf("Installed: job %" PRIu64 ", %" PRIu64 " bytes, SHA-256 %.12s, %s\n",
               json_number(installed, "id"), json_number(installed, "image_bytes"),
               json_text(installed, "sha256"), time ? time : "");
}

static void print_last(const struct output *output, struct json_object *last)
{
    char subject[64];

    if (json_number(last, "id") == 0) {
        printf("Last: no upload yet\n");
        return;
    }
    snprintf(subject, sizeof(subject), "Last: job %" PRIu64, json_number(last, "id"));
    _cleanup_free_ char *text = ending_format_text(last, subject, &output->screen);
    fputs(text ? text : "", stdout);
}

static void print_jobs(const struct watch *watch)
{
    struct json_object *jobs = member(watch->status, "jobs");

    for (size_t i = 0; i < json_object_array_length(jobs); i++) {
        _cleanup_(json_putp) struct json_object *view =
            progress_view(json_object_array_get_idx(jobs, i), watch->status, watch->entries);
        if (!view)
            return;
        struct progress progress = progress_read(view);
        char line[PROGRESS_TEXT_MAX];
        printf("%s\n", progress_format_line(&progress, line));
    }
}

static void print(const struct watch *watch)
{
    if (watch->output->json) {
        json_print(watch->status);
        return;
    }
    printf("State: %s\n", json_text(watch->status, "state"));
    print_jobs(watch);
    print_installed(member(watch->status, "installed"));
    print_last(watch->output, member(watch->status, "last"));
}

/* ---- Live --------------------------------------------------------------------------------------
 */

/* The one that is being programmed; else the first. */
static struct json_object *foremost(struct json_object *jobs)
{
    for (size_t i = 0; i < json_object_array_length(jobs); i++) {
        struct json_object *job = json_object_array_get_idx(jobs, i);
        if (strcmp(json_text(job, "state"), "programming") == 0)
            return job;
    }
    return json_object_array_get_idx(jobs, 0);
}

static void show_job(const struct watch *watch)
{
    struct json_object *job = foremost(member(watch->status, "jobs"));
    _cleanup_(json_putp) struct json_object *view = NULL;

    if (job && (view = progress_view(job, watch->status, watch->entries)))
        output_progress(watch->output, view);
}

/* As JSON an outcome is the "last" of the next status. */
static int show_finished(struct watch *watch, struct problem *problem)
{
    _cleanup_(json_putp) struct json_object *finished = client_take_finished(watch->client);

    if (!finished)
        return problem_set_memory(problem);
    for (size_t i = 0; i < json_object_array_length(finished); i++) {
        struct json_object *entry = json_object_array_get_idx(finished, i);
        if (!watch->output->json)
            output_ending(watch->output, entry);
        if (json_object_array_add(watch->entries, json_object_get(entry)) < 0)
            return problem_set_memory(problem);
    }
    return 0;
}

/* A service that goes away is awaited, whatever else goes wrong ends it. */
static int show_changes(struct watch *watch, struct problem *problem)
{
    int r = client_listen(watch->client, problem);

    if (r >= 0)
        r = look(watch, problem);
    if (r >= 0 && client_take_restarted(watch->client))
        r = look_back(watch, problem);
    if (r == -ESRCH) {
        output_note(watch->output, "The service has stopped; waiting for its next start.");
        return 0;
    }
    if (r >= 0)
        r = show_finished(watch, problem);
    if (r < 0)
        return r;
    if (watch->output->json)
        json_print(watch->status);
    else
        show_job(watch);
    return 0;
}

static enum status follow(struct watch *watch)
{
    struct problem problem;
    int r = 0;

    while (r >= 0 && !ferror(stdout)) {
        r = client_wait(watch->client, watch->output->drawn ? REDRAW_USEC : UINT64_MAX, &problem);
        if (r >= 0)
            r = show_changes(watch, &problem);
    }
    return r < 0 ? output_problem(watch->output, &problem, 0) : STATUS_ERROR;
}

static enum status show(bool follows, struct output *output)
{
    _cleanup_(watch_clear) struct watch watch = {.output = output};
    struct problem problem;

    int r = client_new(&watch.client, &problem);
    if (r >= 0)
        r = look(&watch, &problem);
    if (r >= 0)
        r = look_back(&watch, &problem);
    if (r < 0)
        return output_problem(output, &problem, 0);
    print(&watch);
    fflush(stdout);
    return follows ? follow(&watch) : STATUS_OK;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"follow", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    bool follows = false, json = false;
    int option;

    while ((option = getopt_long(argc, argv, "fjh", long_options, NULL)) != -1)
        switch (option) {
        case 'f':
            follows = true;
            break;
        case 'j':
            json = true;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (argument_none(argc) < 0)
        return command_usage_error(command);
    struct output output = output_new(json);
    return show(follows, &output);
}

const struct command command_status = {
    .name = "status",
    .arguments = "[--follow] [--json]",
    .summary = "Show what the service does now, what is installed, and the last outcome.",
    .help = "A job's time left is estimated from how long earlier ones took.\n\n"
            "Options:\n"
            "  -f, --follow  go on until interrupted: on a terminal a bar, elsewhere a line\n"
            "                for each step, and each outcome\n"
            "  -j, --json    one JSON object: the properties that the service has on the\n"
            "                system bus, state, stage, progress (percent), jobs, installed\n"
            "                and last; with --follow one on a line whenever something has\n"
            "                changed\n"
            "  -h, --help    this text\n\n"
            "Exit status: 0 success; 2 usage, or the service cannot be asked.\n",
    .run = run,
};
