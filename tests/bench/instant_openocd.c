/*
 * An OpenOCD that takes no time, for measuring everything around it: notes CLOCK_MONOTONIC as its
 * first act, says what a good run says, and succeeds. Linked statically, so that nothing comes
 * before its first act but the kernel.
 *
 * Appends the time, nanoseconds as a native uint64_t, to the file ARGV0.started, if there is one:
 * who measures starts it through a link of its own.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char good_run[] = "m4flash: stage connect\n"
                               "m4flash: connected\n"
                               "m4flash: stage erase\n"
                               "m4flash: stage write\n"
                               "m4flash: stage verify\n"
                               "m4flash: stage reset\n"
                               "m4flash: released\n"
                               "m4flash: stage done\n";

int main(int argc, char **argv)
{
    struct timespec now;
    char path[4096];

    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t nsec = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    snprintf(path, sizeof(path), "%s.started", argc > 0 ? argv[0] : "");
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd >= 0 && write(fd, &nsec, sizeof(nsec)) != (ssize_t)sizeof(nsec))
        return 1;
    return write(STDERR_FILENO, good_run, strlen(good_run)) < 0;
}
