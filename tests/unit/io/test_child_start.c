/* What a child is given, whatever its parent has: descriptors, signals, environment, a group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io/child.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"
#include "util/capabilities.h"

enum {
    HIGH = 200, /* a descriptor far above those in use */
};

struct fixture {
    sd_event *event;
    char said[8192];
    size_t n_said;
    bool ended;
    int status;
};

static void on_output(const char *bytes, size_t size, void *userdata)
{
    struct fixture *f = userdata;

    if (size < sizeof(f->said) - f->n_said) {
        memcpy(f->said + f->n_said, bytes, size);
        f->n_said += size;
    }
}

static void on_end(enum child_end end, int status, void *userdata)
{
    struct fixture *f = userdata;

    f->status = end == CHILD_EXITED ? status : -1;
    f->ended = true;
}

/* Runs the probe; fixture.said is what it says of itself. Returns its exit status, or -1. */
static int probe_as(struct fixture *f, const int *fds, size_t n_fds, char *const *env,
                    uint64_t capabilities)
{
    char *const argv[] = {getenv("CHILD_PROBE"), NULL};
    _cleanup_(child_freep) struct child *child = NULL;
    const struct child_spec spec = {
        .description = "probe",
        .argv = argv,
        .env = env,
        .fds = fds,
        .n_fds = n_fds,
        .capabilities = capabilities,
        .on_output = on_output,
        .on_end = on_end,
        .userdata = f,
    };

    *f = (struct fixture){.event = loop_make(), .status = -1};
    if (child_new(f->event, &spec, &child) == 0)
        loop_until(f->event, &f->ended);
    sd_event_unref(f->event);
    return f->status;
}

static int probe_with(struct fixture *f, const int *fds, size_t n_fds, char *const *env)
{
    return probe_as(f, fds, n_fds, env, 0);
}

static void probe(struct fixture *f, const int *fds, size_t n_fds)
{
    char *const env[] = {NULL};

    assert_int_equal(probe_with(f, fds, n_fds, env), 0);
}

/* Its descriptors, one a line; where the pipe leads does not matter, only that it is one. */
static char *fds_of(struct fixture *f)
{
    char *to = f->said;

    for (char *line = strtok(f->said, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "fd ", 3) != 0)
            continue;
        char *pipe = strstr(line, "pipe:[");
        if (pipe)
            strcpy(pipe, "pipe");
        to += sprintf(to, "%s\n", line + 3);
    }
    *to = '\0';
    return f->said;
}

static bool says(const struct fixture *f, const char *line)
{
    const char *found = strstr(f->said, line);

    return found && (found == f->said || found[-1] == '\n') && found[strlen(line)] == '\n';
}

static int memfd_at(const char *name, int number)
{
    int fd = memfd_create(name, 0);

    assert_true(fd >= 0);
    if (fd != number) {
        assert_int_equal(dup2(fd, number), number);
        close(fd);
    }
    return number;
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

static void test_standard_fds(void **state)
{
    struct fixture f;
    (void)state;

    probe(&f, NULL, 0);
    assert_string_equal(fds_of(&f), "0 /dev/null\n1 pipe\n2 pipe\n");
}

/* Neither what stands where the child's own go, nor what stands far above. */
static void test_inherits_nothing(void **state)
{
    static const int numbers[] = {3, 4, 5, 6, 7, 8, 9, HIGH};
    struct fixture f;
    int kept[ELEMENTSOF(numbers)];
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
        kept[i] = fcntl(numbers[i], F_DUPFD_CLOEXEC, HIGH + 1);
        memfd_at("secret", numbers[i]);
    }
    int given[] = {memfd_at("given", 10)};
    probe(&f, given, 1);
    for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
        close(numbers[i]);
        if (kept[i] >= 0) {
            dup2(kept[i], numbers[i]);
            close(kept[i]);
        }
    }
    close(given[0]);
    assert_string_equal(fds_of(&f), "0 /dev/null\n1 pipe\n2 pipe\n3 /memfd:given (deleted)\n");
}

