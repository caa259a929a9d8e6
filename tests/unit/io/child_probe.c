/*
 * A program for the tests of child.c to start: says what it was given (descriptors, signals,
 * rights, environment), or leaves a grandchild behind that has left the group.
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

static void tell_fds(void)
{
    char path[64], target[PATH_MAX];

    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        abort();
    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t n = fd == dirfd(folder) ? -1 : readlink(path, target, sizeof(target) - 1);
        if (n >= 0)
            printf("fd %d %.*s\n", fd, (int)n, target);
    }
    closedir(folder);
}

static void tell_status(void)
{
    char line[256];

    FILE *status = fopen("/proc/self/status", "r");
    if (!status)
        abort();
    while (fgets(line, sizeof(line), status))
        if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 ||
            strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNewPrivs", 10) == 0)
            printf("%s", line);
    fclose(status);
}

static void tell_all(void)
{
    char cwd[PATH_MAX];

    tell_fds();
    tell_status();
    for (char **variable = environ; *variable; variable++)
        printf("env %s\n", *variable);
    printf("cwd %s\n", getcwd(cwd, sizeof(cwd)));
    printf("leader %d\n", getpgrp() == getpid());
}

/* A grandchild in a session, and so a group, of its own: it outlives its parent by far. */
_Noreturn static void be_stray(const char *what, int parent)
{
    static char flood[65536];
    char c = 0;

    setsid();
    signal(SIGPIPE, SIG_DFL);
    alarm(120);
    (void)!write(parent, &c, 1);
    (void)!read(parent, &c, 1);
    close(parent);
    while (strcmp(what, "flood") == 0)
        (void)!write(STDOUT_FILENO, flood, sizeof(flood));
    for (;;)
        pause();
}

/* Tells the stray's number first, and ends when it is at work. */
static void leave_stray(const char *what)
{
    int ends[2];
    char c;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_stray(what, ends[1]);
    }
    (void)!read(ends[0], &c, 1);
    dprintf(STDOUT_FILENO, "%d\n", pid);
    (void)!write(ends[0], &c, 1);
    usleep(200000);
}

int main(int argc, char *argv[])
{
    if (argc == 3 && strcmp(argv[1], "stray") == 0)
        leave_stray(argv[2]);
    else
        tell_all();
    return 0;
}
