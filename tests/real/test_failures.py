"""Every fault of the simulated chip under the real OpenOCD: its own outcome code, a message that
says what to do, a chip that runs, and a next push that succeeds without anybody's help.
"""

import os
import random
import signal

import pytest
from simulator import BANK2, SECTOR_SIZE

from harness import sketches
from harness.pushes import adb_push

CONNECTED, LOADING = 700, 1500  # transactions of a run: the chip is halted; it is being written

# What each outcome tells the user to do.
ADVICE = {
    "openocd-missing": "Install OpenOCD",
    "openocd-crashed": "switch the board off and on",
    "no-adapter": "pgrep -a openocd",
    "no-target": "switch the board off and on",
    "erase-failed": "write-protected or worn out",
    "write-failed": "write-protected or worn out",
    "verify-failed": "worn out",
    "timeout": "TimeoutSec=",
    "internal": "OpenOCD's lines in the journal",
}

# Of the chip's flash: fault and code. The chip lives, so it must run afterwards.
FLASH = [
    ("erase-fail:0", "erase-failed"),
    ("erase-fail:1", "erase-failed"),
    ("write-protect:0", "erase-failed"),
    ("write-protect:1", "erase-failed"),
    (f"write-error:{BANK2 + 0x44:#x}", "write-failed"),
    (f"write-error:{BANK2:#x}", "write-failed"),
    (f"stuck-bit:{BANK2:#x}:0", "verify-failed"),
    (f"corrupt-word:{BANK2 + 0x104:#x}", "verify-failed"),
    (f"corrupt-word:{BANK2 + SECTOR_SIZE:#x}", "verify-failed"),
]

# Of the way to the chip: fault and the codes that it can have. A lost connection is an error, or
# ends OpenOCD at an assertion, as it falls.
LOST = ("no-adapter", "openocd-crashed")
CONNECTION = [
    ("no-target-high", ("no-target",)),
    ("no-target-low", ("no-target",)),
    (f"die-after:{CONNECTED}", ("no-target",)),
    (f"die-after:{LOADING}", ("no-target",)),
    ("wait-forever", ("no-target",)),
    (f"wait-forever:{LOADING}", ("no-target",)),
    ("drop", LOST),
    (f"drop:{LOADING}", LOST),
    ("silent", ("timeout",)),
    (f"silent:{LOADING}", ("timeout",)),
]


def fill_bank2(bench):
    """What is blank is not erased, so that an erase cannot fail there."""
    bench.chip.set_bank2(random.Random(8).randbytes(1 << 20))


@pytest.fixture
def upload():
    return sketches.good("meets a fault", size=SECTOR_SIZE + 1000)


def check_failed(bench, outcome, codes):
    assert outcome["code"] in codes, bench.log()
    assert ADVICE[outcome["code"]] in outcome["hint"]
    line = bench.daemon.wait_line(f"Job {outcome['id']}: failed: ")
    assert outcome["code"] in line and outcome["hint"] in line


def check_next_push(bench):
    bench.chip.faults()
    bench.programmed(adb_push, sketches.good("next", size=5000))


@pytest.mark.parametrize("fault, code", FLASH, ids=[fault for fault, _ in FLASH])
def test_flash(bench, daemon, upload, fault, code):
    fill_bank2(bench)
    bench.chip.faults(fault)
    outcome = bench.failed(adb_push, upload)
    check_failed(bench, outcome, [code])
    assert outcome["restored"] is False
    counters = bench.chip.counters()
    assert counters["state"] == "running", counters
    assert bench.chip.file("bridge").exists()
    check_next_push(bench)


@pytest.mark.parametrize("fault, codes", CONNECTION, ids=[fault for fault, _ in CONNECTION])
def test_connection(bench, upload, fault, codes):
    if fault.startswith("silent"):
        bench.settings["OpenOCD"]["TimeoutSec"] = "6"
    bench.start()
    bench.chip.faults(fault)
    check_failed(bench, bench.failed(adb_push, upload), codes)
    check_next_push(bench)


