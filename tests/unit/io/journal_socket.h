/* The journal's place, taken by a test: what libsystemd sends is read here. Needs a namespace. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util/cleanup.h"

/* Hides /run of this namespace. Returns the socket, or -errno. */
static inline _unused_ int journal_socket_open(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                        .sun_path = "/run/systemd/journal/socket"};

    if (mount("test", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 ||
        mkdir("/run/systemd/journal", 0755) < 0)
        return -errno;
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return TAKE_FD(fd);
}

/* Reads one entry, "NAME=value" a line; "" if there is none. Returns ret. */
static inline _unused_ const char *journal_socket_read(int fd, char *ret, size_t size)
{
    ssize_t n = recv(fd, ret, size - 1, 0);

    ret[n < 0 ? 0 : n] = '\0';
    return ret;
}
