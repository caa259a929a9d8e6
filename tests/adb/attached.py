"""A board at the end of a cable: the daemon's bench, a system bus, adbd, and adb on this side."""

import os

from adb import Adb
from adbd import Device

from harness import processes
from harness.bus import Bus
from harness.waiting import wait_for

M4FLASH = os.environ.get("M4FLASH_COMMAND", "m4flash")
INBOX = "/tmp/arduino"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Board:
    """The daemon is started by the test, like the other boards."""

    def __init__(self, bench):
        self.bench = bench
        self.bus = Bus(bench).start()
        self.commands = bench.make_folder("commands")
        self.device = Device({INBOX: bench.inbox}, self.environment())
        self.others = []
        self.adb = Adb(bench.folder)
        self.adb.connect(self.device)

    def environment(self):
        """What a command on the board finds."""
        return {
            "PATH": f"{self.commands}:/usr/bin:/bin",
            "HOME": self.bench.folder,
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "M4FLASH_BOARDS_DIR": os.environ["M4FLASH_BOARDS_DIR"],
        }

    def install_m4flash(self):
        os.symlink(M4FLASH, os.path.join(self.commands, "m4flash"))

    def plug_in_another(self):
        """A second board at the same computer, on which nothing runs."""
        inbox = self.bench.make_folder(f"inbox-{len(self.others) + 2}")
        other = Device({INBOX: inbox}, {"PATH": "/usr/bin:/bin"})
        self.others.append(other)
        self.adb.connect(other)
        return other

    def file(self, upload, name="sketch.elf"):
        """The upload, as a file on this side."""
        path = os.path.join(self.bench.folder, name)
        with open(path, "wb") as file:
            file.write(upload.data)
        return path

    def close(self):
        self.adb.close()
        for device in [self.device, *self.others]:
            device.close()
        self.bus.discard()


def wait_asked(upload):
    """Until the board's m4flash has asked for this upload, and sleeps until it is answered."""
    asleep = []

    def look():
        asleep.append(any(processes.state(pid) == "S" for pid in askers(upload)))
        return len(asleep) >= 10 and all(asleep[-10:])

    wait_for(look, "a question", pause=0.02)


def askers(upload):
    return [
        pid for pid in filter(str.isdecimal, os.listdir("/proc"))
        if (words := processes.command_line(pid))[:2] == ["m4flash", "wait"]
        and upload.sha256 in words
    ]
