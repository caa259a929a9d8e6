#include "io/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "util/fd.h"

enum {
    TRIES = 3,          /* a file that keeps changing is busy */
    CHUNK = 256 * 1024, /* bytes compared at once */
};

struct snapshot *snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot)
        return NULL;
    fd_close(snapshot->fd);
    fd_close(snapshot->source);
    free(snapshot);
    return NULL;
}

static int seal(int fd)
{
    const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

    return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

/* Errors of the machine, not of the file. */
static bool is_shortage(int error)
{
    return error == -ENOMEM || error == -ENOSPC || error == -EMFILE || error == -ENFILE;
}

/* How certain it must be that nobody wrote meanwhile. */
enum certainty {
    ASKED_INOTIFY, /* the caller hears of every write to a file with one name */
    STAMPS_ALONE,
};

/*
 * Somebody set the time stamps, as adb does last of all: a write would have left both of them
 * alike. One before that does not show, but was heard of.
 */
static bool is_restamped(const struct file_key *before, const struct stat *status)
{
    struct file_key after = file_key_of(status);

    return status->st_nlink == 1 && after.inode == before->inode && after.size == before->size &&
           after.modified_nsec != after.changed_nsec;
}

/* With an advance only what it lacks, and its descriptors are the snapshot's then. */
static int copy_once(int source, uint64_t max_size, enum certainty certainty,
                     struct advance *advance, const struct stat *before, struct snapshot **ret,
                     struct stat *ret_after)
{
    _cleanup_fd_ int fd = advance ? TAKE_FD(advance->fd)
                                  : memfd_create("m4flash-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;

    int64_t size = fd_append(fd, source, advance ? advance->size : 0, max_size + 1);
    if (size < 0)
        return is_shortage((int)size) ? (int)size : SNAPSHOT_UNREADABLE;
    if (fstat(source, ret_after) < 0)
        return -errno;
    if ((uint64_t)size > max_size)
        return SNAPSHOT_TOO_LARGE;

    struct file_key key_before = file_key_of(before), key_after = file_key_of(ret_after);
    bool still = file_key_equal(&key_before, &key_after) ||
                 (certainty == ASKED_INOTIFY && is_restamped(&key_before, ret_after));
    if (!still || key_after.size != (uint64_t)size)
        return SNAPSHOT_BUSY;

    int r = seal(fd);
    if (r < 0)
        return r;
    struct snapshot *snapshot = malloc(sizeof(*snapshot));
    if (!snapshot)
        return -ENOMEM;
    *snapshot = (struct snapshot){
        .fd = TAKE_FD(fd),
        .source = advance ? TAKE_FD(advance->source) : -EBADF,
        .size = (uint64_t)size,
        .owner = ret_after->st_uid,
        .linked = ret_after->st_nlink > 1,
    };
    *ret = snapshot;
    return SNAPSHOT_TAKEN;
}

static int copy_quietly(int source, uint64_t max_size, enum certainty certainty,
                        struct advance *advance, struct snapshot **ret, struct file_key *ret_key)
{
    int r = SNAPSHOT_BUSY;

    for (unsigned i = 0; i < TRIES && r == SNAPSHOT_BUSY; i++) {
        struct stat before, after;

        if (fstat(source, &before) < 0)
            return -errno;
        *ret_key = file_key_of(&before);
        if (ret_key->size > max_size)
            return SNAPSHOT_TOO_LARGE;
        if (advance && !advance_fits(advance, &before))
            advance = NULL;
        r = copy_once(source, max_size, certainty, advance, &before, ret, &after);
        advance = NULL;
        if (r == SNAPSHOT_TAKEN)
            *ret_key = file_key_of(&after);
    }
    return r;
}

int snapshot_take_fd(int fd, uint64_t max_size, struct snapshot **ret, struct file_key *ret_key)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    *ret_key = file_key_of(&status);
    if (!S_ISREG(status.st_mode))
        return SNAPSHOT_NOT_REGULAR;
    return copy_quietly(fd, max_size, STAMPS_ALONE, NULL, ret, ret_key);
}

int snapshot_take(int dirfd, const char *name, uint64_t max_size, struct advance *advance,
                  struct snapshot **ret, struct file_key *ret_key)
{
    struct stat before;
    _cleanup_fd_ int source = fd_open_checked(dirfd, name, O_NOFOLLOW, &before);

    if (source == -ENOENT || source == -ENOTDIR)
        return SNAPSHOT_GONE;
    if (is_shortage(source))
        return source;
    if (source < 0) {
        if (source != -EMEDIUMTYPE && fstatat(dirfd, name, &before, AT_SYMLINK_NOFOLLOW) < 0)
            return SNAPSHOT_GONE;
        *ret_key = file_key_of(&before);
        return source == -EMEDIUMTYPE ? SNAPSHOT_NOT_REGULAR : SNAPSHOT_UNREADABLE;
    }
    return copy_quietly(source, max_size, ASKED_INOTIFY, advance, ret, ret_key);
}

/* One piece: 1 if the same bytes were read, 0 if others or fewer, -errno. */
static int compare(int source, const uint8_t *copied, size_t size, uint64_t offset, uint8_t *buffer)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(source, buffer + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        done += (size_t)n;
    }
    return memcmp(buffer, copied, size) == 0;
}

static int compare_all(const struct snapshot *snapshot, const uint8_t *bytes)
{
    _cleanup_free_ uint8_t *buffer = malloc(CHUNK);
    struct stat status;
    int r = 1;

    if (!buffer)
        return -ENOMEM;
    for (uint64_t offset = 0; r > 0 && offset < snapshot->size; offset += CHUNK) {
        uint64_t rest = snapshot->size - offset;
        r = compare(snapshot->source, bytes + offset, rest < CHUNK ? (size_t)rest : CHUNK, offset,
                    buffer);
    }
    if (r > 0 && fstat(snapshot->source, &status) < 0)
        return -errno;
    return r > 0 ? (uint64_t)status.st_size == snapshot->size : r;
}

int snapshot_is_true(const struct snapshot *snapshot)
{
    if (snapshot->source < 0 || snapshot->size == 0)
        return true;
    void *bytes = mmap(NULL, snapshot->size, PROT_READ, MAP_PRIVATE, snapshot->fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    int r = compare_all(snapshot, bytes);
    munmap(bytes, snapshot->size);
    return r;
}

int snapshot_digest(const struct snapshot *snapshot, char ret[static SKETCH_DIGEST_HEX])
{
    if (snapshot->size == 0) {
        sketch_digest("", 0, ret);
        return 0;
    }
    void *bytes = mmap(NULL, snapshot->size, PROT_READ, MAP_PRIVATE, snapshot->fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    sketch_digest(bytes, snapshot->size, ret);
    munmap(bytes, snapshot->size);
    return 0;
}

int snapshot_begins(const struct snapshot *a, const struct snapshot *b)
{
    if (a->size > b->size)
        return false;
    if (a->size == 0)
        return true;
    void *x = mmap(NULL, a->size, PROT_READ, MAP_PRIVATE, a->fd, 0);
    if (x == MAP_FAILED)
        return -errno;
    void *y = mmap(NULL, a->size, PROT_READ, MAP_PRIVATE, b->fd, 0);
    if (y == MAP_FAILED) {
        int r = -errno;
        munmap(x, a->size);
        return r;
    }
    bool begins = memcmp(x, y, a->size) == 0;
    munmap(x, a->size);
    munmap(y, a->size);
    return begins;
}
