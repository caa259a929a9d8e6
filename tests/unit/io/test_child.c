/* How a child ends, what is heard of it, and that nothing of it is left over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "io/child.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"

struct fixture {
    unsigned fds;
    sd_event *event;
    struct child *child;
    char said[4096]; /* the beginning of the output */
    size_t n_said;   /* bytes of output in all */
    bool free_at_end;
    unsigned ends;
    bool ended;
    enum child_end end;
    int status;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.event = loop_make();
    *state = &f;
    return 0;
}

/* No child and no descriptor is left. */
static int tear_down(void **state)
{
    struct fixture *f = *state;

    prctl(PR_SET_CHILD_SUBREAPER, 0);
    child_free(f->child);
    sd_event_unref(f->event);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        return -1;
    return count_fds() == f->fds ? 0 : -1;
}

static void on_output(const char *bytes, size_t size, void *userdata)
{
    struct fixture *f = userdata;

    if (f->n_said < sizeof(f->said) - 1) {
        size_t room = sizeof(f->said) - 1 - f->n_said;
        memcpy(f->said + f->n_said, bytes, size < room ? size : room);
    }
    f->n_said += size;
}

static void on_end(enum child_end end, int status, void *userdata)
{
    struct fixture *f = userdata;

    f->end = end;
    f->status = status;
    f->ended = true;
    f->ends++;
    if (f->free_at_end)
        f->child = child_free(f->child);
}

static int start_program(struct fixture *f, char *const *argv, uint64_t timeout_usec)
{
    char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    const struct child_spec spec = {
        .description = "test",
        .argv = argv,
        .env = env,
        .timeout_usec = timeout_usec,
        .on_output = on_output,
        .on_end = on_end,
        .userdata = f,
    };

    return child_new(f->event, &spec, &f->child);
}

static void start(struct fixture *f, const char *script, uint64_t timeout_usec)
{
    char *const argv[] = {"/bin/sh", "-c", (char *)script, NULL};

    assert_int_equal(start_program(f, argv, timeout_usec), 0);
}

static void assert_end(struct fixture *f, enum child_end end, int status)
{
    assert_true(loop_until(f->event, &f->ended));
    assert_int_equal(f->end, end);
    assert_int_equal(f->status, status);
}

/* Turns the loop until the output has n lines of numbers, and reads them. */
static void read_pids(struct fixture *f, pid_t *ret, unsigned n)
{
    double limit = loop_now() + LOOP_LIMIT_SEC;
    const char *text = f->said;
    char *end;

    for (;;) {
        unsigned lines = 0;
        for (const char *c = f->said; *c; c++)
            lines += *c == '\n';
        if (lines >= n)
            break;
        assert_true(loop_now() < limit);
        sd_event_run(f->event, 100000);
    }
    for (unsigned i = 0; i < n; i++, text = end) {
        ret[i] = (pid_t)strtol(text, &end, 10);
        assert_true(ret[i] > 1);
    }
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void test_exit(void **state)
{
    struct fixture *f = *state;

    start(f, "exit 0", 0);
    assert_end(f, CHILD_EXITED, 0);
}

static void test_exit_status(void **state)
{
    struct fixture *f = *state;

    start(f, "echo out; echo err >&2; exit 134", 0);
    assert_end(f, CHILD_EXITED, 134);
    assert_string_equal(f->said, "out\nerr\n");
}

static void test_signal(void **state)
{
    struct fixture *f = *state;

    start(f, "kill -SEGV $$", 0);
    assert_end(f, CHILD_SIGNALED, SIGSEGV);
}

static void test_kill(void **state)
{
    struct fixture *f = *state;

    start(f, "trap '' TERM; sleep 600", 0);
    child_kill(f->child);
    assert_false(f->ended);
    assert_end(f, CHILD_SIGNALED, SIGKILL);
    child_kill(f->child); /* of no effect, on nobody else either */
}

static void test_deadline(void **state)
{
    struct fixture *f = *state;

    start(f, "trap '' TERM INT HUP; echo ready; while :; do sleep 600; done", 300000);
    assert_end(f, CHILD_DEADLINE, 0);
}

/* A deadline can come later than the child, and be put off. */
static void test_set_deadline(void **state)
{
    struct fixture *f = *state;

    start(f, "echo ready; exec sleep 600", 0);
    assert_int_equal(child_set_timeout(f->child, 300000), 0);
    assert_end(f, CHILD_DEADLINE, 0);
    f->child = child_free(f->child);
    f->ended = false;
    start(f, "sleep 1; exit 3", 300000);
    assert_int_equal(child_set_timeout(f->child, (uint64_t)LOOP_LIMIT_SEC * 1000000), 0);
    assert_end(f, CHILD_EXITED, 3);
}

/* The deadline of a child that ended in time is forgotten, and its end is told once. */
static void test_in_time(void **state)
{
    struct fixture *f = *state;

    start(f, "exit 3", 300000);
    assert_end(f, CHILD_EXITED, 3);
    loop_for(f->event, 0.5);
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->end, CHILD_EXITED);
}

