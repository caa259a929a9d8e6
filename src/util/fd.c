#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

int fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
    return -EBADF;
}

ssize_t fd_read_full(int fd, void *buffer, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, (char *)buffer + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int fd_write_full(int fd, const void *buffer, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = write(fd, (const char *)buffer + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return 0;
}

int fd_read_file(int fd, size_t max, char **ret, size_t *ret_size)
{
    _cleanup_free_ char *buffer = NULL;
    size_t size = 0, room = 0;

    for (;;) {
        if (room - size < 2) {
            room = room ? room * 2 : 4096;
            char *larger = realloc(buffer, room);
            if (!larger)
                return -ENOMEM;
            buffer = larger;
        }
        ssize_t n = fd_read_full(fd, buffer + size, room - size - 1);
        if (n < 0)
            return (int)n;
        size += (size_t)n;
        if (size > max)
            return -EFBIG;
        if (n == 0)
            break;
    }
    buffer[size] = '\0';
    *ret = TAKE_PTR(buffer);
    *ret_size = size;
    return 0;
}

static int write_temporary(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
    _cleanup_fd_ int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    int r = fd_write_full(fd, data, size);
    if (r < 0)
        return r;
    /* Just this mode, whatever the umask. */
    return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int fd_replace_file(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
    char temporary[256];

    int n = snprintf(temporary, sizeof(temporary), "%s.tmp", name);
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return -ENAMETOOLONG;
    int r = write_temporary(dirfd, temporary, data, size, mode);
    if (r >= 0 && renameat(dirfd, temporary, dirfd, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dirfd, temporary, 0);
        return r;
    }
    return fsync(dirfd) < 0 ? -errno : 0;
}
