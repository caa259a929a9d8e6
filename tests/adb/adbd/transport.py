"""One connection from an adb server: packets, and the streams in them (adb's protocol.txt).

A packet is a header of six little-endian words and as many bytes as it says. Every WRTE is answered
with an OKAY before the next is sent, in both directions.
"""

import collections
import contextlib
import struct
import threading

HEADER = struct.Struct("<4sIIIII")  # command, two arguments, length, sum of the bytes, ~command
VERSION = 0x01000000
PAYLOAD_MAX = 4096  # MAX_PAYLOAD of 5.1.1's adb.h
BANNER = b"device::ro.product.name=portenta-x8;ro.product.model=stand-in;ro.product.device=x8;\0"


class Gone(EOFError):
    """The other side has closed the stream, or the connection is lost."""


class Stream:
    """What a service reads from and writes to."""

    def __init__(self, transport, local, remote):
        self.transport, self.local, self.remote = transport, local, remote
        self.changed = threading.Condition()
        self.packets = collections.deque()  # that nobody has read yet
        self.rest = b""
        self.may_write = True
        self.is_closed = False
        self.on_input = self.packets.append  # the shell takes its input at once
        self.on_close = lambda: None

    # ---- For the service ------------------------------------------------------------------------

    def read(self, size):
        """Exactly so many bytes; what was sent before the stream was closed can still be read."""
        while len(self.rest) < size:
            with self.changed:
                self.changed.wait_for(lambda: self.packets or self.is_closed)
                if not self.packets:
                    raise Gone
                self.rest += self.packets.popleft()
            self.send(b"OKAY")
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def write(self, data):
        for start in range(0, len(data), PAYLOAD_MAX):
            with self.changed:
                self.changed.wait_for(lambda: self.may_write or self.is_closed)
                if self.is_closed:
                    raise Gone
                self.may_write = False
            self.send(b"WRTE", data[start : start + PAYLOAD_MAX])

    def close(self):
        if not self.is_closed:
            self.send(b"CLSE")
        self.transport.forget(self)

    def send(self, command, data=b""):
        with contextlib.suppress(OSError):  # then the transport ends and says so
            self.transport.send(command, self.local, self.remote, data)

    # ---- For the transport ----------------------------------------------------------------------

    def feed(self, data):
        with self.changed:
            self.on_input(data)
            self.changed.notify_all()

    def ready(self):
        with self.changed:
            self.may_write = True
            self.changed.notify_all()

    def end(self):
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()
        self.on_close()


class Transport:
    """services(name) is the service's function, which takes a stream, or None."""

    def __init__(self, connection, services):
        self.connection, self.services = connection, services
        self.sending = threading.Lock()
        self.streams = {}
        self.last_id = 0
        self.threads = []

    def send(self, command, first, second, data=b""):
        inverse = struct.unpack("<I", command)[0] ^ 0xFFFFFFFF
        header = HEADER.pack(command, first, second, len(data), sum(data), inverse)
        with self.sending:
            self.connection.sendall(header + data)

    def receive(self, size):
        data = b""
        while len(data) < size:
            piece = self.connection.recv(size - len(data))
            if not piece:
                raise Gone
            data += piece
        return data

    def run(self):
        """Until the connection is lost; then every stream is, and has been dealt with."""
        with contextlib.suppress(Gone, OSError):
            while True:
                command, first, second, length, total, _ = HEADER.unpack(self.receive(HEADER.size))
                data = self.receive(length)
                assert sum(data) & 0xFFFFFFFF == total
                self.take(command, first, second, data)
        for stream in list(self.streams.values()):
            stream.end()
        for thread in self.threads:
            thread.join()
        self.connection.close()

    def take(self, command, remote, local, data):
        if command == b"CNXN":
            self.send(b"CNXN", VERSION, PAYLOAD_MAX, BANNER)
        elif command == b"OPEN":
            self.open(remote, data.rstrip(b"\0").decode())
        elif stream := self.streams.get(local):  # else of one that we have closed
            if command == b"WRTE":
                stream.feed(data)
            elif command == b"OKAY":
                stream.ready()
            elif command == b"CLSE":
                self.send(b"CLSE", local, remote)
                stream.end()

    def open(self, remote, name):
        service = self.services(name)
        if not service:
            self.send(b"CLSE", 0, remote)
            return
        self.last_id += 1
        stream = self.streams[self.last_id] = Stream(self, self.last_id, remote)
        stream.send(b"OKAY")
        thread = threading.Thread(target=self.serve, args=(service, stream), daemon=True)
        self.threads.append(thread)
        thread.start()

    def serve(self, service, stream):
        try:
            with contextlib.suppress(Gone):
                service(stream)
        finally:
            stream.close()

    def forget(self, stream):
        self.streams.pop(stream.local, None)
