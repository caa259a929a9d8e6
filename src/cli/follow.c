#include "cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HISTORY_COUNT = 100,         /* as many as the service tells at once */
    SECOND = 1000 * 1000,        /* microseconds */
    REDRAW_USEC = SECOND / 4,    /* a bar's estimate goes on while nothing is told */
    LATE_USEC = 5 * 1000 * 1000, /* for the last look, when the time is over */
};

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec / 1000;
}

uint64_t follow_deadline(uint64_t usec)
{
    uint64_t now = now_usec();

    return usec > UINT64_MAX - now ? UINT64_MAX : now + usec;
}

static uint64_t left_usec(const struct follow *follow)
{
    uint64_t now = now_usec();

    if (follow->deadline_usec == UINT64_MAX)
        return UINT64_MAX;
    return follow->deadline_usec > now ? follow->deadline_usec - now : 0;
}

/* How long the service may take to answer: with no time left it is still asked once. */
static uint64_t answer_usec(const struct follow *follow)
{
    uint64_t left = left_usec(follow);

    return left > LATE_USEC ? left : LATE_USEC;
}

/* What is known of the service by now. */
struct view {
    struct json_object *status, *entries;
    bool absent; /* it does not run, and that was told */
};

static void view_clear(struct view *view)
{
    json_object_put(view->status);
    json_object_put(view->entries);
}

static int replace_status(struct follow *follow, struct view *view, struct problem *problem)
{
    struct json_object *status;

    int r = client_get_status(follow->client, answer_usec(follow), &status, problem);
    if (r < 0)
        return r;
    json_object_put(view->status);
    view->status = status;
    return 0;
}

static int replace_entries(struct follow *follow, struct view *view, struct problem *problem)
{
    struct json_object *entries;

    int r =
        client_get_history(follow->client, HISTORY_COUNT, answer_usec(follow), &entries, problem);
    if (r < 0)
        return r;
    json_object_put(view->entries);
    view->entries = entries;
    return 0;
}

/* Outcomes that were told after the history was asked for. */
static int add_finished(struct follow *follow, struct view *view, struct problem *problem)
{
    _cleanup_(json_putp) struct json_object *finished = client_take_finished(follow->client);

    if (!finished)
        return problem_set_memory(problem);
    for (size_t i = 0; i < json_object_array_length(finished); i++) {
        struct json_object *entry = json_object_array_get_idx(finished, i);
        if (json_find_id(view->entries, json_number(entry, "id")))
            continue;
        if (json_object_array_add(view->entries, json_object_get(entry)) < 0)
            return problem_set_memory(problem);
    }
    return 0;
}

/*
 * First the jobs, then what was told until the answer, then, if it may hold what was not told, the
 * history: a job that is not among the one is among the others.
 */
static int look(struct follow *follow, struct view *view, struct problem *problem)
{
    int r = client_listen(follow->client, problem);

    if (r >= 0 && client_take_restarted(follow->client)) {
        json_object_put(view->entries);
        view->entries = NULL;
    }
    if (r >= 0)
        r = replace_status(follow, view, problem);
    if (r >= 0)
        r = client_listen(follow->client, problem);
    if (r >= 0 && !view->entries)
        r = replace_entries(follow, view, problem);
    return r < 0 ? r : add_finished(follow, view, problem);
}

static void show(struct follow *follow, const struct view *view, struct json_object *job)
{
    _cleanup_(json_putp) struct json_object *shown = NULL;

    if (!follow->shows_progress)
        return;
    shown = progress_view(job, view->status, view->entries);
    if (shown)
        output_progress(follow->output, shown);
}

static enum status end_without(struct follow *follow)
{
    _cleanup_(json_putp) struct json_object *entry = NULL;
    uint64_t id = follow->search.id;
    char message[PROBLEM_TEXT_MAX];

    if (id > 0)
        snprintf(message, sizeof(message),
                 "Job %" PRIu64 " has no outcome yet; it goes on all the same.", id);
    else
        snprintf(message, sizeof(message), "No upload with this digest has come (SHA-256 %.12s).",
                 follow->search.sha256);
    entry = ending_of_timeout(id, message,
                              id > 0 ? "Wait for it again, or look at 'm4flash history' later."
                                     : "Look at 'm4flash history'; if it is not there, upload it "
                                       "again.");
    return entry ? output_end(follow->output, entry, id > 0 ? NULL : "Upload", "") : STATUS_ERROR;
}

static enum status end_lost(struct follow *follow)
{
    struct problem problem;

    problem_set(&problem, "lost", "Upload it again.",
                "The service was started anew and knows nothing of job %" PRIu64 " any more.",
                follow->search.id);
    return output_problem(follow->output, &problem, follow->search.id);
}

/* A service that goes away while a job is followed comes back, and goes on with it. */
static bool is_awaited(struct follow *follow, struct view *view, int error)
{
    if (error != -ESRCH || !view->status)
        return false;
    if (!view->absent)
        output_note(follow->output, "The service has stopped; waiting for its next start.");
    view->absent = true;
    return true;
}

/* A bar goes on between what is told. */
static uint64_t wait_usec(const struct follow *follow)
{
    uint64_t left = left_usec(follow);

    if (!follow->shows_progress || !follow->output->drawn || left < REDRAW_USEC)
        return left;
    return REDRAW_USEC;
}

/* What a look at the service finds; SEARCH_NOTHING while it is awaited. Or -errno. */
static int find(struct follow *follow, struct view *view, struct json_object **ret,
                struct problem *problem)
{
    struct json_object *jobs = NULL;

    int r = look(follow, view, problem);
    if (r < 0)
        return is_awaited(follow, view, r) ? SEARCH_NOTHING : r;
    view->absent = false;
    json_object_object_get_ex(view->status, "jobs", &jobs);
    return (int)search_look(&follow->search, jobs, view->entries, ret);
}

enum status follow_run(struct follow *follow)
{
    _cleanup_(view_clear) struct view view = {.status = NULL};
    struct json_object *found;
    struct problem problem;

    for (;;) {
        bool late = left_usec(follow) == 0;
        int r = find(follow, &view, &found, &problem);
        if (r == SEARCH_ENDED)
            return output_end(follow->output, found, NULL, follow->search.sha256);
        if (r == SEARCH_LOST)
            return end_lost(follow);
        if (r == SEARCH_RUNNING)
            show(follow, &view, found);
        if (r >= 0 && late)
            return end_without(follow);
        if (r >= 0)
            r = client_wait(follow->client, wait_usec(follow), &problem);
        if (r < 0)
            return output_problem(follow->output, &problem, follow->search.id);
    }
}
