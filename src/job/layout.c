#include "job/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/fd.h"

static const char prefix[] = "job-";

/* Without the bytes that an erased sector has anyway. */
static size_t trimmed(const uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0xFF)
        size--;
    return size;
}

static int write_sector(int dirfd, unsigned sector, const uint8_t *bytes, size_t size)
{
    char name[32];

    snprintf(name, sizeof(name), "sector-%u.bin", sector);
    _cleanup_fd_ int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    return fd_write_full(fd, bytes, trimmed(bytes, size));
}

static int write_sectors(int dirfd, const uint8_t *image, size_t size, uint32_t sector_size)
{
    unsigned sector = 0;

    for (size_t done = 0; done < size; sector++) {
        size_t part = size - done < sector_size ? size - done : sector_size;
        int r = write_sector(dirfd, sector, image + done, part);
        if (r < 0)
            return r;
        done += part;
    }
    return 0;
}

static void empty_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;

    if (!folder) {
        fd_close(fd);
        return;
    }
    /* Whatever is there, hidden files too; . and .. are none. */
    for (struct dirent *e = readdir(folder); e; e = readdir(folder))
        unlinkat(fd, e->d_name, 0);
    closedir(folder);
}

static void remove_folder(int parent, const char *name)
{
    empty_folder(parent, name);
    unlinkat(parent, name, AT_REMOVEDIR);
}

char *layout_remove(char *path)
{
    if (path)
        remove_folder(AT_FDCWD, path);
    free(path);
    return NULL;
}

int layout_make(const char *parent, uint64_t job_id, char **ret_path)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s%" PRIu64, parent, prefix, job_id) < 0)
        return -ENOMEM;
    remove_folder(AT_FDCWD, path);
    if (mkdir(path, 0700) < 0) {
        int r = -errno;
        free(path);
        return r;
    }
    *ret_path = path;
    return 0;
}

int layout_fill(const char *path, const uint8_t *image, size_t size, uint32_t sector_size)
{
    _cleanup_fd_ int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : write_sectors(fd, image, size, sector_size);
}

void layout_empty(const char *path)
{
    empty_folder(AT_FDCWD, path);
}

void layout_remove_stale(const char *parent)
{
    DIR *folder = opendir(parent);

    if (!folder)
        return;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder))
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0)
            remove_folder(dirfd(folder), e->d_name);
    closedir(folder);
}
