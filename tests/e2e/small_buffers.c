/*
 * Preloaded into the daemon where a bus must soon be full: every send buffer stays small. sd-bus
 * has the kernel keep up to 8 MiB of messages, which is more than a test can signal.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SMALL = 16384, /* bytes */
};

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    const int small = SMALL;

    if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_SNDBUFFORCE)) {
        name = SO_SNDBUF;
        value = &small;
        size = sizeof(small);
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}
