"""The stock service and ours under the same uploads, each on a board of its own. What is measured is
put into words here, and compared with the README's table.

A pause in an upload, or a second one while the first is programmed, is no matter of luck: the chip
stands still, or the uploader waits, until it is so.
"""

import json
import os
import pathlib
import shutil

from harness import pushes, sketches
from harness.waiting import wait_for
from machine import UPLOAD

README = pathlib.Path(__file__).parents[2] / "README.md"
HEAD = "| upload | stock service | m4flash |\n| --- | --- | --- |\n"
PATH_UNIT = "monitor-m4-elf-file.path"
BEFORE = sketches.good("before")
PART = "a part of the sketch"
LARGE, SMALL = sketches.good("large", size=150_000), sketches.good("small")


def times(number):
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


class Side:
    """A board that has a sketch on its chip already."""

    def __init__(self, machine):
        self.machine, self.chip = machine, machine.chip
        self.chip.set_bank2(BEFORE.image)
        self.chip.restart()
        machine.boot()
        self.earlier = 0  # runs of OpenOCD that are not the matter
        self.on_part = 0  # runs when the upload was not complete
        self.part_ran = False

    def push(self, upload, kind=pushes.adb_push):
        self.machine.push(kind, upload)

    @property
    def path(self):
        return str(self.machine.path(UPLOAD))

    def runs(self):
        """How often OpenOCD has connected to the chip."""
        return self.chip.counters()["clients"]

    def note_part(self):
        counters = self.chip.counters()
        self.on_part = counters["clients"]
        self.part_ran = self.held({}) == PART and counters["m4_started"]

    def held(self, named):
        for name, upload in {"the sketch before": BEFORE, **named}.items():
            if self.chip.holds(upload):
                return name
        return PART

    def describe(self, **named):
        counters, held = self.chip.counters(), self.held(named)
        runs = counters["clients"] - self.earlier
        text = f"OpenOCD runs {times(runs)}" if runs else "OpenOCD does not run"
        if self.on_part:
            text += f", {times(self.on_part)} on a part of the file"
            text += ", **which was started**" if self.part_ran else ""
        text += f"; {held} is on the chip"
        if not self.chip.m7_firmware_is_intact():
            return f"{text}, **the M7's firmware is overwritten**"
        if counters["state"] != "running":
            return f"{text}, **the M7 stands still**"
        if not counters["m4_started"]:
            return f"{text}, **but never starts**"
        return f"{text} and runs"


class Stock(Side):
    def __init__(self, machine):
        super().__init__(machine)
        machine.wait_active(PATH_UNIT)

    def settle(self):
        """Until systemd has heard of all that happened, and the service has ended. What systemd was
        told before it is asked, it knows when it has answered twice."""
        self.was_seen(0)
        wait_for(lambda: self.machine.show("ActiveState") in ("inactive", "failed"),
                 lambda: f"the stock service's end\n{self.machine.log()}", pause=0.05)

    def part_was_seen(self):
        """A part of the upload is there: until all has come of it that will."""
        wait_for(self.runs, "OpenOCD on a part of the file", pause=0.05)
        self.settle()
        self.note_part()

    def was_seen(self, number):
        """It has no number of its own here."""
        for _ in range(3):
            self.machine.show("ActiveState")

    def gave_up(self):
        return self.machine.show("ActiveState", PATH_UNIT) == "failed"

    def told(self):
        return "; **no upload is waited for any more**" if self.gave_up() else ""


class Ours(Side):
    def __init__(self, machine):
        super().__init__(machine)
        machine.wait_active()
        machine.wait_status("Waiting for .*")

    def state(self):
        return self.machine.run("busctl", "get-property", "org.m4flash", "/org/m4flash",
                                "org.m4flash.Flasher1", "State").split('"')[1]

    def settle(self):
        """An answer on the bus comes after all that has happened in the inbox before the call."""
        wait_for(lambda: self.state() == "idle",
                 lambda: f"idle\n{self.machine.log()}", pause=0.05)

    def part_was_seen(self):
        """Nothing comes of it, so that there is nothing to wait for."""
        self.settle()
        self.note_part()

    def was_seen(self, number):
        """It waits for its turn, and the one before it has given way."""
        wait_for(lambda: self.job_states() == ["programming", "waiting"]
                 and len(self.machine.outcomes()) == number - 2,
                 lambda: f"upload {number}\n{self.machine.log()}", pause=0.02)

    def job_states(self):
        jobs = json.loads(self.machine.run(
            "busctl", "--json=short", "get-property", "org.m4flash", "/org/m4flash",
            "org.m4flash.Flasher1", "Jobs"))
        return [job["state"]["data"] for job in jobs["data"]]

    def gave_up(self):
        return False

    def told(self):
        counts = {}
        for outcome in self.machine.outcomes():
            words = outcome["result"]
            if outcome["result"] in ("rejected", "failed"):
                words += f", {outcome['code']}"
            counts[f"`{words}`"] = counts.get(f"`{words}`", 0) + 1
        return "; " + ", ".join(name + (f" ({n})" if n > 1 else "") for name, n in counts.items())


