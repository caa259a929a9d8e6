/* m4flash cancel: ends a job before it has touched the chip. */
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

enum {
    HISTORY_COUNT = 100,
    LIST_MAX = 128, /* bytes of the jobs' numbers as text */
};

/* The service said no: that is the answer, not a failure to get one. */
static enum status refuse(struct output *output, const struct problem *problem, uint64_t id)
{
    output_problem(output, problem, id);
    return STATUS_REJECTED;
}

/* Without a number there must be no doubt which job is meant. Returns 0; 1 if there is; or
 * -errno. */
static int find_only_job(struct client *client, uint64_t *ret, struct problem *problem)
{
    _cleanup_(json_putp) struct json_object *status = NULL;
    struct json_object *jobs;
    char list[LIST_MAX] = "";

    int r = client_get_status(client, UINT64_MAX, &status, problem);
    if (r < 0)
        return r;
    json_object_object_get_ex(status, "jobs", &jobs);
    size_t n = json_object_array_length(jobs);
    if (n == 0) {
        problem_set(problem, "refused", "", "No job is under way.");
        return 1;
    }
    if (n == 1) {
        *ret = json_number(json_object_array_get_idx(jobs, 0), "id");
        return 0;
    }
    for (size_t i = 0, used = 0; i < n && used < sizeof(list); i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, " %" PRIu64,
                                 json_number(json_object_array_get_idx(jobs, i), "id"));
    problem_set(problem, "refused", "Say which: m4flash cancel ID",
                "Several jobs are under way:%s.", list);
    return 1;
}

static enum status tell(struct client *client, uint64_t id, struct output *output)
{
    _cleanup_(json_putp) struct json_object *entries = NULL;
    struct problem problem;

    if (client_get_history(client, HISTORY_COUNT, UINT64_MAX, &entries, &problem) < 0)
        return output_problem(output, &problem, id);
    struct json_object *entry = json_find_id(entries, id);
    if (entry)
        output_end(output, entry, NULL, "");
    return STATUS_OK; /* what was asked for is done */
}

static enum status cancel(uint64_t id, struct output *output)
{
    _cleanup_(client_freep) struct client *client = NULL;
    struct problem problem;

    int r = client_new(&client, &problem);
    if (r >= 0 && id == 0)
        r = find_only_job(client, &id, &problem);
    if (r == 0)
        r = client_cancel(client, id, &problem);
    if (r > 0)
        return refuse(output, &problem, id);
    return r < 0 ? output_problem(output, &problem, id) : tell(client, id, output);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    bool json = false;
    uint64_t id = 0;
    int option;

    while ((option = getopt_long(argc, argv, "jh", long_options, NULL)) != -1)
        switch (option) {
        case 'j':
            json = true;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (argument_job(argc, argv, &id) < 0)
        return command_usage_error(command);
    struct output output = output_new(json);
    return cancel(id, &output);
}

const struct command command_cancel = {
    .name = "cancel",
    .arguments = "[--json] [ID]",
    .summary = "End a job before it has touched the chip.",
    .help = "ID is the job's number ('m4flash status'); it may be left out if just one is\n"
            "under way. What is being erased or written cannot be cancelled: half a sketch\n"
            "does not run. For root and the members of the group m4flash.\n\n"
            "Options:\n"
            "  -j, --json  the job's outcome as one JSON object\n"
            "  -h, --help  this text\n\n"
            "The last line is for programs: \"m4flash: aborted cancelled id=N\".\n\n"
            "Exit status: 0 it is cancelled; 1 it is too late, or there is no such job; 2\n"
            "usage, the service cannot be asked, or this is not permitted.\n",
    .run = run,
};
