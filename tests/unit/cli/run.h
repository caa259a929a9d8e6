/* Runs m4flash as people and scripts do, in a fresh folder, and keeps what it prints. */
#pragma once

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/util/temp_dir.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum { ARGUMENTS_MAX = 8 };

struct fixture {
    struct temp_dir dir; /* the folder each test runs in */
    int home;            /* the folder tests were started in */
    const char *out_to;  /* where standard output goes */
    bool obeys_modes;    /* even as root */
    char out[16384], err[4096];
};

static inline _unused_ void write_file(const char *name, const void *data, size_t size)
{
    _cleanup_fd_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, data, size), 0);
}

static inline _unused_ int fixture_set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->dir = temp_dir_make();
    f->out_to = ".out";
    f->home = open(".", O_PATH | O_CLOEXEC);
    assert_true(f->home >= 0);
    assert_int_equal(fchdir(f->dir.fd), 0);
    *state = f;
    return 0;
}

static inline _unused_ int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fchdir(f->home), 0);
    fd_close(f->home);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static inline _unused_ void slurp(const char *name, char *to, size_t room)
{
    _cleanup_fd_ int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd_read_full(fd, to, room - 1);

    assert_true(n >= 0);
    to[n] = '\0';
    unlink(name);
}

/* What root executes from now on is held back by permissions; a container may hand down its own. */
static inline void obey_modes(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

    prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
    prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
    if (syscall(SYS_capget, &header, sets) < 0)
        _exit(126);
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        sets[i].inheritable = 0;
    if (syscall(SYS_capset, &header, sets) < 0)
        _exit(126);
}

/* Runs m4flash with arguments up to NULL. Returns its exit status. */
static inline _unused_ int m4flash(struct fixture *f,
                                   const char *const arguments[static ARGUMENTS_MAX])
{
    char *argv[ARGUMENTS_MAX + 2] = {getenv("M4FLASH_COMMAND")};
    int status = 0;

    assert_non_null(argv[0]);
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int out = open(f->out_to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int err = open(".err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        if (f->obeys_modes && geteuid() == 0)
            obey_modes();
        execv(argv[0], argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (strcmp(f->out_to, ".out") == 0)
        slurp(".out", f->out, sizeof(f->out));
    slurp(".err", f->err, sizeof(f->err));
    return WEXITSTATUS(status);
}

#define RUN(f, ...) m4flash(f, (const char *const[ARGUMENTS_MAX]){__VA_ARGS__})

static inline _unused_ void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

/* The n'th line, parsed strictly and as UTF-8; to be put. */
static inline _unused_ struct json_object *json_line(const char *text, unsigned n)
{
    struct json_tokener *tokener = json_tokener_new();

    assert_non_null(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    while (n-- > 0)
        text = strchr(text, '\n') + 1;
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)(end - text));
    if (!object)
        fail_msg("no JSON: %s", text);
    json_tokener_free(tokener);
    return object;
}
