#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "util/capabilities.h"
#include "util/fd.h"

enum {
    FIRST_FD = 3,
    CHUNK = 16384, /* bytes of output read at once */
    EXEC_FAILED = 127,
    STACK_SIZE = 16 * 1024, /* for what a child does before its program runs */
};

struct child {
    pid_t pid; /* also its group; 0 once reaped */
    int pidfd;
    int output; /* read end of its stdout and stderr */
    bool expired;
    unsigned lacks; /* of its walls */
    sd_event_source *exit_source;
    sd_event_source *output_source;
    sd_event_source *deadline_source;
    void (*on_output)(const char *bytes, size_t size, void *userdata);
    void (*on_end)(enum child_end end, int status, void *userdata);
    void *userdata;
};

/*
 * ---- In the child, until its program runs -----------------------------------------------------
 *
 * In our memory, on a stack of its own, while we stand still: a fork would first copy the page
 * tables of all that we have. So only system calls here, and nothing of ours is changed but start.
 */

struct start {
    const struct child_spec *spec;
    int output;
    pid_t parent;
    const struct walls *walls; /* or NULL */
    unsigned lacks;            /* of these */
    int error;                 /* why there is no program, or 0 */
};

static void reset_signals(void)
{
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The kernel tells the child of its parent's death, unless that came first: hence the second look.
 */
static int die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

/* A second number, above or higher, for a descriptor just opened. Returns it, or -errno. */
static int move_above(int fd, int above)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, above);

    return moved < 0 ? -errno : moved;
}

/*
 * Moves the standard descriptors to 0, 1, 2 and spec's to 3, 4, …: first all of them out of the
 * way, above where any of them will end, so that none overwrites another. The parent may have been
 * started without standard descriptors, so any may be anywhere.
 */
static int arrange_fds(const struct child_spec *spec, int output)
{
    const int above = FIRST_FD + (int)spec->n_fds;
    int moved[8];

    for (size_t i = 0; i < spec->n_fds; i++) {
        moved[i] = move_above(spec->fds[i], above);
        if (moved[i] < 0)
            return moved[i];
    }
    int null = move_above(open("/dev/null", O_RDWR | O_CLOEXEC), above);
    if (null < 0)
        return null;
    output = move_above(output >= 0 ? output : null, above);
    if (output < 0)
        return output;
    if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        return -errno;
    for (size_t i = 0; i < spec->n_fds; i++)
        if (dup2(moved[i], FIRST_FD + (int)i) < 0)
            return -errno;
    return close_range((unsigned)above, ~0U, 0) < 0 ? -errno : 0;
}

