/*
 * The folder is read when the turn comes, and each hook is looked at just before it is run: between
 * an upload and its hooks a package manager may have been at work.
 */
#include "job/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "io/child.h"
#include "openocd/lines.h"
#include "util/capabilities.h"
#include "util/trust.h"
#include "util/utf8.h"

/* systemd's own search path (systemd.exec(5)), and /sbin and /bin for where they are no links. */
static const char search_path[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct hooks {
    struct hooks_spec spec; /* directory is a copy, env unset */
    char **env;
    sd_event *event;
    sd_event_source *begin_source;
    struct dirent **names;
    int n_names, next;
    const char *hook; /* name of the one at hand, or the folder */
    struct child *child;
    struct lines lines;
    unsigned n_lines;
    struct hooks_result result; /* of the first that failed */
};

static void env_free(char **env)
{
    for (size_t i = 0; env && env[i]; i++)
        free(env[i]);
    free(env);
}

/* A copy with room for the search path. */
static char **env_copy(const char *const *env)
{
    size_t n = 0;

    while (env[n])
        n++;
    char **copy = calloc(n + 2, sizeof(*copy));
    if (!copy)
        return NULL;
    for (size_t i = 0; i <= n; i++) {
        copy[i] = strdup(i < n ? env[i] : search_path);
        if (!copy[i]) {
            env_free(copy);
            return NULL;
        }
    }
    return copy;
}

struct hooks *hooks_free(struct hooks *hooks)
{
    if (!hooks)
        return NULL;
    sd_event_source_disable_unref(hooks->begin_source);
    child_free(hooks->child);
    sd_event_unref(hooks->event);
    for (int i = 0; i < hooks->n_names; i++)
        free(hooks->names[i]);
    free(hooks->names);
    env_free(hooks->env);
    free((char *)hooks->spec.directory);
    free(hooks);
    return NULL;
}

static void _printf_(3, 4) say(struct hooks *hooks, int priority, const char *format, ...)
{
    char line[LINES_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    hooks->spec.on_line(priority, hooks->hook, line, hooks->spec.userdata);
}

static void fail(struct hooks *hooks, enum hook_end end, int status)
{
    const struct hooks_result result = {hooks->hook, end, status};
    char phrase[128];

    if (!hooks->spec.stop_at_failure)
        say(hooks, LOG_WARNING, "%s", hooks_result_format(&result, phrase, sizeof(phrase)));
    if (!hooks->result.hook)
        hooks->result = result;
}

static bool is_leftover(const char *name)
{
    static const char *const endings[] = {
        "~",         ".bak",      ".old",       ".orig",    ".swp",
        ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".rpmsave", ".rpmnew",
    };
    size_t length = strlen(name);

    for (size_t i = 0; i < ELEMENTSOF(endings); i++) {
        size_t n = strlen(endings[i]);
        if (length > n && strcmp(name + length - n, endings[i]) == 0)
            return true;
    }
    return name[0] == '.' || name[0] == '#';
}

static const char *unfit(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "it is no regular file";
    if (access(path, X_OK) < 0)
        return "it is not executable";
    return trust_refusal(&status);
}

static void on_line(const char *line, void *userdata)
{
    struct hooks *hooks = userdata;

    hooks->n_lines++;
    if (hooks->n_lines <= HOOKS_LINES_MAX)
        say(hooks, LOG_INFO, "%s", line);
    else if (hooks->n_lines == HOOKS_LINES_MAX + 1)
        say(hooks, LOG_WARNING, "wrote more than %d lines: the rest is dropped", HOOKS_LINES_MAX);
}

static void on_output(const char *bytes, size_t size, void *userdata)
{
    struct hooks *hooks = userdata;

    lines_feed(&hooks->lines, bytes, size, on_line, hooks);
}

static void run_rest(struct hooks *hooks);

static void on_child_end(enum child_end end, int status, void *userdata)
{
    struct hooks *hooks = userdata;

    lines_finish(&hooks->lines, on_line, hooks);
    hooks->child = child_free(hooks->child);
    if (end == CHILD_DEADLINE)
        fail(hooks, HOOK_TIMED_OUT, 0);
    else if (end == CHILD_SIGNALED)
        fail(hooks, HOOK_SIGNALED, status);
    else if (status != 0)
        fail(hooks, HOOK_EXITED, status);
    run_rest(hooks);
}

static int start(struct hooks *hooks, char *path)
{
    const struct child_spec child = {
        .description = "hook",
        .argv = (char *[]){path, NULL},
        .env = hooks->env,
        .capabilities = CHILD_ALL_CAPABILITIES & ~CAPABILITY(CAP_SYS_RAWIO),
        .timeout_usec = hooks->spec.timeout_usec,
        .on_output = on_output,
        .on_end = on_child_end,
        .userdata = hooks,
    };

    hooks->lines = (struct lines){.used = 0};
    hooks->n_lines = 0;
    return child_new(hooks->event, &child, &hooks->child);
}

/* Makes what name stands for the one at hand, and runs it if it is fit for that. */
static int consider(struct hooks *hooks, const char *name)
{
    char path[PATH_MAX];

    if (!utf8_is_printable(name, strlen(name))) {
        say(hooks, LOG_WARNING, "holds a file with an unprintable name, which is passed over");
        return 0;
    }
    hooks->hook = name;
    if (is_leftover(name)) {
        say(hooks, LOG_INFO, "is passed over: it has the name of a hidden file or a backup");
        return 0;
    }
    int n = snprintf(path, sizeof(path), "%s/%s", hooks->spec.directory, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    const char *reason = unfit(path);
    if (!reason)
        return start(hooks, path);
    say(hooks, LOG_WARNING, "is passed over: %s", reason);
    return 0;
}

static bool is_over(const struct hooks *hooks)
{
    return hooks->next == hooks->n_names || (hooks->result.hook && hooks->spec.stop_at_failure);
}

/* Goes on until a hook runs or the last one is done. */
static void run_rest(struct hooks *hooks)
{
    while (!hooks->child && !is_over(hooks)) {
        hooks->hook = hooks->spec.directory;
        int r = consider(hooks, hooks->names[hooks->next++]->d_name);
        if (r < 0)
            fail(hooks, HOOK_NOT_STARTED, -r);
    }
    if (!hooks->child)
        hooks->spec.on_end(&hooks->result, hooks->spec.userdata);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(struct hooks *hooks)
{
    const char *directory = hooks->spec.directory;
    struct stat status;

    if (stat(directory, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    const char *reason = trust_refusal(&status);
    if (reason) {
        say(hooks, LOG_WARNING, "is passed over: %s", reason);
        return 0;
    }
    int n = scandir(directory, &hooks->names, is_entry, by_name);
    if (n < 0)
        return -errno;
    hooks->n_names = n;
    return 0;
}

static int on_begin(sd_event_source *source, void *userdata)
{
    (void)source;
    struct hooks *hooks = userdata;

    int r = read_folder(hooks);
    if (r < 0)
        fail(hooks, HOOK_NOT_STARTED, -r);
    run_rest(hooks);
    return 0;
}

int hooks_new(sd_event *event, const struct hooks_spec *spec, struct hooks **ret)
{
    _cleanup_(hooks_freep) struct hooks *hooks = calloc(1, sizeof(*hooks));

    if (!hooks)
        return -ENOMEM;
    hooks->spec = *spec;
    hooks->spec.env = NULL;
    hooks->spec.directory = strdup(spec->directory);
    hooks->env = env_copy(spec->env);
    hooks->hook = hooks->spec.directory;
    hooks->event = sd_event_ref(event);
    if (!hooks->spec.directory || !hooks->env)
        return -ENOMEM;
    int r = sd_event_add_defer(event, &hooks->begin_source, on_begin, hooks);
    if (r < 0)
        return r;
    sd_event_source_set_description(hooks->begin_source, "hooks");
    *ret = TAKE_PTR(hooks);
    return 0;
}

char *hooks_result_format(const struct hooks_result *result, char *ret, size_t size)
{
    switch (result->end) {
    case HOOK_SUCCEEDED:
        snprintf(ret, size, "succeeded");
        break;
    case HOOK_EXITED:
        snprintf(ret, size, "failed with exit status %d", result->status);
        break;
    case HOOK_SIGNALED:
        snprintf(ret, size, "was killed by signal %d (%s)", result->status,
                 strsignal(result->status));
        break;
    case HOOK_TIMED_OUT:
        snprintf(ret, size, "took too long and was killed");
        break;
    case HOOK_NOT_STARTED:
        snprintf(ret, size, "could not be started: %s", strerror(result->status));
        break;
    }
    return ret;
}
