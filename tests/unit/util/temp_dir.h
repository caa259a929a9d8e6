/* A folder of its own for a test, and the few things that every test does with one. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fd.h"

struct temp_dir {
    char path[32];
    int fd;
};

static inline _unused_ struct temp_dir temp_dir_make(void)
{
    struct temp_dir dir = {.path = "/tmp/m4flash-test-XXXXXX"};

    if (!mkdtemp(dir.path))
        abort();
    dir.fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir.fd < 0)
        abort();
    return dir;
}

static inline _unused_ int temp_dir_remove_one(const char *path, const struct stat *status,
                                               int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static inline _unused_ void temp_dir_remove(struct temp_dir *dir)
{
    dir->fd = fd_close(dir->fd);
    nftw(dir->path, temp_dir_remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Writes name, in one go, and closes it. */
static inline _unused_ void temp_dir_write(const struct temp_dir *dir, const char *name,
                                           const void *data, size_t size)
{
    _cleanup_fd_ int fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || fd_write_full(fd, data, size) < 0)
        abort();
}

/* The content of name, for the caller to free; NULL if it cannot be read. */
static inline _unused_ char *temp_dir_read(const struct temp_dir *dir, const char *name,
                                           size_t *ret_size)
{
    _cleanup_fd_ int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
    char *text;

    return fd < 0 || fd_read_file(fd, 64 << 20, &text, ret_size) < 0 ? NULL : text;
}

/* What is in a folder, without . and .. */
static inline _unused_ unsigned count_entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned n = 0;

    if (!folder)
        abort();
    for (struct dirent *e = readdir(folder); e; e = readdir(folder))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(folder);
    return n;
}

/* Descriptors that this process holds now: one more after a test than before it is a leak. */
static inline _unused_ unsigned count_fds(void)
{
    return count_entries("/proc/self/fd");
}
