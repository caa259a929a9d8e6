"""The board behind the daemon: who may connect, where its folders are here, and what goes wrong."""

import contextlib
import functools
import socket
import threading

from adbd import shell, sync
from adbd.transport import Transport

from harness.waiting import LIMIT


class Device:
    """Listens from the start on. folders: {a folder's name on the board: the one here}."""

    def __init__(self, folders, environment):
        self.folders = folders
        self.environment = environment
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.serial = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.connections = []
        self.threads = []
        self.stop_at = None  # bytes of a file, and then:
        self.error = None
        self.is_held = threading.Event()
        self.may_go_on = threading.Event()
        self.start(self.listen)

    def start(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def listen(self):
        with contextlib.suppress(OSError):  # the end
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(connection)
                self.start(Transport(connection, self.service).run)

    def service(self, name):
        if name.startswith("sync:"):
            return functools.partial(sync.serve, device=self)
        if name.startswith("shell:"):
            command = name.removeprefix("shell:")
            return functools.partial(shell.serve, device=self, command=command)
        return None

    def here(self, text):
        """A path, or a command with paths in it."""
        for there, here in self.folders.items():
            text = text.replace(there, here)
        return text

    # ---- Trouble --------------------------------------------------------------------------------

    def before_write(self, size):
        """Called by the file service when so much of a file has been written."""
        if self.stop_at is None or size < self.stop_at:
            return
        if self.error:
            raise self.error
        self.is_held.set()
        assert self.may_go_on.wait(LIMIT)

    def hold_after(self, size):
        """The next upload stops after so many bytes."""
        self.is_held.clear()
        self.may_go_on.clear()
        self.stop_at = size

    def wait_held(self):
        assert self.is_held.wait(LIMIT), "no upload came as far"

    def go_on(self):
        self.stop_at = None
        self.may_go_on.set()

    def fail_after(self, size, error):
        """Writing then fails with this OSError; None is the end of that."""
        self.stop_at, self.error = (size, error) if error else (None, None)

    def drop(self):
        """Somebody pulls the cable."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def close(self):
        """No thread and no process is left behind."""
        self.go_on()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()
        for thread in self.threads:
            thread.join(LIMIT)
            assert not thread.is_alive()
