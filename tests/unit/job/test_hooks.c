/* Hooks of every kind of temper: all are run in order, or none after one that failed, and whatever
 * they do, nothing of them stays and the end is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "job/hooks.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"

enum {
    SECOND = 1000000,
    STAT_MAX = 512, /* bytes of /proc/PID/stat that are looked at */
};

struct fixture {
    struct temp_dir dir;
    sd_event *event;
    struct hooks *hooks;
    struct hooks_spec spec;
    char text[65536]; /* "PRIORITY HOOK: LINE\n"... */
    size_t n_lines, longest;
    bool ended;
    struct hooks_result result;
    char failed[256], phrase[128];
};

static void on_line(int priority, const char *hook, const char *line, void *userdata)
{
    struct fixture *f = userdata;
    size_t used = strlen(f->text);

    assert_false(f->ended);
    f->n_lines++;
    if (strlen(line) > f->longest)
        f->longest = strlen(line);
    snprintf(f->text + used, sizeof(f->text) - used, "%d %s: %s\n", priority, hook, line);
}

static void on_end(const struct hooks_result *result, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->ended);
    f->ended = true;
    f->result = *result;
    snprintf(f->failed, sizeof(f->failed), "%s", result->hook ? result->hook : "");
    hooks_result_format(result, f->phrase, sizeof(f->phrase));
    f->hooks = hooks_free(f->hooks);
}

static int set_up(void **state)
{
    static const char *const env[] = {"M4FLASH_JOB=7", "M4FLASH_CODE=a b", NULL};
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    loop_arrange_signals();
    umask(022);
    f->dir = temp_dir_make();
    f->event = loop_make();
    f->spec = (struct hooks_spec){
        .directory = f->dir.path,
        .env = env,
        .timeout_usec = 60 * (uint64_t)SECOND,
        .stop_at_failure = true,
        .on_line = on_line,
        .on_end = on_end,
        .userdata = f,
    };
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    hooks_free(f->hooks);
    sd_event_unref(f->event);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

/* An executable shell script. */
static void make_hook(struct fixture *f, const char *name, const char *commands)
{
    char script[1024];

    snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", commands);
    temp_dir_write(&f->dir, name, script, strlen(script));
    assert_int_equal(fchmodat(f->dir.fd, name, 0755, 0), 0);
}

static void begin(struct fixture *f)
{
    f->ended = false;
    assert_int_equal(hooks_new(f->event, &f->spec, &f->hooks), 0);
    assert_false(f->ended);
}

static void run(struct fixture *f)
{
    f->text[0] = '\0';
    begin(f);
    assert_true(loop_until(f->event, &f->ended));
}

static void assert_success(const struct fixture *f)
{
    assert_string_equal(f->failed, "");
    assert_null(f->result.hook);
    assert_int_equal(f->result.end, HOOK_SUCCEEDED);
}

static void assert_failure(const struct fixture *f, const char *hook, enum hook_end end, int status)
{
    assert_string_equal(f->failed, hook);
    assert_int_equal(f->result.end, end);
    assert_int_equal(f->result.status, status);
}

/* A zombie, which is its new parent's to reap, does not live. *stat is what the kernel says. */
static bool lives(pid_t pid, char stat[static STAT_MAX])
{
    char path[32];
    int length = snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_in_range(length, 1, sizeof(path) - 1);
    memset(stat, 0, STAT_MAX);
    return fd >= 0 && fd_read_full(fd, stat, STAT_MAX - 1) > 0 && !strstr(stat, ") Z ");
}

/* The hook has written its process's id to a file: true once no such process lives. */
static bool is_gone(const struct fixture *f, const char *name)
{
    double end = loop_now() + LOOP_LIMIT_SEC;
    char stat[STAT_MAX];
    size_t size;
    _cleanup_free_ char *text = temp_dir_read(&f->dir, name, &size);

    assert_non_null(text);
    pid_t pid = (pid_t)atoi(text);
    assert_true(pid > 1);
    while (lives(pid, stat)) {
        if (loop_now() >= end) {
            print_error("%s lives: %s", name, stat);
            return false;
        }
        usleep(1000);
    }
    return true;
}

/* It came as far as that. */
static bool has_told(const struct fixture *f, const char *name)
{
    struct stat status;

    return fstatat(f->dir.fd, name, &status, 0) >= 0 && status.st_size > 0;
}

static void test_order(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "9-third", "echo third");
    make_hook(f, "10-first", "echo first; echo to stderr >&2");
    make_hook(f, "20-second", "sleep 0.1; printf 'no newline'");
    run(f);
    assert_success(f);
    assert_string_equal(f->text, "6 10-first: first\n6 10-first: to stderr\n"
                                 "6 20-second: no newline\n6 9-third: third\n");
}

