#include "io/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "util/fd.h"

enum {
    TRIES = 3,         /* a file that keeps changing is busy */
    CHUNK = 256 << 10, /* bytes compared at once */

    /* Of a file of so many bytes only these are copied at first: linkers put the headers and what
     * goes to the chip in front, and the headers of sections last. */
    PARTS_MIN = 512 << 10,
    BEGINNING = 256 << 10,
    ENDING = 64 << 10,
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

/* What keeps the size, and what keeps the content too. */
static const int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;
static const int all_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

static int seal(int fd, int seals)
{
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

/* ---- Copying -----------------------------------------------------------------------------------
 */

static int not_read(int64_t error)
{
    return is_shortage((int)error) ? (int)error : SNAPSHOT_UNREADABLE;
}

static int copy_whole(int fd, int source, uint64_t max_size, uint64_t *ret_size)
{
    int64_t size = fd_append(fd, source, 0, max_size + 1);

    if (size < 0)
        return not_read(size);
    *ret_size = (uint64_t)size;
    return (uint64_t)size > max_size ? 0 : seal(fd, all_seals);
}

/* Should the file become shorter meanwhile, who looks at it afterwards finds that out. */
static int copy_parts(int fd, int source, uint64_t size, struct sketch_gap *ret_missing)
{
    if (ftruncate(fd, (off_t)size) < 0)
        return -errno;
    int64_t end = fd_append(fd, source, 0, BEGINNING);
    if (end >= 0 && lseek(fd, (off_t)(size - ENDING), SEEK_SET) < 0)
        return -errno;
    if (end >= 0)
        end = fd_append(fd, source, size - ENDING, size);
    if (end < 0)
        return not_read(end);
    *ret_missing = (struct sketch_gap){BEGINNING, size - ENDING};
    return seal(fd, size_seals);
}

/* Fills fd and size, and with parts what goes with them. Returns as snapshot_take(). */
static int copy(int source, uint64_t max_size, bool parts, uint64_t size, struct snapshot *ret)
{
    ret->fd = memfd_create("m4flash-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (ret->fd < 0)
        return -errno;
    if (!parts)
        return copy_whole(ret->fd, source, max_size, &ret->size);
    ret->source = fcntl(source, F_DUPFD_CLOEXEC, 0);
    if (ret->source < 0)
        return -errno;
    ret->size = size;
    return copy_parts(ret->fd, source, size, &ret->missing);
}

/* How it is to be copied, and how certain it must be that nobody wrote meanwhile. */
struct manner {
    uint64_t max_size;
    enum snapshot_extent extent;
    enum certainty certainty;
};

static int copy_once(int source, const struct manner *manner, const struct stat *before,
                     struct snapshot **ret, struct stat *ret_after)
{
    _cleanup_(snapshot_freep) struct snapshot *snapshot = malloc(sizeof(*snapshot));
    bool parts = manner->extent == SNAPSHOT_PARTS && before->st_size >= PARTS_MIN;

    if (!snapshot)
        return -ENOMEM;
    *snapshot = (struct snapshot){.fd = -EBADF, .source = -EBADF};
    int r = copy(source, manner->max_size, parts, (uint64_t)before->st_size, snapshot);
    if (r != SNAPSHOT_TAKEN)
        return r;
    if (fstat(source, ret_after) < 0)
        return -errno;
    if (snapshot->size > manner->max_size)
        return SNAPSHOT_TOO_LARGE;

    struct file_key key_before = file_key_of(before), key_after = file_key_of(ret_after);
    bool still = file_key_equal(&key_before, &key_after) ||
                 (manner->certainty == ASKED_INOTIFY && is_restamped(&key_before, ret_after));
    if (!still || key_after.size != snapshot->size)
        return SNAPSHOT_BUSY;
    snapshot->owner = ret_after->st_uid;
    snapshot->linked = ret_after->st_nlink > 1;
    *ret = TAKE_PTR(snapshot);
    return SNAPSHOT_TAKEN;
}

static int copy_quietly(int source, const struct manner *manner, struct snapshot **ret,
                        struct file_key *ret_key)
{
    int r = SNAPSHOT_BUSY;

    for (unsigned i = 0; i < TRIES && r == SNAPSHOT_BUSY; i++) {
        struct stat before, after;

        if (fstat(source, &before) < 0)
            return -errno;
        *ret_key = file_key_of(&before);
        if (ret_key->size > manner->max_size)
            return SNAPSHOT_TOO_LARGE;
        r = copy_once(source, manner, &before, ret, &after);
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
    const struct manner manner = {max_size, SNAPSHOT_WHOLE, STAMPS_ALONE};
    return copy_quietly(fd, &manner, ret, ret_key);
}

int snapshot_take(int dirfd, const char *name, uint64_t max_size, enum snapshot_extent extent,
                  struct snapshot **ret, struct file_key *ret_key)
{
    const struct manner manner = {max_size, extent, ASKED_INOTIFY};
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
    return copy_quietly(source, &manner, ret, ret_key);
}

/*
 * Where the memfd stands is also moved by whoever got it from us; should that be a stranger's work,
 * comparing tells.
 */
int snapshot_fill(struct snapshot *snapshot, uint64_t up_to)
{
    struct sketch_gap *missing = &snapshot->missing;
    uint64_t end = up_to < missing->end ? up_to : missing->end;

    if (missing->end == 0 || end < missing->start)
        return true;
    if (lseek(snapshot->fd, (off_t)missing->start, SEEK_SET) < 0)
        return -errno;
    int64_t copied = fd_append(snapshot->fd, snapshot->source, missing->start, end);
    if (copied < 0)
        return (int)copied;
    missing->start = (uint64_t)copied;
    if (missing->start < missing->end)
        return missing->start >= end;
    int r = seal(snapshot->fd, all_seals);
    if (r < 0)
        return r;
    *missing = (struct sketch_gap){0, 0};
    return true;
}

/* ---- What was copied ---------------------------------------------------------------------------
 */

/* To be unmapped by whoever asks. size is more than 0. */
static int map(const struct snapshot *snapshot, void **ret)
{
    *ret = mmap(NULL, snapshot->size, PROT_READ, MAP_PRIVATE, snapshot->fd, 0);
    return *ret == MAP_FAILED ? -errno : 0;
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

int snapshot_complete(struct snapshot *snapshot)
{
    void *bytes;

    if (snapshot->source < 0)
        return true;
    int r = snapshot_fill(snapshot, snapshot->size);
    if (r <= 0)
        return r;
    r = map(snapshot, &bytes);
    if (r < 0)
        return r;
    r = compare_all(snapshot, bytes);
    munmap(bytes, snapshot->size);
    if (r > 0)
        snapshot->source = fd_close(snapshot->source);
    return r;
}

int snapshot_digest(struct snapshot *snapshot, char ret[static SKETCH_DIGEST_HEX])
{
    void *bytes;

    int r = snapshot_complete(snapshot);
    if (r <= 0)
        return r < 0 ? r : -ESTALE;
    if (snapshot->size == 0) {
        sketch_digest("", 0, ret);
        return 0;
    }
    r = map(snapshot, &bytes);
    if (r < 0)
        return r;
    sketch_digest(bytes, snapshot->size, ret);
    munmap(bytes, snapshot->size);
    return 0;
}

/* size bytes at the beginning of both. */
static int compare_beginning(const struct snapshot *a, const struct snapshot *b, size_t size)
{
    void *x, *y;

    int r = map(a, &x);
    if (r < 0)
        return r;
    r = map(b, &y);
    if (r >= 0) {
        r = memcmp(x, y, size) == 0;
        munmap(y, b->size);
    }
    munmap(x, a->size);
    return r;
}

int snapshot_begins(struct snapshot *a, struct snapshot *b)
{
    if (a->size > b->size)
        return false;
    if (a->size == 0)
        return true;
    int r = snapshot_complete(a);
    if (r > 0)
        r = snapshot_complete(b);
    return r > 0 ? compare_beginning(a, b, a->size) : r;
}
