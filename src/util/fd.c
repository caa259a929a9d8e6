#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

enum {
    SMALL = 4096,
    HUGE_PAGE = 2 * 1024 * 1024, /* of x86-64 and arm64, with pages of 4 KiB */
};

int fd_close(int fd)
{
    if (fd >= 0)
        close(fd);
    return -EBADF;
}

int64_t fd_append(int to, int from, uint64_t offset, uint64_t end)
{
    off_t at = (off_t)offset;

    while ((uint64_t)at < end) {
        uint64_t rest = end - (uint64_t)at;
        ssize_t n = sendfile(to, from, &at, rest < SSIZE_MAX ? (size_t)rest : SSIZE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
    }
    return at;
}

int fd_open_regular(int dirfd, const char *name)
{
    struct stat st;

    _cleanup_fd_ int fd =
        openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EBADFD;
    return TAKE_FD(fd);
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

/* Most of the time to read a large file goes into making room for it page by page. */
static char *allocate(size_t size)
{
    if (size < HUGE_PAGE)
        return malloc(size);
    char *buffer = aligned_alloc(HUGE_PAGE, (size + HUGE_PAGE - 1) & ~((size_t)HUGE_PAGE - 1));
    if (buffer)
        madvise(buffer, size, MADV_HUGEPAGE); /* a kernel without them has small ones */
    return buffer;
}

/* The bytes to make room for at first: those that the file has now, a NUL, and one to see its end.
 */
static size_t first_room(int fd, size_t max)
{
    struct stat status;

    if (fstat(fd, &status) < 0 || status.st_size < 0 || (uintmax_t)status.st_size > max)
        return SMALL;
    return (size_t)status.st_size + 2 > SMALL ? (size_t)status.st_size + 2 : SMALL;
}

int fd_read_file(int fd, size_t max, char **ret, size_t *ret_size)
{
    size_t size = 0, room = first_room(fd, max);
    _cleanup_free_ char *buffer = allocate(room);

    if (!buffer)
        return -ENOMEM;
    for (;;) {
        if (room - size < 2) {
            room *= 2;
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

int fd_open_checked(int dirfd, const char *name, int flags, struct stat *ret_status)
{
    char self[sizeof("/proc/self/fd/") + 12];
    _cleanup_fd_ int reference = openat(dirfd, name, O_PATH | O_CLOEXEC | flags);

    if (reference < 0 || fstat(reference, ret_status) < 0)
        return -errno;
    if (!S_ISREG(ret_status->st_mode))
        return -EMEDIUMTYPE;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", reference);
    int fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
