/* What a checker can still do once it is locked up, tried by one that an upload has taken over. */
#include "driven.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "build-config.h"

#if WITH_SECCOMP
#include <seccomp.h>
#endif

static const char *const forbidden[] = {
    "execve",
    "thread",
    "fork",
    "open",
    "socket",
    "inet",
    "ptrace",
    "kill",
    "stat",
    "unlink",
    "mount",
    "setuid",
    "unshare",
    "prctl",
    "prlimit",
    "memory-that-runs",
    "mprotect",
    "shared-memory",
    "another-descriptor",
    "passing-a-descriptor",
    "dup",
    "sleep",
#ifdef __x86_64__
    "other-abi",
#endif
};

static bool has_filter(void)
{
    return WITH_CAGE && WITH_SECCOMP && prctl(PR_GET_SECCOMP) >= 0;
}

/* A captive checker with an upload that asks it to do that. */
static void ask_for(struct fixture *f, const char *what)
{
    char upload[64];

    snprintf(upload, sizeof(upload), "!%s", what);
    replace_upload(f, upload, strlen(upload));
    f->program = getenv("CAPTIVE_CHECKER");
    start(f);
    go(f);
}

static void test_forbidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTSOF(forbidden); i++) {
        void *fixture;
        struct fixture *f;
        int status = 0;

        assert_int_equal(set_up(&fixture), 0);
        f = fixture;
        ask_for(f, forbidden[i]);
        assert_int_equal(waitpid(f->checker, &status, 0), f->checker);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: ended with %#x", forbidden[i], (unsigned)status);
        assert_silent(f);
        assert_int_equal(tear_down(&fixture), 0);
    }
}

/* The captive checker is one that answers, whoever it is asked for nothing. */
static void test_unknown_request_is_survived(void **state)
{
    struct answer_head head;

    ask_for(*state, "nothing");
    read_head(*state, &head);
    assert_int_equal(head.report.code, SKETCH_NO_CODE);
    assert_ends_with_digest(*state, "!nothing", 8);
}

static void test_memory_is_bounded(void **state)
{
    struct answer_head head;

    ask_for(*state, "memory");
    read_head(*state, &head);
    assert_int_equal(head.report.code, SKETCH_NOT_ELF);
    assert_ends_with_digest(*state, "!memory", 7);
}

/* ---- Looked at from outside ------------------------------------------------------------------ */

/* The rest of the line that begins with name in /proc/PID/file; false if there is none. */
static bool find_line(pid_t pid, const char *file, const char *name, char ret[static 128])
{
    char path[64], line[128];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    while (!found && fgets(line, sizeof(line), stream)) {
        found = strncmp(line, name, strlen(name)) == 0;
        if (found)
            memmove(ret, line + strlen(name), strlen(line + strlen(name)) + 1);
    }
    fclose(stream);
    if (found)
        ret[strcspn(ret, "\n")] = '\0';
    return found;
}

static void assert_line(struct fixture *f, const char *file, const char *name, const char *expected)
{
    char line[128];

    assert_true(find_line(f->checker, file, name, line));
    if (strncmp(line + strspn(line, " \t"), expected, strlen(expected)) != 0)
        fail_msg("%s is '%s' instead of '%s'", name, line, expected);
}

/* System call filters on a process: a container's manager may have put one on us all. */
static long count_filters(pid_t pid)
{
    char line[128];

    assert_true(find_line(pid, "status", "Seccomp_filters:", line)); /* since Linux 5.9 */
    return strtol(line, NULL, 10);
}

/* The filter is what the cage gets last. */
static void wait_until_locked(struct fixture *f)
{
    struct timespec pause = {.tv_nsec = 5000000};
    const long before = count_filters(getpid());

    for (int i = 0; i < 12000; i++) {
        if (count_filters(f->checker) > before)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("it never was locked up");
}

static void end(struct fixture *f)
{
    assert_int_equal(shutdown(f->here, SHUT_WR), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 0);
}

static void test_state(void **state)
{
    static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};
    struct fixture *f = *state;

    start(f);
    wait_until_locked(f);
    assert_line(f, "status", "NoNewPrivs:", "1");
    assert_line(f, "status", "Threads:", "1");
    for (size_t i = 0; i < ELEMENTSOF(sets); i++)
        assert_line(f, "status", sets[i], "0000000000000000");
    if (geteuid() == 0) {
        assert_line(f, "status", "CapBnd:", "0000000000000000");
        assert_line(f, "status", "Uid:", "65534\t65534\t65534\t65534");
        assert_line(f, "status", "Gid:", "65534\t65534\t65534\t65534");
        assert_line(f, "status", "Groups:", "");
    }
    end(f);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;

    start(f);
    wait_until_locked(f);
    assert_line(f, "limits", "Max core file size", "0                    0 ");
    assert_line(f, "limits", "Max file size", "0                    0 ");
    assert_line(f, "limits", "Max processes", "0                    0 ");
    assert_line(f, "limits", "Max open files", "5                    5 ");
    assert_line(f, "limits", "Max cpu time", "30                   30 ");
    /* Twice 64 MiB, the flash window of 1 MiB, and 16 MiB; then 64 and 128 MiB more to map. */
    assert_line(f, "limits", "Max data size", "152043520            152043520 ");
    assert_line(f, "limits", "Max address space", "353370112            353370112 ");
    end(f);
}