static void test_environment(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "a",
              "read line; echo \"$M4FLASH_JOB|$M4FLASH_CODE|$line|$HOME|$(pwd)\"\n"
              "env | grep ^PATH= | cut -d: -f1\n"
              "ls /proc/self/fd | wc -l");
    run(f);
    assert_success(f);
    /* What ls holds: 0, 1, 2 and the folder. */
    assert_string_equal(f->text, "6 a: 7|a b|||/\n6 a: PATH=/usr/local/sbin\n6 a: 4\n");
}

static void test_none(void **state)
{
    struct fixture *f = *state;
    char missing[64];

    run(f);
    assert_success(f);
    snprintf(missing, sizeof(missing), "%s/missing", f->dir.path);
    f->spec.directory = missing;
    run(f);
    assert_success(f);
    assert_string_equal(f->text, "");
}

static void test_unreadable_folder(void **state)
{
    struct fixture *f = *state;
    char path[64];

    temp_dir_write(&f->dir, "file", "", 0);
    snprintf(path, sizeof(path), "%s/file", f->dir.path);
    f->spec.directory = path;
    run(f);
    assert_failure(f, path, HOOK_NOT_STARTED, ENOTDIR);
    assert_string_equal(f->phrase, "could not be started: Not a directory");
    strcat(path, "/pre.d");
    run(f);
    assert_failure(f, path, HOOK_NOT_STARTED, ENOTDIR);
}

static void test_failure_stops(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "1", "exit 0");
    make_hook(f, "2", "echo sorry; exit 3");
    make_hook(f, "3", "echo never");
    run(f);
    assert_failure(f, "2", HOOK_EXITED, 3);
    assert_string_equal(f->phrase, "failed with exit status 3");
    assert_string_equal(f->text, "6 2: sorry\n");
}

static void test_failure_is_told(void **state)
{
    struct fixture *f = *state;

    f->spec.stop_at_failure = false;
    make_hook(f, "1", "exit 1");
    make_hook(f, "2", "kill -SEGV $$");
    make_hook(f, "3", "echo still");
    run(f);
    assert_failure(f, "1", HOOK_EXITED, 1);
    assert_string_equal(f->text, "4 1: failed with exit status 1\n"
                                 "4 2: was killed by signal 11 (Segmentation fault)\n"
                                 "6 3: still\n");
}

static void test_signal(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "a", "kill -TERM $$");
    run(f);
    assert_failure(f, "a", HOOK_SIGNALED, SIGTERM);
}

/* Nothing that the kernel could execute. */
static void test_not_started(void **state)
{
    struct fixture *f = *state;

    temp_dir_write(&f->dir, "a", "#!/no/such/interpreter\n", 23);
    assert_int_equal(fchmodat(f->dir.fd, "a", 0755, 0), 0);
    run(f);
    assert_failure(f, "a", HOOK_NOT_STARTED, ENOENT);
    make_hook(f, "b", "echo still");
    f->spec.stop_at_failure = false;
    run(f);
    assert_string_equal(f->text, "4 a: could not be started: No such file or directory\n"
                                 "6 b: still\n");
}

