"""Power cuts: a chip with an old sketch and a state directory that knows it, a newer one on its way,
the moment at which everything ends, and what must hold when the power is back.
"""

import json
import os
import shutil
import signal

from chip import OPENOCD
from world import World

from harness import sketches
from harness.pushes import adb_push, mv
from harness.waiting import wait_for

SABOTAGE = os.environ.get("SABOTAGE", "libsabotage.so")
OLD, NEW = sketches.good("old", size=200_000), sketches.good("new", size=140 * 1024)
TINY_OLD, TINY_NEW = sketches.good("tiny old", size=12000), sketches.good("tiny new", size=4000)
POWER_CUT = 3  # h7sim's exit status

# An OpenOCD that takes the daemon with it when the chip's power fails: it is the same power. The
# chip's socket is gone by then.
CUT = """#!/bin/sh
{openocd} "$@"
status=$?
[ -e {socket} ] || kill -9 $PPID
exit $status
"""


def read_slot(path):
    """A stored image, as a stranger would read it: (header, image). None if there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    digest, _, payload = data.partition(b"\n")
    assert sketches.sha256(payload) == digest.decode(), path
    header, _, image = payload.partition(b"\n")
    header = json.loads(header)
    assert sketches.sha256(image) == header["image_sha256"], path
    return header, image


class PowerWorld(World):
    def __init__(self, old=OLD, new=NEW):
        super().__init__()
        self.old, self.new = old, new
        self.compare_descriptors = False
        self.uploads = None

    def state_file(self, name):
        return os.path.join(self.state, name)

    def slot(self, name):
        found = read_slot(self.state_file(name))
        return found and found[1]

    # ---- As it was before -----------------------------------------------------------------------

    def install_old(self):
        self.start()
        self.push(adb_push, self.old)
        assert self.wait_outcomes(1)[0]["result"] == "programmed"
        self.stop()
        self.check_programmed(self.old)

    def save(self, folder):
        shutil.copytree(self.state, os.path.join(folder, "state"))
        shutil.copy(self.chip.file("flash"), os.path.join(folder, "flash"))

    def load(self, folder):
        shutil.rmtree(self.state)
        shutil.copytree(os.path.join(folder, "state"), self.state)
        self.chip.stop()
        shutil.copy(os.path.join(folder, "flash"), self.chip.file("flash"))
        self.chip.bank1 = self.chip.bank(1)
        self.chip.start()
        self.empty_inbox()

    # ---- The end --------------------------------------------------------------------------------

    def cut_by_chip(self, *faults):
        """From now on the power fails where one of these faults says."""
        self.program = os.path.join(self.folder, "cut-openocd")
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(CUT.format(openocd=OPENOCD, socket=self.chip.file("socket")))
        os.chmod(self.program, 0o755)
        self.chip.faults(*faults)

    def start_sabotaged(self, **settings):
        """A daemon that the preloaded library lets end; it counts changes of the state directory."""
        environment = {f"SABOTAGE_{key.upper()}": str(value) for key, value in settings.items()}
        return self.start(env=environment | {
            "LD_PRELOAD": SABOTAGE,
            "SABOTAGE_FOLDER": self.state,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }, expect_ready=False)

    def await_cut(self):
        """Waits until the daemon has been killed, by whatever it is that does it."""
        daemon, self.daemon = self.daemon, None
        status = daemon.wait_end()
        self.lines += daemon.lines
        assert status == -signal.SIGKILL, self.log()
        daemon.check_nobody_left()

    def power_off(self):
        """What is in RAM is gone: the upload, the laid-out image, the chip's own state."""
        self.chip.stop(signal.SIGKILL)
        self.empty_inbox()
        shutil.rmtree(self.runtime)
        os.mkdir(self.runtime)

    def power_on(self, *faults):
        self.program = OPENOCD
        self.chip.faults(*faults)
        self.chip.restart()
        self.start()

    def wait_settled(self):
        """Until the daemon has nothing to do any more."""
        def look():
            assert self.daemon.running(), self.log()
            return self.notify.values("STATUS")[-1:] and \
                self.notify.values("STATUS")[-1].startswith("Waiting")

        wait_for(look, lambda: f"settled\n{self.log()}")

    # ---- What must hold -------------------------------------------------------------------------

    def check_new(self):
        self.check_new_or_old(recorded=True)

    def entries_of(self, upload):
        return [e for e in self.history() if e["image_sha256"] == upload.image_sha256]

    def check_whole(self, *allowed):
        """The chip holds exactly one of these sketches and runs, and the state directory agrees;
        returns that one."""
        self.wait_settled()
        bank2 = self.chip.bank(2)
        held = [u for u in allowed if bank2.startswith(u.image)]
        assert len(held) == 1, f"no whole sketch in flash\n{self.log()}"
        self.check_programmed(held[0])
        self.chip.check_running()
        assert self.slot("installed") == held[0].image, self.log()
        for name in ("intent", "pending"):
            assert not os.path.exists(self.state_file(name)), f"{name} is left\n{self.log()}"
        return held[0]

    def check_new_or_old(self, recorded):
        """recorded: the upload was on record, or still in the inbox, so it must have its outcome."""
        held = self.check_whole(self.new, self.old)
        if recorded:
            assert held is self.new, self.log()
        if held is self.new:
            assert self.slot("previous") == self.old.image
        outcomes = [entry["result"] for entry in self.entries_of(self.new)]
        if held is self.new:
            assert outcomes in (["programmed"], ["recovered"]), self.log()
        else:
            assert outcomes == [], self.log()
        assert len(self.entries_of(self.old)) == 1


# ---- Every change of the state directory ----------------------------------------------------------


def changes_of_one_push(world):
    """As the library lists them; leaves the world as it was."""
    log = os.path.join(world.folder, "changes")
    world.start_sabotaged(log=log)
    world.daemon.wait_ready()
    with open(log, encoding="utf-8") as file:
        at_start = len(file.readlines())
    world.push(mv, world.new)  # adb's late time stamps may or may not be a change
    assert world.wait_outcomes(2)[-1]["result"] == "programmed"
    world.stop()
    with open(log, encoding="utf-8") as file:
        return at_start, [line.strip() for line in file]


def some(numbers, count):
    """So many of them, spread evenly, with the first and the last."""
    if count == 0 or count >= len(numbers):
        return numbers
    return [numbers[i * (len(numbers) - 1) // max(count - 1, 1)] for i in range(count)]