static void test_free_at_end(void **state)
{
    struct fixture *f = *state;

    f->free_at_end = true;
    start(f, "echo x", 60000000);
    assert_end(f, CHILD_EXITED, 0);
    assert_null(f->child);
    assert_int_equal(loop_drain(f->event), 0);
}

static void test_cannot_execute(void **state)
{
    static const struct {
        char *path;
        int error;
    } cases[] = {
        {"/nowhere/openocd", -ENOENT},
        {"/usr", -EACCES},
        {"/etc/passwd", -EACCES},
        {"/etc/passwd/openocd", -ENOTDIR},
    };
    struct fixture *f = *state;
    struct temp_dir dir = temp_dir_make();
    char script[64];

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        char *const argv[] = {cases[i].path, NULL};
        assert_int_equal(start_program(f, argv, 1000), cases[i].error);
        assert_null(f->child);
    }
    snprintf(script, sizeof(script), "%s/text", dir.path);
    temp_dir_write(&dir, "text", "no program", 10);
    assert_int_equal(chmod(script, 0755), 0);
    char *const argv[] = {script, NULL};
    assert_int_equal(start_program(f, argv, 0), -ENOEXEC);
    temp_dir_remove(&dir);
    loop_for(f->event, 0.05);
    assert_int_equal(f->ends, 0);
}

/* ---- Output ---------------------------------------------------------------------------------- */

static void test_much_output(void **state)
{
    struct fixture *f = *state;

    start(f, "head -c 10000000 /dev/zero", 0);
    assert_end(f, CHILD_EXITED, 0);
    assert_int_equal(f->n_said, 10000000);
}

/* Whatever was written before the exit is heard before the end is told, each time. */
static void test_last_words(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 50; i++) {
        f->ended = false;
        f->n_said = 0;
        memset(f->said, 0, sizeof(f->said));
        start(f, "head -c 60000 /dev/zero; exit 7", 0);
        if (i % 2)
            usleep(20000); /* output and exit are there in the same turn */
        assert_end(f, CHILD_EXITED, 7);
        assert_int_equal(f->n_said, 60000);
        f->child = child_free(f->child);
    }
}

/* A child may close its output long before it ends; nobody spins on the closed pipe meanwhile. */
static void test_closed_output(void **state)
{
    struct fixture *f = *state;

    start(f, "echo bye; exec >&- 2>&-; sleep 0.5; exit 4", 0);
    while (f->n_said < 4)
        assert_true(sd_event_run(f->event, 1000000) >= 0);
    unsigned turns = 0;
    for (; !f->ended && turns < 1000; turns++)
        sd_event_run(f->event, 1000000);
    assert_true(turns < 100);
    assert_end(f, CHILD_EXITED, 4);
}

/* Grandchildren that lose their parent become ours from now on: to wait for, and to find. */
static void adopt(void)
{
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

/* An adopted process was ended by this signal. */
static void assert_killed(pid_t pid, int number)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
}

