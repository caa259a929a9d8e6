/* Whole reads and writes on descriptors: partial transfers and EINTR are handled here, once. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens dirfd/name for reading if it is a regular file; a FIFO or a device in its place does not
 * stop or harm us. Returns the descriptor; -ELOOP for a symbolic link, -EISDIR for a directory,
 * -EBADFD for anything else that is no regular file; or another -errno.
 */
int fd_open_regular(int dirfd, const char *name);

/* Reads until size bytes, the end of file or an error. Returns the bytes read, or -errno. */
ssize_t fd_read_full(int fd, void *buffer, size_t size);

/* Writes all size bytes. Returns 0, or -errno (some bytes may have been written). */
int fd_write_full(int fd, const void *buffer, size_t size);

/*
 * Reads a whole file of at most max bytes into a fresh buffer with a NUL behind its end (which
 * *ret_size does not count). Returns 0; -EFBIG if it is longer; or -errno. The caller frees *ret.
 */
int fd_read_file(int fd, size_t max, char **ret, size_t *ret_size);

/*
 * Copies what from holds from an offset on, up to end or to its own end, behind what to has;
 * where from stands is left so. Returns the offset that was reached, or -errno.
 */
int64_t fd_append(int to, int from, uint64_t offset, uint64_t end);

/*
 * Replaces dirfd/name by a file that holds exactly size bytes, durably: temporary file, write,
 * fsync, rename, fsync of the directory. A reader sees the old file or the new one, whatever
 * happens between. Returns 0, or -errno with the old file in place and no temporary file left.
 */
int fd_replace_file(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/*
 * The same where a stranger chose what is there: first as a mere reference, so that not even a
 * device notices, then through it, the very file that was looked at. flags may be O_NOFOLLOW, then
 * a link is no regular file. Returns a descriptor; -EMEDIUMTYPE if it is no regular file; or
 * -errno.
 */
int fd_open_checked(int dirfd, const char *name, int flags, struct stat *ret_status);
