#include "cli/upload_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/arguments.h"
#include "cli/relay.h"
#include "util/utf8.h"

/* Where the board's service looks: the documented path, which uploads have always gone to. */
#define INBOX "/tmp/arduino/m4-user-sketch.elf"

enum {
    NOT_FOUND = 127, /* a shell's exit status: there is no such command */
};

extern char **environ;

/* ---- Programs ----------------------------------------------------------------------------------
 */

/* With these as its standard input and output. Returns 0 with *ret, or -errno. */
static int start(char *const argv[], int in, int out, pid_t *ret)
{
    posix_spawn_file_actions_t actions;

    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return -r;
    r = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

/* Its exit status, 128 and more for a signal, as in a shell. */
static int await(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int cannot_start(const char *program, int error, struct problem *problem)
{
    problem_set(problem, "no-program", "Install it, and see that it is in PATH.",
                "%s cannot be started: %s.", program, strerror(-error));
    return error;
}

/* ---- What the board says -----------------------------------------------------------------------
 */

struct told {
    struct output *output;
    struct json_object *ending;
    enum relay_kind end;  /* RELAY_OTHER: it broke off */
    unsigned exit_status; /* RELAY_STATUS */
};

static void told_clear(struct told *told)
{
    json_object_put(told->ending);
}

/* The board's remarks are for people, and must not do anything to their terminal. */
static void pass_on(struct told *told, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    _cleanup_free_ char *text = utf8_escape(line);
    if (text && *text)
        output_remark(told->output, text);
}

static void take_line(struct told *told, char *line, size_t size)
{
    _cleanup_(json_putp) struct json_object *object = NULL;
    unsigned status = 0;

    enum relay_kind kind = relay_read(line, size, &object, &status);
    switch (kind) {
    case RELAY_PROGRESS:
        output_progress(told->output, object);
        break;
    case RELAY_ENDING:
        json_object_put(told->ending);
        told->ending = TAKE_PTR(object);
        break;
    case RELAY_STATUS:
    case RELAY_NO_COPY:
        told->end = kind;
        told->exit_status = status;
        break;
    case RELAY_OTHER:
        pass_on(told, line);
    }
}

/* Takes fd. */
static int listen_to(int fd, struct told *told)
{
    _cleanup_free_ char *line = NULL;
    size_t room = 0;
    ssize_t n;

    FILE *stream = fdopen(fd, "r");
    if (!stream) {
        fd_close(fd);
        return -ENOMEM;
    }
    while ((n = getline(&line, &room, stream)) > 0)
        take_line(told, line, (size_t)n);
    fclose(stream);
    return 0;
}

static void explain(const struct told *told, int exit_status, struct problem *problem)
{
    if (told->end == RELAY_NO_COPY)
        problem_set(problem, "no-copy", "Log in as a user who may write there, root or fio.",
                    "The sketch could not be written to the board's " INBOX ".");
    else if (told->end == RELAY_STATUS && told->exit_status == NOT_FOUND)
        problem_set(problem, "no-m4flash",
                    "Install m4flash there; until then 'journalctl -u monitor-m4-elf-file' on the "
                    "board may tell.",
                    "The sketch was copied, but the board has no m4flash that could tell what "
                    "became of it.");
    else if (told->end == RELAY_STATUS)
        problem_set(problem, "no-answer", "Install the same version of m4flash on both sides.",
                    "The sketch was copied, but m4flash on the board ended with exit status %u and "
                    "told no outcome.",
                    told->exit_status);
    else
        problem_set(problem, "disconnected",
                    "See that the board is still connected, then ask it: m4flash history",
                    "The connection ended (exit status %d) before the outcome was known.",
                    exit_status);
}

static enum status conclude(const struct upload *upload, struct told *told, int exit_status)
{
    struct problem problem;

    if (!told->ending) {
        explain(told, exit_status, &problem);
        return output_problem(told->output, &problem, 0);
    }
    if (strcmp(json_text(told->ending, "result"), "error") != 0)
        return output_end(told->output, told->ending, NULL, upload->sha256);
    output_last(told->output, told->ending); /* its text came by standard error */
    return STATUS_ERROR;
}

/* Runs what connects to the board with a script for it, and follows what that says. */
static enum status follow(const struct upload *upload, char *const argv[], int in,
                          struct output *output)
{
    _cleanup_(told_clear) struct told told = {.output = output, .end = RELAY_OTHER};
    struct problem problem;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        problem_set_memory(&problem);
        return output_problem(output, &problem, 0);
    }
    int r = start(argv, in, ends[1], &pid);
    fd_close(ends[1]);
    if (r < 0) {
        fd_close(ends[0]);
        cannot_start(argv[0], r, &problem);
        return output_problem(output, &problem, 0);
    }
    listen_to(ends[0], &told);
    return conclude(upload, &told, await(pid));
}

/* ---- adb ---------------------------------------------------------------------------------------
 */

/* argv[0] to argv[3] for this board; the rest is the caller's. Returns how many. */
static size_t begin_adb(const char *serial, const char *argv[])
{
    size_t n = 0;

    argv[n++] = "adb";
    if (serial) {
        argv[n++] = "-s";
        argv[n++] = serial;
    }
    return n;
}

/* What adb itself says of it goes to standard error. Returns 0 or -errno. */
static int push(const struct upload *upload, const char *serial, int null, struct problem *problem)
{
    _cleanup_free_ char *path = NULL;
    const char *argv[8] = {NULL};
    size_t n = begin_adb(serial, argv);
    pid_t pid;

    if (asprintf(&path, "%s%s", *upload->path == '-' ? "./" : "", upload->path) < 0)
        return problem_set_memory(problem);
    argv[n++] = "push";
    argv[n++] = path;
    argv[n++] = INBOX;
    int r = start((char *const *)argv, null, STDERR_FILENO, &pid);
    if (r < 0)
        return cannot_start("adb", r, problem);
    int status = await(pid);
    if (status == 0)
        return 0;
    problem_set(problem, "no-copy",
                "Look at 'adb devices'. If there are several boards, name one: --adb SERIAL",
                "adb could not push the sketch (exit status %d).", status);
    return -EIO;
}

/* What was pushed must be what was checked: a build may have run meanwhile. */
static int compare(const struct upload *upload, struct problem *problem)
{
    char sha256[SKETCH_DIGEST_HEX];

    int r = argument_file_digest(upload->path, sha256, problem);
    if (r < 0 || strcmp(sha256, upload->sha256) == 0)
        return r;
    problem_set(problem, "changed", "Upload it again when nothing writes to it any more.",
                "%s has changed while it was uploaded.", upload->path);
    return -EBUSY;
}

enum status upload_over_adb(const struct upload *upload, const char *serial, struct output *output)
{
    _cleanup_fd_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char script[RELAY_SCRIPT_MAX];
    const char *argv[8] = {NULL};
    struct problem problem;

    int r = push(upload, serial, null, &problem);
    if (r >= 0)
        r = compare(upload, &problem);
    if (r < 0)
        return output_problem(output, &problem, 0);
    size_t n = begin_adb(serial, argv);
    argv[n++] = "shell";
    argv[n++] = relay_script(upload->sha256, upload->timeout_usec, NULL, script);
    return follow(upload, (char *const *)argv, null, output);
}

/* ---- ssh ---------------------------------------------------------------------------------------
 */

enum status upload_over_ssh(const struct upload *upload, const char *host, struct output *output)
{
    _cleanup_fd_ int file = open(upload->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    char script[RELAY_SCRIPT_MAX];
    struct problem problem;

    if (file < 0) {
        problem_set(&problem, "no-file", "", "%s: %s", upload->path, strerror(errno));
        return output_problem(output, &problem, 0);
    }
    relay_script(upload->sha256, upload->timeout_usec, INBOX, script);
    const char *argv[] = {"ssh", "-T", "--", host, script, NULL};
    return follow(upload, (char *const *)argv, file, output);
}