# ---- Uploads ----------------------------------------------------------------------------------------


def pauses(side):
    """Written as adbd does it, in two pieces."""
    fd = pushes.adb_open(side.path)
    os.write(fd, LARGE.data[:len(LARGE.data) // 2])
    side.part_was_seen()
    os.write(fd, LARGE.data[len(LARGE.data) // 2:])
    os.close(fd)
    wait_for(lambda: side.chip.holds(LARGE), "the whole sketch", pause=0.05)
    side.settle()
    return side.describe(**{"the sketch": LARGE})


def breaks_off(side):
    """The cable was pulled: adbd closes what it has, and removes it."""
    fd = pushes.adb_open(side.path)
    os.write(fd, LARGE.data[:len(LARGE.data) // 2])
    side.part_was_seen()
    os.close(fd)
    os.unlink(side.path)
    side.settle()
    return side.describe(**{"the sketch": LARGE})


def second_meanwhile(side):
    side.push(LARGE)
    side.chip.freeze_while_programming(LARGE)
    side.push(SMALL)
    side.chip.thaw()
    side.settle()
    return side.describe(**{"the first": LARGE, "the second": SMALL})


def ten_in_a_row(side):
    side.push(LARGE)
    side.chip.freeze_while_programming(LARGE)
    rest = [sketches.good(f"number {number}") for number in range(2, 11)]
    for number, upload in enumerate(rest, start=2):
        side.push(upload)
        side.was_seen(number)
    side.chip.thaw()
    side.settle()
    return side.describe(**{"the first": LARGE, "the last": rest[-1]})


def garbage(side):
    side.push(sketches.not_elf("garbage"))
    side.settle()
    return side.describe()


def link_to_a_secret(side):
    os.symlink("/etc/shadow", side.path)
    side.settle()
    return side.describe()


def folder_removed(side):
    shutil.rmtree(os.path.dirname(side.path))
    side.settle()
    side.push(SMALL)
    wait_for(lambda: side.chip.holds(SMALL), "the sketch", pause=0.05)
    side.settle()
    return side.describe(**{"the sketch": SMALL})


def never_starts(side):
    """Its stack pointer is not what the M7 looks for before it starts the M4."""
    upload = sketches.never_starts("wrong stack")
    side.push(upload)
    side.settle()
    image = sketches.make_image("wrong stack", 4096, 0x24080000)
    return side.describe(**{"the sketch": sketches.Upload(upload.data, image)})


def of_the_m7(side):
    side.push(sketches.for_the_m7("m7"))
    side.settle()
    return side.describe()


def after_failures(side):
    """The chip did not answer, and somebody has tried again and again: systemd counts five starts in
    ten seconds. On a machine that is too slow for that, a few more are tried."""
    side.chip.faults("no-target-high")
    for number in range(1, 30):
        side.push(sketches.good(f"in vain {number}"))
        side.settle()
        if number >= 6 and (side.gave_up() or isinstance(side, Ours)):
            break
    side.chip.faults()
    side.earlier = side.runs()
    side.push(SMALL)
    side.settle()
    return side.describe(**{"the sketch": SMALL})


UPLOADS = {
    "one that pauses in the middle": pauses,
    "one that breaks off in the middle": breaks_off,
    "a second one while the first is programmed": second_meanwhile,
    "ten in a row, nine of them while the first is programmed": ten_in_a_row,
    "no sketch, but any other file": garbage,
    "a link to `/etc/shadow`": link_to_a_secret,
    "one after the folder was removed": folder_removed,
    "a sketch with a wrong stack pointer": never_starts,
    "a sketch of the Portenta H7's M7": of_the_m7,
    "a good one, after six for which the chip did not answer": after_failures,
}


def row(name, stock, ours):
    return f"| {name} | {stock} | {ours} |"


def measure(name, make_machine, with_stock):
    cells = []
    for side_type, layers in ((Stock, [with_stock]), (Ours, [])):
        machine = make_machine(*layers)
        try:
            side = side_type(machine)
            cells.append(UPLOADS[name](side) + side.told())
        finally:
            machine.discard()
    return row(name, *cells)


# ---- The README -------------------------------------------------------------------------------------


def table():
    """What is before it, its rows by their names, and what is behind it."""
    before, found, rest = README.read_text(encoding="utf-8").partition(HEAD)
    assert found, f"README.md has no table that begins with {HEAD}"
    lines = rest.splitlines(keepends=True)
    end = next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))
    rows = {line.split(" | ")[0].removeprefix("| "): line.rstrip("\n") for line in lines[:end]}
    return before, rows, "".join(lines[end:])


def write_row(name, line):
    before, rows, after = table()
    rows[name] = line
    text = "".join(f"{rows[known]}\n" for known in UPLOADS if known in rows)
    README.write_text(before + HEAD + text + after, encoding="utf-8")