static void test_limits_follow_max_size(void **state)
{
    struct fixture *f = *state;

    start_with(f, "--max-size=1M");
    wait_until_locked(f);
    assert_line(f, "limits", "Max data size", "19922944             19922944 ");
    end(f);
}

/* Not one more, even if it was started with some. */
static void test_descriptors(void **state)
{
    struct fixture *f = *state;
    char path[64], target[64];

    if (geteuid() != 0)
        return; /* nobody else may look into it */
    const int more = fcntl(f->profile, F_DUPFD, 20);
    start(f);
    close(more);
    wait_until_locked(f);
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)f->checker, fd);
        if ((readlink(path, target, sizeof(target)) >= 0) != (fd <= ANSWER_FD_SOCKET))
            fail_msg("descriptor %d", fd);
    }
    end(f);
}

static void test_user(void **state)
{
    struct fixture *f = *state;

    if (geteuid() != 0)
        return; /* nobody else can be another user */
    start_with(f, "--user=1234:5678");
    wait_until_locked(f);
    assert_line(f, "status", "Uid:", "1234\t1234\t1234\t1234");
    assert_line(f, "status", "Gid:", "5678\t5678\t5678\t5678");
    end(f);
}

static void test_user_is_never_root(void **state)
{
    static const char *const wrong[] = {"--user=0:5", "--user=5:0",  "--user=5",
                                        "--user=",    "--user=-1:5", "--max-size=x"};

    for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
        start_with(*state, wrong[i]);
        assert_int_equal(finish(*state), 2);
    }
}

/* ---- What it says of itself, and a kernel that has less ----------------------------------------
 */

static uint32_t cage_of(struct fixture *f)
{
    struct answer_head head;

    start(f);
    go(f);
    read_head(f, &head);
    assert_int_equal(head.report.code, SKETCH_ACCEPTED);
    f->here = fd_close(f->here);
    assert_int_equal(waitpid(f->checker, NULL, 0), f->checker);
    return head.cage;
}

static void test_says_what_it_has(void **state)
{
    uint32_t all = ANSWER_CAGE_ALL;

    if (geteuid() != 0)
        all &= ~(uint32_t)ANSWER_CAGE_USER;
    assert_int_equal(cage_of(*state), all);
}

#if WITH_SECCOMP
static void lack(const int *calls, size_t n)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    for (size_t i = 0; i < n; i++)
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), calls[i], 0);
    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
                     SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
    if (seccomp_load(filter) < 0)
        _exit(126);
    seccomp_release(filter);
}

static void lack_filter_and_landlock(void)
{
    static const int calls[] = {SCMP_SYS(seccomp), SCMP_SYS(landlock_create_ruleset)};

    lack(calls, ELEMENTSOF(calls));
}

static void lack_all(void)
{
    static const int calls[] = {SCMP_SYS(seccomp),   SCMP_SYS(landlock_create_ruleset),
                                SCMP_SYS(chroot),    SCMP_SYS(unshare),
                                SCMP_SYS(setgroups), SCMP_SYS(setgroups32)};

    lack(calls, ELEMENTSOF(calls));
}
#endif

static void test_older_kernel(void **state)
{
#if WITH_SECCOMP
    struct fixture *f = *state;

    if (geteuid() != 0)
        return; /* nobody else can be another user */
    f->before_exec = lack_filter_and_landlock;
    assert_int_equal(cage_of(f), ANSWER_CAGE_USER | ANSWER_CAGE_LIMITS | ANSWER_CAGE_FILES);
#else
    (void)state;
#endif
}

static void test_kernel_without_anything(void **state)
{
#if WITH_SECCOMP
    struct fixture *f = *state;

    f->before_exec = lack_all;
    assert_int_equal(cage_of(f), ANSWER_CAGE_LIMITS);
#else
    (void)state;
#endif
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden),
        TEST(test_unknown_request_is_survived),
        TEST(test_memory_is_bounded),
        TEST(test_state),
        TEST(test_limits),
        TEST(test_limits_follow_max_size),
        TEST(test_descriptors),
        TEST(test_user),
        TEST(test_user_is_never_root),
        TEST(test_says_what_it_has),
        TEST(test_older_kernel),
        TEST(test_kernel_without_anything),
    };

    if (!has_filter()) {
        puts("1..0 # SKIP no filter in this build (sanitizer? -Dseccomp=disabled?) or kernel");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