static void test_timeout(void **state)
{
    struct fixture *f = *state;
    char commands[128];

    snprintf(commands, sizeof(commands),
             "echo $$ >%s/pid; trap '' TERM; echo waits; while :; do sleep 1; done", f->dir.path);
    make_hook(f, "a", commands);
    /* On a slow machine it takes a while until there is something to kill. */
    for (f->spec.timeout_usec = SECOND / 4; !has_told(f, "pid"); f->spec.timeout_usec *= 4) {
        assert_true(f->spec.timeout_usec < LOOP_LIMIT_SEC * (uint64_t)SECOND);
        run(f);
        assert_failure(f, "a", HOOK_TIMED_OUT, 0);
        assert_string_equal(f->phrase, "took too long and was killed");
    }
    assert_true(is_gone(f, "pid"));
}

static void test_leaves_a_child(void **state)
{
    struct fixture *f = *state;
    char commands[128];

    snprintf(commands, sizeof(commands), "sleep 1000 & echo $! >%s/pid; echo done", f->dir.path);
    make_hook(f, "a", commands);
    make_hook(f, "b", "echo next");
    run(f);
    assert_success(f);
    assert_string_equal(f->text, "6 a: done\n6 b: next\n");
    assert_true(is_gone(f, "pid"));
}

/* One who has left the group writes on and on: it must not keep the hook from having ended. */
static void test_leaves_a_chatterbox(void **state)
{
    struct fixture *f = *state;
    char commands[256];
    size_t size;

    snprintf(commands, sizeof(commands),
             "setsid sh -c 'echo $$ >%s/pid; exec yes' &\n"
             "while [ ! -s %s/pid ]; do sleep 0.01; done; sleep 0.1",
             f->dir.path, f->dir.path);
    make_hook(f, "a", commands);
    run(f);
    _cleanup_free_ char *pid = temp_dir_read(&f->dir, "pid", &size);
    assert_non_null(pid);
    kill((pid_t)atoi(pid), SIGKILL); /* if SIGPIPE has not ended it by now */
    assert_success(f);
}

static void test_megabyte(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "a", "yes a line | head -c 1048576");
    make_hook(f, "b", "echo next");
    run(f);
    assert_success(f);
    assert_int_equal(f->n_lines, HOOKS_LINES_MAX + 2);
    assert_non_null(strstr(f->text, "\n4 a: wrote more than 256 lines: the rest is dropped\n"
                                    "6 b: next\n"));
}

static void test_endless_line(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "a", "printf '\\033[2J'; head -c 1048576 /dev/zero | tr '\\0' x");
    run(f);
    assert_success(f);
    assert_int_equal(f->n_lines, 1);
    assert_in_range(f->longest, 100, 1024);
    assert_null(strchr(f->text, '\x1b'));
}

#define LEFTOVER "it has the name of a hidden file or a backup"

static void test_passed_over(void **state)
{
    struct fixture *f = *state;
    char expected[1024];

    make_hook(f, ".hidden", "echo never");
    make_hook(f, "backup~", "echo never");
    make_hook(f, "bad\nname", "echo never");
    make_hook(f, "old.dpkg-old", "echo never");
    make_hook(f, "plain", "echo never");
    assert_int_equal(fchmodat(f->dir.fd, "plain", 0644, 0), 0);
    assert_int_equal(mkdirat(f->dir.fd, "folder", 0755), 0);
    assert_int_equal(mkfifoat(f->dir.fd, "fifo", 0755), 0);
    assert_int_equal(symlinkat("nowhere", f->dir.fd, "dangling"), 0);
    make_hook(f, "good.sh", "echo good");
    run(f);
    assert_success(f);
    snprintf(expected, sizeof(expected),
             "6 .hidden: is passed over: " LEFTOVER "\n"
             "6 backup~: is passed over: " LEFTOVER "\n"
             "4 %s: holds a file with an unprintable name, which is passed over\n"
             "4 dangling: is passed over: No such file or directory\n"
             "4 fifo: is passed over: it is no regular file\n"
             "4 folder: is passed over: it is no regular file\n"
             "6 good.sh: good\n"
             "6 old.dpkg-old: is passed over: " LEFTOVER "\n"
             "4 plain: is passed over: it is not executable\n",
             f->dir.path);
    assert_string_equal(f->text, expected);
}