/* A grandchild out of reach holds the pipe's other end open: its silence is not waited for. */
static void test_silent_stray(void **state)
{
    char *const argv[] = {getenv("CHILD_PROBE"), "stray", "silent", NULL};
    struct fixture *f = *state;
    pid_t stray;

    adopt();
    assert_int_equal(start_program(f, argv, 0), 0);
    read_pids(f, &stray, 1);
    loop_until(f->event, &f->ended);
    kill(stray, SIGKILL);
    assert_killed(stray, SIGKILL);
    assert_end(f, CHILD_EXITED, 0);
}

/* And one that never stops writing is not listened to for ever. */
static void test_flooding_stray(void **state)
{
    char *const argv[] = {getenv("CHILD_PROBE"), "stray", "flood", NULL};
    struct fixture *f = *state;
    pid_t stray;

    adopt();
    assert_int_equal(start_program(f, argv, 0), 0);
    read_pids(f, &stray, 1);
    bool ended = loop_until(f->event, &f->ended);
    f->child = child_free(f->child); /* and so is its next write its last */
    assert_killed(stray, SIGPIPE);
    assert_true(ended);
    assert_end(f, CHILD_EXITED, 0);
}

/* ---- What is left ---------------------------------------------------------------------------- */

/* Freed in the middle: the whole group is gone, no zombie is left, and nothing is called. */
static void test_free_running(void **state)
{
    struct fixture *f = *state;
    pid_t pids[2];

    adopt();
    start(f, "trap '' TERM; sleep 600 & echo $$; echo $!; wait", 0);
    read_pids(f, pids, 2);
    f->child = child_free(f->child);
    assert_int_equal(waitpid(pids[0], NULL, 0), -1);
    assert_killed(pids[1], SIGKILL);
    loop_drain(f->event);
    assert_int_equal(f->ends, 0);
}

/* It has ended by itself, but nobody has looked yet. */
static void test_free_ended(void **state)
{
    struct fixture *f = *state;

    start(f, "exit 1", 0);
    usleep(200000);
    f->child = child_free(f->child);
    loop_drain(f->event);
    assert_int_equal(f->ends, 0);
}

/* What a child leaves behind in its group goes with it. */
static void test_group_goes(void **state)
{
    struct fixture *f = *state;
    pid_t left;

    adopt();
    start(f, "sleep 600 & echo $!; exit 5", 0);
    read_pids(f, &left, 1);
    assert_end(f, CHILD_EXITED, 5);
    assert_killed(left, SIGKILL);
}

static void test_group_goes_at_deadline(void **state)
{
    struct fixture *f = *state;
    pid_t left;

    adopt();
    start(f, "trap '' TERM; sleep 600 & echo $!; wait", 500000);
    read_pids(f, &left, 1);
    assert_end(f, CHILD_DEADLINE, 0);
    assert_killed(left, SIGKILL);
}

/* A parent that starts a child, tells its number, and is killed. */
_Noreturn static void be_killed(struct fixture *f, int tell)
{
    pid_t pid;

    f->event = loop_make(); /* a forked one is not to be used */
    start(f, "trap '' TERM; echo $$; exec sleep 600", 0);
    read_pids(f, &pid, 1);
    (void)!write(tell, &pid, sizeof(pid));
    raise(SIGKILL);
    _exit(1);
}

static void test_dies_with_parent(void **state)
{
    struct fixture *f = *state;
    pid_t child = 0;
    int ends[2];

    adopt();
    assert_int_equal(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0)
        be_killed(f, ends[1]);
    close(ends[1]);
    assert_int_equal(fd_read_full(ends[0], &child, sizeof(child)), sizeof(child));
    close(ends[0]);
    assert_killed(parent, SIGKILL);
    assert_killed(child, SIGKILL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exit),
        TEST(test_exit_status),
        TEST(test_signal),
        TEST(test_kill),
        TEST(test_deadline),
        TEST(test_set_deadline),
        TEST(test_in_time),
        TEST(test_free_at_end),
        TEST(test_cannot_execute),
        TEST(test_much_output),
        TEST(test_last_words),
        TEST(test_closed_output),
        TEST(test_silent_stray),
        TEST(test_flooding_stray),
        TEST(test_free_running),
        TEST(test_free_ended),
        TEST(test_group_goes),
        TEST(test_group_goes_at_deadline),
        TEST(test_dies_with_parent),
    };

    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
