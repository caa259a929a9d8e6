"""The service manager's end of sd_notify(3), recording what the daemon tells it."""

import os
import socket
import threading

from harness.waiting import wait_for


class NotifySocket:
    def __init__(self, path):
        self.path = path
        self.messages = []  # one {variable: value} a datagram, in the order of arrival
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(path)
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.socket, 65536, 16)
            except OSError:
                return
            for fd in fds:
                os.close(fd)
            if data == b"":
                return
            lines = data.decode().splitlines()
            self.messages.append(dict(line.partition("=")[::2] for line in lines))

    def values(self, variable):
        return [m[variable] for m in self.messages.copy() if variable in m]

    def forget(self):
        self.messages.clear()

    def wait(self, variable, accept=lambda value: True):
        """Returns the first value of a variable, past or to come, that is acceptable."""

        def look():
            return next(iter([v] for v in self.values(variable) if accept(v)), None)

        return wait_for(look, lambda: f"{variable}= in {self.messages}")[0]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        os.unlink(self.path)