static void test_links(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "folder", 0755), 0);
    make_hook(f, "folder/target", "echo $0");
    assert_int_equal(symlinkat("folder/target", f->dir.fd, "a"), 0);
    run(f);
    assert_success(f);
    assert_non_null(strstr(f->text, "/a\n"));
}

static void test_unsafe(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "group", "echo never");
    make_hook(f, "others", "echo never");
    make_hook(f, "owner", "echo never");
    assert_int_equal(fchmodat(f->dir.fd, "group", 0775, 0), 0);
    assert_int_equal(fchmodat(f->dir.fd, "others", 0757, 0), 0);
    if (geteuid() == 0)
        assert_int_equal(fchownat(f->dir.fd, "owner", 65534, 0, 0), 0);
    else
        assert_int_equal(unlinkat(f->dir.fd, "owner", 0), 0);
    run(f);
    assert_success(f);
    assert_string_equal(
        f->text, geteuid() == 0
                     ? "4 group: is passed over: others than its owner may write to it\n"
                       "4 others: is passed over: others than its owner may write to it\n"
                       "4 owner: is passed over: its owner is neither root nor the service's user\n"
                     : "4 group: is passed over: others than its owner may write to it\n"
                       "4 others: is passed over: others than its owner may write to it\n");
}

static void test_unsafe_folder(void **state)
{
    struct fixture *f = *state;

    make_hook(f, "a", "echo never");
    assert_int_equal(fchmod(f->dir.fd, 0777), 0);
    run(f);
    assert_success(f);
    assert_non_null(strstr(f->text, ": is passed over: others than its owner may write to it\n"));
    assert_int_equal(f->n_lines, 1);
}

static void test_free_in_the_middle(void **state)
{
    struct fixture *f = *state;
    char commands[160];

    snprintf(commands, sizeof(commands),
             "sleep 1000 & echo $! >%s/child; echo $$ >%s/pid; echo ready; wait", f->dir.path,
             f->dir.path);
    make_hook(f, "a", "exit 0");
    run(f); /* so that the loop has all the descriptors of its own that it will ever have */
    unsigned fds = count_fds();
    make_hook(f, "a", commands);
    begin(f);
    double end = loop_now() + LOOP_LIMIT_SEC;
    while (f->n_lines == 0 && loop_now() < end)
        assert_true(sd_event_run(f->event, 100000) >= 0);
    f->hooks = hooks_free(f->hooks);
    assert_true(is_gone(f, "pid"));
    assert_true(is_gone(f, "child"));
    loop_drain(f->event);
    assert_false(f->ended);
    assert_int_equal(count_fds(), fds);

    begin(f);
    f->hooks = hooks_free(f->hooks);
    loop_drain(f->event);
    assert_false(f->ended);
    assert_null(hooks_free(NULL));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_environment),
        TEST(test_none),
        TEST(test_unreadable_folder),
        TEST(test_failure_stops),
        TEST(test_failure_is_told),
        TEST(test_signal),
        TEST(test_not_started),
        TEST(test_timeout),
        TEST(test_leaves_a_child),
        TEST(test_leaves_a_chatterbox),
        TEST(test_megabyte),
        TEST(test_endless_line),
        TEST(test_passed_over),
        TEST(test_links),
        TEST(test_unsafe),
        TEST(test_unsafe_folder),
        TEST(test_free_in_the_middle),
    };

    if (!loop_has_pidfds())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
