#include "io/advance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/fd.h"

enum {
    FIRST_PAGE = 4096, /* bytes: an ELF header and its program headers */
};

struct advance *advance_free(struct advance *advance)
{
    if (!advance)
        return NULL;
    fd_close(advance->source);
    fd_close(advance->fd);
    free(advance);
    return NULL;
}

int advance_new(int dirfd, const char *name, struct advance **ret)
{
    _cleanup_(advance_freep) struct advance *advance = malloc(sizeof(*advance));
    struct stat status;

    if (!advance)
        return -ENOMEM;
    *advance = (struct advance){.source = -EBADF, .fd = -EBADF};
    advance->source = fd_open_checked(dirfd, name, O_NOFOLLOW, &status);
    if (advance->source < 0)
        return advance->source;
    advance->fd = memfd_create("m4flash-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (advance->fd < 0)
        return -errno;
    *ret = TAKE_PTR(advance);
    return 0;
}

static int start_anew(struct advance *advance)
{
    advance->size = 0;
    if (ftruncate(advance->fd, 0) < 0 || lseek(advance->fd, 0, SEEK_SET) < 0)
        return -errno;
    return 0;
}

int advance_go_on(struct advance *advance, uint64_t max_size)
{
    struct stat status;

    if (fstat(advance->source, &status) < 0)
        return -errno;
    int r = (uint64_t)status.st_size < advance->size ? start_anew(advance) : 0;
    if (r < 0)
        return r;
    int64_t end = fd_append(advance->fd, advance->source, advance->size, max_size + 1);
    if (end < 0)
        return (int)end;
    advance->size = (uint64_t)end;
    return advance->size > max_size ? -EFBIG : 0;
}

static bool is_of(const struct advance *advance, const struct stat *file)
{
    struct stat status;

    return fstat(advance->source, &status) >= 0 && status.st_dev == file->st_dev &&
           status.st_ino == file->st_ino;
}

bool advance_fits(const struct advance *advance, const struct stat *status)
{
    char found[FIRST_PAGE], copied[FIRST_PAGE];
    size_t size = advance->size < FIRST_PAGE ? (size_t)advance->size : FIRST_PAGE;

    if (!is_of(advance, status) || (uint64_t)status->st_size < advance->size)
        return false;
    return pread(advance->source, found, size, 0) == (ssize_t)size &&
           pread(advance->fd, copied, size, 0) == (ssize_t)size && memcmp(found, copied, size) == 0;
}
