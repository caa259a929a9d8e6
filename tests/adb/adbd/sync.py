"""The file service `sync:` (SYNC.TXT, file_sync_service.c of 5.1.1): STAT, SEND and QUIT.

A request is its name and a length; a file comes as DATA of up to 64 KiB each and ends with DONE,
which tells its time. The order of the system calls is adbd's; a daemon that watches the folder sees
each of them.
"""

import contextlib
import os
import stat
import struct

from adbd.transport import Gone

REQUEST = struct.Struct("<4sI")
STAT = struct.Struct("<4sIII")  # mode, size, time
DATA_MAX = 64 * 1024
NAME_MAX = 1024


def serve(stream, device):
    while True:
        request, length = REQUEST.unpack(stream.read(REQUEST.size))
        if length > NAME_MAX:
            return fail(stream, "invalid namelen")
        name = stream.read(length).decode()
        if request == b"STAT":
            stream.write(tell(device.here(name)))
        elif request == b"SEND":
            Send(stream, device, name).receive()
        elif request == b"QUIT":
            return None
        else:
            return fail(stream, "unknown command")


def fail(stream, reason):
    reason = reason.encode()
    stream.write(REQUEST.pack(b"FAIL", len(reason)) + reason)


def tell(path):
    try:
        found = os.lstat(path)
    except OSError:
        return STAT.pack(b"STAT", 0, 0, 0)
    return STAT.pack(b"STAT", found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))


class Send:
    """A file on its way: opened where the name says, filled, and closed or given up."""

    def __init__(self, stream, device, name):
        path, _, mode = name.rpartition(",")
        mode = int(mode) & 0o777
        self.stream, self.device, self.path = stream, device, device.here(path)
        # What the owner may do, everybody may: 0644 becomes 0666.
        self.mode = mode | mode >> 3 & 0o070
        self.mode |= self.mode >> 3 & 0o007
        self.replaces = is_replaceable(self.path)
        self.fd = None
        self.size = 0
        if self.replaces:
            self.unlink()
        try:
            self.fd = open_new(self.path, self.mode)
        except OSError as error:
            fail(stream, error.strerror)
        else:
            os.fchown(self.fd, -1, -1)
            os.fchmod(self.fd, self.mode)

    def receive(self):
        """After a failure the rest is read all the same, and thrown away."""
        try:
            while True:
                kind, value = REQUEST.unpack(self.stream.read(REQUEST.size))
                if kind == b"DONE":
                    break
                if kind != b"DATA" or value > DATA_MAX:
                    fail(self.stream, "invalid data message")
                    raise Gone
                self.write(self.stream.read(value))
        except Gone:
            self.give_up()
            raise
        if self.fd is not None:
            self.close()
            os.utime(self.path, (value, value))
            self.stream.write(REQUEST.pack(b"OKAY", 0))

    def write(self, data):
        if self.fd is None:
            return
        try:
            self.device.before_write(self.size)
            while data:
                data = data[self.count(os.write(self.fd, data)) :]
        except OSError as error:
            self.give_up()
            fail(self.stream, error.strerror)

    def count(self, written):
        self.size += written
        return written

    def close(self):
        fd, self.fd = self.fd, None
        os.close(fd)

    def give_up(self):
        if self.fd is not None:
            self.close()
        if self.replaces:
            self.unlink()

    def unlink(self):
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def is_replaceable(path):
    """adbd deletes nothing but what is regular or a link, or not there."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def open_new(path, mode):
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, mode)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o775, exist_ok=True)
        return os.open(path, flags, mode)
    except FileExistsError:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
