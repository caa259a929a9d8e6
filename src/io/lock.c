#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/utf8.h"

enum {
    NAME_BYTES_MAX = 32,
    TEXT_MAX = NAME_BYTES_MAX + 16, /* bytes of the file, with a NUL */
};

static const char lock_name[] = "lock";

/* On a read-only disk a file that is there can still be locked. */
static int open_lock(int dirfd)
{
    const int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

    int fd = openat(dirfd, lock_name, O_RDWR | O_CREAT | flags, 0644);
    if (fd >= 0 || errno != EROFS)
        return fd < 0 ? -errno : fd;
    fd = openat(dirfd, lock_name, O_RDONLY | flags);
    return fd < 0 ? -EROFS : fd;
}

static void write_holder(int fd, const char *name)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "%d %.*s\n", (int)getpid(), NAME_BYTES_MAX, name);
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, text, strlen(text), 0);
}

/* The holder may not have come to writing, or not have had the room: then there is no whole line.
 */
static void read_holder(int fd, char ret[static LOCK_HOLDER_MAX])
{
    char text[TEXT_MAX] = "";

    (void)!pread(fd, text, sizeof(text) - 1, 0);
    char *end = strchr(text, '\n');
    size_t digits = strspn(text, "0123456789");
    if (!end || digits == 0 || text[digits] != ' ' ||
        !utf8_is_printable(text, (size_t)(end - text))) {
        snprintf(ret, LOCK_HOLDER_MAX, "another process");
        return;
    }
    *end = '\0';
    snprintf(ret, LOCK_HOLDER_MAX, "%s (pid %.*s)", text + digits + 1, (int)digits, text);
}

int lock_take(int dirfd, const char *name, int *ret_fd, char ret_holder[static LOCK_HOLDER_MAX])
{
    _cleanup_fd_ int fd = open_lock(dirfd);

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int r = -errno;
        if (r == -EWOULDBLOCK)
            read_holder(fd, ret_holder);
        return r;
    }
    write_holder(fd, name);
    *ret_fd = TAKE_FD(fd);
    return 0;
}
