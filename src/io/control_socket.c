#include "io/control_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util/cleanup.h"

enum {
    BACKLOG = 16,
};

static int address_of(const char *runtime_dir, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/control", runtime_dir);
    return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

int control_socket_listen(const char *runtime_dir)
{
    struct sockaddr_un address;

    int r = address_of(runtime_dir, &address);
    if (r < 0)
        return r;
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (unlink(address.sun_path) < 0 && errno != ENOENT)
        return -errno;
    /* Before there is a name: it never exists with another mode. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, BACKLOG) < 0)
        return -errno;
    return TAKE_FD(fd);
}

void control_socket_remove(const char *runtime_dir)
{
    struct sockaddr_un address;

    if (address_of(runtime_dir, &address) >= 0)
        unlink(address.sun_path);
}

int control_socket_connect(const char *runtime_dir)
{
    struct sockaddr_un address;

    int r = address_of(runtime_dir, &address);
    if (r < 0)
        return r;
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return TAKE_FD(fd);
}