/* Every order of descriptors that are already where others of them are to go. */
static void test_overlapping_fds(void **state)
{
    static const int orders[][3] = {
        {3, 4, 5}, {3, 5, 4}, {4, 3, 5}, {4, 5, 3}, {5, 3, 4},
        {5, 4, 3}, {4, 4, 4}, {6, 5, 4}, {7, 3, 6}, {HIGH, 4, 3},
    };
    struct fixture f;
    (void)state;

    /* In a process of its own, whose numbers may be used at will. */
    for (size_t i = 0; i < ELEMENTSOF(orders); i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            char expected[256], name[16];
            int used = sprintf(expected, "0 /dev/null\n1 pipe\n2 pipe\n");
            for (int fd = 3; fd < 20; fd++)
                close(fd);
            for (int k = 0; k < 3; k++) {
                sprintf(name, "at-%d", orders[i][k]);
                memfd_at(name, orders[i][k]);
                used += sprintf(expected + used, "%d /memfd:%s (deleted)\n", 3 + k, name);
            }
            probe(&f, orders[i], 3);
            _exit(strcmp(fds_of(&f), expected) == 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* The content is the parent's own, and the parent's descriptor is still open. */
static void test_keeps_the_parents(void **state)
{
    struct fixture f;
    (void)state;

    const int fds[] = {memfd_at("given", HIGH)};
    assert_int_equal(write(fds[0], "content", 7), 7);
    probe(&f, fds, 1);
    assert_int_equal(lseek(fds[0], 0, SEEK_END), 7);
    close(fds[0]);
}

/* Without listener both outputs lead nowhere. */
static void test_no_listener(void **state)
{
    char *const argv[] = {
        "/bin/sh", "-c",
        "test \"$(readlink /proc/$$/fd/1 /proc/$$/fd/2)\" = '/dev/null\n/dev/null'", NULL};
    char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    _cleanup_(child_freep) struct child *child = NULL;
    struct fixture f = {.event = loop_make(), .status = -1};
    const struct child_spec spec = {
        .description = "test", .argv = argv, .env = env, .on_end = on_end, .userdata = &f};
    (void)state;

    assert_int_equal(child_new(f.event, &spec, &child), 0);
    assert_true(loop_until(f.event, &f.ended));
    child = child_free(child);
    sd_event_unref(f.event);
    assert_int_equal(f.status, 0);
}

/* A daemon may be started with any of the standard descriptors closed. */
static void test_parent_without_standard_fds(void **state)
{
    (void)state;

    for (unsigned closed = 1; closed < 8; closed++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            struct fixture f;
            const int fds[] = {memfd_at("given", HIGH)};
            char *const env[] = {NULL};
            for (int fd = 0; fd < 3; fd++)
                if (closed & (1U << fd))
                    close(fd);
            if (probe_with(&f, fds, 1, env) != 0)
                _exit(1);
            _exit(strcmp(fds_of(&f), "0 /dev/null\n1 pipe\n2 pipe\n3 /memfd:given (deleted)\n") != 0
                      ? 2
                      : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* ---- Everything else ------------------------------------------------------------------------- */

static void test_signals(void **state)
{
    static const int ignored[] = {SIGPIPE, SIGIO, SIGUSR1, SIGTERM};
    struct fixture f;
    sigset_t all, before;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(ignored); i++)
        signal(ignored[i], SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    probe(&f, NULL, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (size_t i = 0; i < ELEMENTSOF(ignored); i++)
        signal(ignored[i], SIG_DFL);
    loop_arrange_signals();
    assert_true(says(&f, "SigBlk:\t0000000000000000"));
    assert_true(says(&f, "SigIgn:\t0000000000000000"));
}

static void test_environment(void **state)
{
    char *const env[] = {"ONE=1", "TWO=two words", NULL};
    struct fixture f;
    unsigned n = 0;
    (void)state;

    setenv("SECRET", "x", 1);
    assert_int_equal(probe_with(&f, NULL, 0, env), 0);
    assert_true(says(&f, "env ONE=1"));
    assert_true(says(&f, "env TWO=two words"));
    for (const char *at = f.said; (at = strstr(at, "\nenv ")); at++)
        n++;
    assert_int_equal(n, 2);
}

static void test_group_and_folder(void **state)
{
    struct fixture f;
    (void)state;

    probe(&f, NULL, 0);
    assert_true(says(&f, "leader 1"));
    assert_true(says(&f, "cwd /"));
}

/* What a program may inherit is ours or less: a container's manager may have left us something. */
static uint64_t inheritable(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    assert_int_equal(syscall(SYS_capget, &header, data), 0);
    return data[0].inheritable | (uint64_t)data[1].inheritable << 32;
}

static void assert_rights(const struct fixture *f, uint64_t kept, const char *sets,
                          const char *no_new_privs)
{
    char line[64];

    for (size_t i = 0; i < 2; i++) {
        snprintf(line, sizeof(line), "%s\t%s", i ? "CapEff:" : "CapPrm:", sets);
        assert_true(says(f, line));
    }
    snprintf(line, sizeof(line), "NoNewPrivs:\t%s", no_new_privs);
    assert_true(says(f, line));
    snprintf(line, sizeof(line), "CapInh:\t%016" PRIx64, inheritable() & kept);
    assert_true(says(f, line));
    assert_true(says(f, "CapAmb:\t0000000000000000"));
}

/* What a root's program would otherwise have again as soon as it runs. */
static void test_capabilities(void **state)
{
    char *const env[] = {NULL};
    const bool root = geteuid() == 0;
    struct fixture f;
    (void)state;

    probe(&f, NULL, 0);
    assert_rights(&f, 0, "0000000000000000", "1");
    assert_int_equal(probe_as(&f, NULL, 0, env, CAPABILITY(CAP_KILL)), 0);
    assert_rights(&f, CAPABILITY(CAP_KILL), root ? "0000000000000020" : "0000000000000000", "1");
    assert_int_equal(probe_as(&f, NULL, 0, env, CHILD_ALL_CAPABILITIES), 0);
    assert_true(says(&f, "NoNewPrivs:\t0") || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    assert_true(!root || !says(&f, "CapEff:\t0000000000000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_fds),     cmocka_unit_test(test_inherits_nothing),
        cmocka_unit_test(test_overlapping_fds),  cmocka_unit_test(test_keeps_the_parents),
        cmocka_unit_test(test_no_listener),      cmocka_unit_test(test_parent_without_standard_fds),
        cmocka_unit_test(test_signals),          cmocka_unit_test(test_environment),
        cmocka_unit_test(test_group_and_folder), cmocka_unit_test(test_capabilities),
    };

    if (!loop_has_pidfds())
        return 0;
    loop_arrange_signals();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
