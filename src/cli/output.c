#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

enum {
    LAST_LINE_MAX = 128,
};

struct output output_new(bool json)
{
    return (struct output){.json = json, .screen = screen_of_stdout()};
}

/* The line that the bar was on is free again. */
static void clear_bar(struct output *output)
{
    if (output->drawn)
        fputs("\r\033[K", stdout);
    output->drawn = false;
    fflush(stdout);
}

static void draw_bar(struct output *output, const struct progress *progress)
{
    char text[PROGRESS_TEXT_MAX];

    printf("\r%s\033[K", progress_format_bar(progress, &output->screen, text));
    fflush(stdout);
    output->drawn = true;
}

static void print_line(const struct progress *progress)
{
    char text[PROGRESS_TEXT_MAX];

    printf("%s\n", progress_format_line(progress, text));
    fflush(stdout);
}

void output_progress(struct output *output, struct json_object *view)
{
    struct progress now = progress_read(view);

    if (output->json)
        json_print(view);
    else if (output->screen.columns > 0)
        draw_bar(output, &now);
    else if (progress_is_news(&output->shown, &now))
        print_line(&now);
    else
        return; /* what was shown stays what news are measured by */
    output->shown = now;
}

void output_note(struct output *output, const char *format, ...)
{
    char text[PROBLEM_TEXT_MAX];
    va_list arguments;

    clear_bar(output);
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "m4flash: %s\n", text);
}

void output_remark(struct output *output, const char *text)
{
    clear_bar(output);
    fprintf(stderr, "%s\n", text);
}

static void print_text(struct output *output, struct json_object *entry, const char *subject)
{
    clear_bar(output);
    _cleanup_free_ char *text = ending_format_text(entry, subject, &output->screen);
    fputs(text ? text : "m4flash: no memory\n", text ? stdout : stderr);
}

void output_last(struct output *output, struct json_object *entry)
{
    char line[LAST_LINE_MAX];

    clear_bar(output);
    if (output->json)
        json_print(entry);
    else
        printf("%s\n", ending_format_line(entry, line, sizeof(line)));
    fflush(stdout);
}

void output_ending(struct output *output, struct json_object *entry)
{
    print_text(output, entry, NULL);
    fflush(stdout);
}

enum status output_end(struct output *output, struct json_object *entry, const char *subject,
                       const char *sha256)
{
    if (!output->json)
        print_text(output, entry, subject);
    output_last(output, entry);
    return ending_status(entry, sha256);
}

enum status output_problem(struct output *output, const struct problem *problem, uint64_t id)
{
    _cleanup_(json_putp) struct json_object *entry = ending_of_problem(problem, id);
    _cleanup_free_ char *message = utf8_escape(problem->message);

    clear_bar(output);
    fprintf(stderr, "m4flash: %s\n", message ? message : problem->code);
    if (*problem->hint)
        fprintf(stderr, "  %s\n", problem->hint);
    if (entry)
        output_last(output, entry);
    return STATUS_ERROR;
}
