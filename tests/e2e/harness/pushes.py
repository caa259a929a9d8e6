"""The ways in which uploads reach the inbox, system call for system call as the programs that
people use make them (adbd of Android 5.1.1, coreutils 9.1). Each takes the path and the bytes.
"""

import errno
import os
import stat
import time

ADB_PIECE = 65536
CP_PIECE = 131072
OLD_TIME = 1_600_000_000  # adb push sets the time that the file had on the sender's side


def write_all(fd, data, piece, pause=0.0):
    for start in range(0, len(data), piece):
        os.write(fd, data[start : start + piece])
        if pause:
            time.sleep(pause)


def adb_open(path):
    """adbd unlinks what it may replace, creates missing parents, and lets everybody write."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            os.unlink(path)
    except FileNotFoundError:
        pass
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o644)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o775, exist_ok=True)
        fd = os.open(path, flags, 0o644)
    except FileExistsError:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    os.fchmod(fd, 0o666)
    return fd


def adb_push(path, data, pause=0.0, piece=ADB_PIECE, utime=True):
    fd = adb_open(path)
    try:
        write_all(fd, data, piece, pause)
    finally:
        os.close(fd)
    if utime:
        os.utime(path, (OLD_TIME, OLD_TIME))


def adb_push_slowly(path, data, seconds=3.0):
    pieces = 12
    adb_push(path, data, pause=seconds / pieces, piece=-(-len(data) // pieces))


def adb_push_aborted(path, data, share=0.5):
    """The sender went away: adbd closes what it has, then unlinks it."""
    fd = adb_open(path)
    write_all(fd, data[: int(len(data) * share)], ADB_PIECE)
    os.close(fd)
    os.unlink(path)


def cp(path, data):
    """In place if the file exists: same inode, truncated first."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    except FileNotFoundError:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    write_all(fd, data, CP_PIECE)
    os.close(fd)


def mv(path, data):
    """From a temporary name in the same folder, as rsync and editors do."""
    mv_from(os.path.dirname(path), path, data)


def mv_from(folder, path, data):
    """From another folder, by copying when that is another file system, as mv(1) does."""
    source = os.path.join(folder, f".upload-{time.monotonic_ns()}")
    cp(source, data)
    try:
        os.rename(source, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        cp(path, data)
        os.unlink(source)


def touch(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOCTTY | os.O_NONBLOCK, 0o666)
    os.utime(fd)
    os.close(fd)


def append_in_pieces(path, data, pieces=4, pause=0.3):
    """Opened and closed for each piece, as `cat >>` would; the last close completes the upload."""
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        if start > 0:
            time.sleep(pause)
        flags = os.O_WRONLY | os.O_APPEND | (0 if start else os.O_CREAT | os.O_TRUNC)
        fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
        os.write(fd, data[start : start + size])
        os.close(fd)