/* Without no_new_privs, root's next program would have all of them again. */
static int limit_capabilities(uint64_t mask)
{
    if (mask != CHILD_ALL_CAPABILITIES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return capabilities_keep(mask, CAPABILITIES_ALL_SETS);
}

/* Before its descriptors are in place: theirs is none of them. */
static int enter_walls(struct start *start)
{
    int missing = start->walls ? walls_enter(start->walls) : 0;

    if (missing < 0)
        return missing;
    start->lacks = (unsigned)missing;
    return 0;
}

/*
 * Never returns, so nobody would take back what AddressSanitizer marks around the variables of its
 * frame, in what is the parent's stack again later: no marks here, and none of a callee inlined.
 */
__attribute__((no_sanitize("address"))) static int run_child(void *userdata)
{
    struct start *start = userdata;
    const struct child_spec *spec = start->spec;

    setpgid(0, 0);
    reset_signals();
    int r = enter_walls(start);
    if (r >= 0)
        r = arrange_fds(spec, start->output);
    if (r >= 0)
        r = die_with(start->parent);
    if (r >= 0 && chdir("/") < 0)
        r = -errno;
    if (r >= 0)
        r = limit_capabilities(spec->capabilities);
    if (r >= 0) {
        execve(spec->argv[0], spec->argv, spec->env);
        r = -errno;
    }
    start->error = r;
    _exit(EXEC_FAILED);
}

/* ---- In the parent ---------------------------------------------------------------------------
 */

static void kill_group(const struct child *child)
{
    if (child->pid > 0)
        kill(-child->pid, SIGKILL);
}

static void reap(struct child *child)
{
    siginfo_t info;

    if (child->pid <= 0)
        return;
    kill_group(child);
    while (waitid(P_PID, (id_t)child->pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
    child->pid = 0;
}

struct child *child_free(struct child *child)
{
    if (!child)
        return NULL;
    sd_event_source_disable_unref(child->exit_source);
    sd_event_source_disable_unref(child->output_source);
    sd_event_source_disable_unref(child->deadline_source);
    reap(child);
    fd_close(child->pidfd);
    fd_close(child->output);
    free(child);
    return NULL;
}

void child_kill(struct child *child)
{
    kill_group(child);
}

/* Delivers a piece of output. Returns 1 if there may be more, 0 at its end, -EAGAIN, or -errno. */
static int deliver(struct child *child)
{
    char buffer[CHUNK];

    ssize_t n = read(child->output, buffer, sizeof(buffer));
    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    if (n > 0)
        child->on_output(buffer, (size_t)n, child->userdata);
    return n > 0;
}

static int on_output_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    (void)fd;
    (void)events;
    int r = deliver(userdata);

    if (r <= 0 && r != -EAGAIN)
        sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
}

/*
 * The child has ended. Whatever it left behind in its group goes too; then the rest of its output
 * is read before its status is judged. A stranger who still holds the pipe's other end is not
 * waited for, and one who keeps writing to it is heard for so long only.
 */
static int on_exit_ready(sd_event_source *source, const siginfo_t *info, void *userdata)
{
    (void)source;
    struct child *child = userdata;

    sd_event_source_set_enabled(child->exit_source, SD_EVENT_OFF);
    enum child_end end = info->si_code == CLD_EXITED ? CHILD_EXITED : CHILD_SIGNALED;
    int status = info->si_status;

    reap(child); /* sd-event would, behind this callback, when child may be freed already */
    for (unsigned i = 0; child->output >= 0 && i < 1024 && deliver(child) > 0; i++)
        ;
    if (child->expired) {
        end = CHILD_DEADLINE;
        status = 0;
    }
    sd_event_source_set_enabled(child->deadline_source, SD_EVENT_OFF);
    sd_event_source_set_enabled(child->output_source, SD_EVENT_OFF);
    child->on_end(end, status, child->userdata);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
    (void)source;
    (void)usec;
    struct child *child = userdata;

    child->expired = true;
    kill_group(child);
    return 0;
}

unsigned child_lacks(const struct child *child)
{
    return child->lacks;
}

int child_set_timeout(struct child *child, uint64_t timeout_usec)
{
    sd_event *event = sd_event_source_get_event(child->exit_source);
    const char *description = NULL;

    child->deadline_source = sd_event_source_disable_unref(child->deadline_source);
    int r = sd_event_add_time_relative(event, &child->deadline_source, CLOCK_MONOTONIC,
                                       timeout_usec, 0, on_deadline, child);
    if (r < 0)
        return r;
    sd_event_source_get_description(child->exit_source, &description);
    sd_event_source_set_description(child->deadline_source, description);
    return 0;
}

/*
 * Not only once, as is sd-event's way: the pidfd of a child that a debugger or a leak check traces
 * tells of its end before it can be waited for, and nobody would look again. By way of "off", for
 * from "once" to "on" alone sd-event does not tell the kernel.
 */
static int watch_exit_for_good(sd_event_source *source)
{
    int r = sd_event_source_set_enabled(source, SD_EVENT_OFF);

    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ON);
}

static int watch_child(struct child *child, sd_event *event, const struct child_spec *spec)
{
    int r = sd_event_add_child_pidfd(event, &child->exit_source, child->pidfd, WEXITED,
                                     on_exit_ready, child);
    if (r < 0)
        return r;
    r = watch_exit_for_good(child->exit_source);
    if (r < 0)
        return r;
    sd_event_source_set_description(child->exit_source, spec->description);
    if (child->output >= 0) {
        r = sd_event_add_io(event, &child->output_source, child->output, EPOLLIN, on_output_ready,
                            child);
        if (r < 0)
            return r;
        sd_event_source_set_description(child->output_source, spec->description);
    }
    return spec->timeout_usec > 0 ? child_set_timeout(child, spec->timeout_usec) : 0;
}

/* Starts it and stands still until its program runs or cannot. Returns the pid, or -errno. */
static pid_t spawn(struct start *start, int *ret_pidfd)
{
    _Alignas(16) char stack[STACK_SIZE];
    int pidfd = -EBADF;

    pid_t pid = clone(run_child, stack + sizeof(stack),
                      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, start, &pidfd);
    if (pid < 0)
        return -errno;
    if (start->error == 0) {
        *ret_pidfd = pidfd;
        return pid;
    }
    fd_close(pidfd);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return start->error;
}

static int spawn_behind_walls(const struct child_spec *spec, int output, struct child *child)
{
    struct start start = {.spec = spec, .output = output, .parent = getpid()};
    _cleanup_(walls_done) struct walls walls = {.rules = -EBADF};

    if (spec->walls) {
        int r = walls_make(spec->walls, &walls);
        if (r < 0)
            return r;
        start.walls = &walls;
    }
    pid_t pid = spawn(&start, &child->pidfd);
    if (pid < 0)
        return (int)pid;
    child->pid = pid;
    child->lacks = start.lacks;
    return 0;
}

int child_new(sd_event *event, const struct child_spec *spec, struct child **ret)
{
    _cleanup_(child_freep) struct child *child = malloc(sizeof(*child));
    _cleanup_fd_ int output = -EBADF;

    if (!child)
        return -ENOMEM;
    *child = (struct child){
        .pidfd = -EBADF,
        .output = -EBADF,
        .on_output = spec->on_output,
        .on_end = spec->on_end,
        .userdata = spec->userdata,
    };
    if (spec->on_output) {
        int pipe_fds[2];
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
            return -errno;
        child->output = pipe_fds[0];
        output = pipe_fds[1];
        /* Our end only: a child may not expect its output not to block. */
        if (fcntl(child->output, F_SETFL, O_NONBLOCK) < 0)
            return -errno;
    }
    int r = spawn_behind_walls(spec, output, child);
    if (r < 0)
        return r;
    r = watch_child(child, event, spec);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(child);
    return 0;
}
