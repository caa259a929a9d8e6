"""Debian's adb, with a server of the test's own, which nobody else sees."""

import os
import socket
import subprocess

from harness import processes
from harness.waiting import LIMIT, wait_for

PROGRAM = "adb"
SKETCH = "/tmp/arduino/m4-user-sketch.elf"  # what everybody pushes to


class Adb:
    def __init__(self, folder):
        self.home = os.path.join(folder, "home")
        os.mkdir(self.home)
        path = os.path.join(folder, "adb-server")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "ADB_SERVER_SOCKET": f"localfilesystem:{path}",
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",  # it need not look for emulators
        }
        self.server = subprocess.Popen(
            [PROGRAM, "nodaemon", "server"], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.companions.add(self.server.pid)
        wait_for(lambda: answers(path), "adb's server")

    def run(self, *arguments):
        """Its exit status, and what it wrote to its output and its error output."""
        done = subprocess.run(
            [PROGRAM, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * LIMIT, check=False)
        return done.returncode, done.stdout.decode()

    def start(self, *arguments):
        process = subprocess.Popen(
            [PROGRAM, *arguments], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        processes.companions.add(process.pid)
        return process

    def end(self, process):
        """The same as of run(), of what start() has begun."""
        output, _ = process.communicate(timeout=2 * LIMIT)
        processes.companions.discard(process.pid)
        return process.returncode, output.decode()

    def connect(self, device):
        status, output = self.run("connect", device.serial)
        assert status == 0 and "connected to" in output, output

    def close(self):
        self.server.terminate()
        self.server.wait(LIMIT)
        processes.companions.discard(self.server.pid)


def answers(path):
    """An adb that finds no server starts one itself, so none must come too early."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0
