/* An event loop for a test: turned until something has happened, with a generous limit. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

enum {
    LOOP_LIMIT_SEC = 60, /* only a failed test waits that long */
};

static inline _unused_ sd_event *loop_make(void)
{
    sd_event *event = NULL;

    if (sd_event_new(&event) < 0)
        abort();
    return event;
}

static inline _unused_ double loop_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Turns the loop until *done, or returns false after the limit. */
static inline _unused_ bool loop_until(sd_event *event, const bool *done)
{
    double end = loop_now() + LOOP_LIMIT_SEC;

    while (!*done && loop_now() < end)
        if (sd_event_run(event, 100000) < 0)
            return false;
    return *done;
}

/* Turns the loop until nothing is left to be dispatched. Returns the turns it took. */
static inline _unused_ unsigned loop_drain(sd_event *event)
{
    unsigned n = 0;

    while (sd_event_run(event, 0) > 0)
        n++;
    return n;
}

/* Turns the loop for so long, whatever happens. Returns the turns. */
static inline _unused_ unsigned loop_for(sd_event *event, double seconds)
{
    double end = loop_now() + seconds;
    unsigned n = 0;

    for (; loop_now() < end; n++)
        if (sd_event_run(event, 10000) < 0)
            abort();
    return n;
}

/* Can children be watched here? If not (valgrind 3.19), says so as TAP, for main() to end. */
static inline _unused_ bool loop_has_pidfds(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (fd < 0)
        printf("1..0 # SKIP no pidfd_open\n");
    else
        close(fd);
    return fd >= 0;
}

/* As the daemon does before it starts children. */
static inline _unused_ void loop_arrange_signals(void)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    signal(SIGPIPE, SIG_IGN);
}
