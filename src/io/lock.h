/*
 * One flasher at a time: a locked file. The kernel drops the lock when its holder ends, however it
 * does, so the file's content is only there to say who that is, and may be stale.
 */
#pragma once

enum {
    LOCK_HOLDER_MAX = 64, /* bytes of a holder's text with its NUL */
};

/*
 * Locks dirfd/lock, made if need be, and writes "PID NAME" to it, name being the program's (32
 * bytes of it at most; if the writing fails, say on a full disk, the lock holds all the same).
 * Closing *ret_fd, which no child inherits, gives it back. Returns 0; or -EWOULDBLOCK with who has
 * it in ret_holder: "NAME (pid PID)", or "another process" if that cannot be read; or -errno, and
 * there is no lock to be had (a read-only disk without the file).
 */
int lock_take(int dirfd, const char *name, int *ret_fd, char ret_holder[static LOCK_HOLDER_MAX]);