@pytest.mark.parametrize("fault", ["wait-sometimes", "wait-sometimes:3"])
def test_endured(bench, daemon, fault):
    bench.chip.faults(fault)
    bench.programmed(adb_push, sketches.good("slowed down"))


# ---- The sketch before it is put back -----------------------------------------------------------

# Faults beyond the old sketch, so that it can be.
RESTORED = [
    ("erase-fail:1", "erase-failed"),
    (f"write-error:{BANK2 + SECTOR_SIZE:#x}", "write-failed"),
    (f"stuck-bit:{BANK2 + SECTOR_SIZE + 8:#x}:3", "verify-failed"),
]


@pytest.mark.parametrize("fault, code", RESTORED, ids=[fault for fault, _ in RESTORED])
def test_restored(bench, daemon, fault, code):
    fill_bank2(bench)
    old = sketches.good("old", size=100_000)
    bench.programmed(adb_push, old)
    bench.chip.faults(fault)
    image = bytearray(sketches.make_image("new", SECTOR_SIZE + 100))
    image[SECTOR_SIZE + 8] &= 0xF7
    outcome = bench.failed(adb_push, sketches.Upload(sketches.make_elf(bytes(image)), bytes(image)))
    check_failed(bench, outcome, [code])
    assert outcome["restored"] is True
    bench.check_programmed(old)
    bench.chip.check_running()
    check_next_push(bench)


# ---- OpenOCD itself -----------------------------------------------------------------------------


def test_missing(bench, upload):
    bench.program = os.path.join(bench.folder, "no-openocd-here")
    bench.start()
    check_failed(bench, bench.failed(adb_push, upload), ["openocd-missing"])
    os.symlink(bench.chip.program, bench.program)
    check_next_push(bench)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_crash(bench, daemon, upload, number):
    """In the middle of writing; what it leaves halted is let run by a second run."""
    bench.chip.faults(f"silent:{LOADING}")
    bench.push(adb_push, upload)
    daemon.wait_line(r"Job 1: write$")
    openocd = daemon.wait_openocd()
    bench.chip.faults()
    os.kill(openocd, number)
    check_failed(bench, bench.wait_outcome(), ["openocd-crashed"])
    assert bench.chip.counters()["state"] == "running"
    check_next_push(bench)


def test_timeout_leaves_a_running_chip(bench, upload):
    bench.settings["OpenOCD"]["TimeoutSec"] = "10"
    daemon = bench.start()
    bench.chip.faults(f"silent:{LOADING}")
    bench.push(adb_push, upload)
    daemon.wait_line(r"Job 1: write$")
    bench.chip.faults()
    check_failed(bench, bench.wait_outcome(), ["timeout"])
    assert bench.chip.counters()["state"] == "running"
    check_next_push(bench)


def test_no_adapter(bench, daemon, upload):
    bench.chip.stop()
    check_failed(bench, bench.failed(adb_push, upload), ["no-adapter"])
    bench.chip.start()
    check_next_push(bench)


def test_adapter_that_comes_late(bench, daemon, upload):
    """Whoever held the pins has let go: the second try finds the chip."""
    bench.chip.stop()
    bench.push(adb_push, upload)
    daemon.wait_line("Error on socket")
    bench.chip.start()
    outcome = bench.wait_outcome()
    assert outcome["result"] == "programmed"
    bench.check_programmed(upload)


@pytest.mark.parametrize("text", ["no such command\n", "shutdown\n", ""])
def test_configuration(bench, daemon, upload, text):
    """A board's OpenOCD configuration that is none."""
    good = bench.chip.control.read_text()
    bench.chip.control.write_text(text)
    outcome = bench.failed(adb_push, upload)
    check_failed(bench, outcome, ["internal", "no-adapter"])
    bench.chip.control.write_text(good)
    check_next_push(bench)
