"""The services that wait for an upload, side by side in one container: what the board ships with, a
shell loop, and m4flashd as its own unit starts it. For each OpenOCD is instant_openocd.c.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import time

from container import Container

from harness import processes
from harness.pushes import ADB_PIECE, OLD_TIME, adb_open, write_all
from harness.waiting import wait_for

UNITS = pathlib.Path(__file__).with_name("units")
STOCK, LOOP, OURS = "stock path unit", "inotifywait loop", "m4flash"
LOST = 2  # seconds without a start of OpenOCD after which there will be none

RIVALS = {  # name: (unit whose processes wait, inbox, folder of its OpenOCD)
    STOCK: ("stock.service", "/tmp/stock", "stock"),
    LOOP: ("loop.service", "/tmp/loop", "loop"),
    OURS: ("monitor-m4-elf-file.service", "/tmp/arduino", "ours"),
}
ADDED_UNITS = ["stock.path", "loop.service", "calm.service"]  # those that are started at boot


class Rival:
    def __init__(self, name, container, shared):
        self.name = name
        _, inbox, folder = RIVALS[name]
        self.path = container.path(f"{inbox}/m4-user-sketch.elf")
        self.started = shared / folder / "openocd.started"

    def starts(self):
        """CLOCK_MONOTONIC in nanoseconds of each start of OpenOCD so far."""
        return [start for (start,) in struct.iter_unpack("=Q", self.started.read_bytes())]

    def push(self, data, pause):
        """An adb push. Returns the milliseconds from its close() to the start of OpenOCD (None if
        it never came), and how often OpenOCD was started on a part of the file before."""
        before = len(self.starts())
        fd = adb_open(self.path)
        write_all(fd, data, ADB_PIECE, pause)
        closed = time.monotonic_ns()
        os.close(fd)
        os.utime(self.path, (OLD_TIME, OLD_TIME))

        def whole():
            return [start for start in self.starts()[before:] if start >= closed]

        deadline = time.monotonic() + LOST
        while not whole() and time.monotonic() < deadline:
            time.sleep(0.005)
        early = sum(start < closed for start in self.starts()[before:])
        return ((whole()[0] - closed) / 1e6 if whole() else None), early


def put_openocd(folder):
    """openocd.cfg is for whoever wants one to be there."""
    folder.mkdir()
    shutil.copy(os.environ["INSTANT_OPENOCD"], folder / "openocd")
    for name in ("openocd.started", "openocd.cfg"):
        (folder / name).write_bytes(b"")


def link(path, target):
    path.unlink(missing_ok=True)
    path.symlink_to(target)


class Arena:
    """A container with all of them in it, waiting."""

    def __init__(self, root, shared):
        self.shared = pathlib.Path(shared)
        self.root = pathlib.Path(root)
        self.furnish()
        self.container = Container(root, shared)
        try:
            self.check_units()
            self.wait_loop()
        except BaseException:
            self.container.stop()
            raise

    # ---- Before it boots ------------------------------------------------------------------------

    def furnish(self):
        for folder in ("var/lib/m4flash", "var/lib/m4flash-calm", "var/log/journal"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        self.install()
        units = self.root / "etc/systemd/system"
        wanted = units / "multi-user.target.wants"
        wanted.mkdir(exist_ok=True)
        for name in ("stock.service", *ADDED_UNITS):
            shutil.copy(UNITS / name, units)
        for name in ADDED_UNITS:
            link(wanted / name, f"/etc/systemd/system/{name}")
        link(wanted / RIVALS[OURS][0], f"/usr/lib/systemd/system/{RIVALS[OURS][0]}")
        drop_ins = units / f"{RIVALS[OURS][0]}.d"
        drop_ins.mkdir(exist_ok=True)
        shutil.copy(UNITS / "writes.conf", drop_ins)
        shutil.copy(UNITS / "inboxes.conf", self.root / "etc/tmpfiles.d")
        shutil.copy(UNITS / "m4flash.conf", self.root / "etc/m4flash.conf")
        for _, _, folder in RIVALS.values():
            put_openocd(self.shared / folder)
        shutil.copy(UNITS / "loop.sh", self.shared / "loop")

    def install(self):
        """m4flash itself, as `meson install` does it."""
        done = subprocess.run(
            ["meson", "install", "-C", os.environ["BUILD"], "--no-rebuild", "--quiet"],
            env=os.environ | {"DESTDIR": str(self.root)}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"meson install: {done.stdout}")

    # ---- Once it has booted ---------------------------------------------------------------------

    def check_units(self):
        units = [*ADDED_UNITS, RIVALS[OURS][0]]
        done = self.container.run("systemctl", "is-active", *units)
        if done.stdout.split() != ["active"] * len(units):
            log = self.container.run("journalctl", "--no-pager", "--lines=30").stdout
            raise RuntimeError(f"{units}: {done.stdout.split()}\n{log}")

    def wait_loop(self):
        def look():
            return any(processes.command_line(pid)[:1] == ["inotifywait"]
                       and processes.state(pid) == "S"
                       for pid in self.container.processes("loop.service"))

        wait_for(look, "the shell loop to watch")

    def rivals(self):
        return [Rival(name, self.container, self.shared) for name in RIVALS]

    def outcomes(self):
        """What became of the uploads to m4flash, oldest first."""
        text = (self.root / "var/lib/m4flash/history.jsonl").read_text(encoding="utf-8")
        return [json.loads(line)["result"] for line in text.splitlines()]

    def stop(self):
        self.container.stop()
