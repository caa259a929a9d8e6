#!/usr/bin/python3
"""How long from an uploader's close() to OpenOCD's first instruction?

    tests/bench/latency.py [--rounds N] [--json] [--paced] [SIZE...]

starts m4flashd on an inbox of its own, pushes ELF files of these sizes (300K and 10M if there are
none given), each time with another content, and tells the times in milliseconds. --paced: not all
at once, but at the pace of USB 2, over which adb comes. Needs M4FLASHD,
M4FLASH_CHECKER and INSTANT_OPENOCD in the environment (`meson devenv -C build` sets them) and no
privileges. OpenOCD is instant_openocd.c, which notes when it was started.

Other services are measured in the same way by using Stage and upload() from here.
"""

import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "e2e"))

from harness import sketches  # noqa: E402
from harness.pushes import adb_open, write_all, ADB_PIECE, OLD_TIME  # noqa: E402
from harness.waiting import wait_for  # noqa: E402

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
IMAGE_MAX = 200 * 1024  # bytes of flash; the rest of a file is debug information
USB_PAUSE = 0.002  # seconds between two pieces of 64 KiB: about 30 MB/s
REST = 0.1  # seconds between two uploads, so that none meets the tail of the one before


class Stage:
    """A folder with a path to upload to and an OpenOCD that notes its starts."""

    def __init__(self, folder):
        self.folder = folder
        self.inbox = os.path.join(folder, "inbox")
        self.path = os.path.join(self.inbox, "m4-user-sketch.elf")
        self.openocd = os.path.join(folder, "openocd")
        self.started = self.openocd + ".started"
        os.mkdir(self.inbox)
        os.symlink(os.environ["INSTANT_OPENOCD"], self.openocd)
        with open(self.started, "xb"):
            pass

    def starts(self):
        """CLOCK_MONOTONIC in nanoseconds of each start of OpenOCD so far."""
        with open(self.started, "rb") as file:
            return [time for (time,) in struct.iter_unpack("=Q", file.read())]


def make_upload(stamp, size):
    image = min(size * 2 // 3, IMAGE_MAX)
    return sketches.good(stamp, size=image, debug=size - image - 1024).data


def upload(stage, data, pause=0.0):
    """An adb push. Returns the milliseconds from its close() to OpenOCD's start."""
    before = len(stage.starts())
    fd = adb_open(stage.path)
    write_all(fd, data, ADB_PIECE, pause)
    closed = time.monotonic_ns()
    os.close(fd)
    os.utime(stage.path, (OLD_TIME, OLD_TIME))
    wait_for(lambda: len(stage.starts()) > before, "a start of OpenOCD", pause=0.005)
    return (stage.starts()[before] - closed) / 1e6


def start_daemon(stage):
    """m4flashd on a stage, ready. Returns its process; terminate() ends it."""
    config = os.path.join(stage.folder, "m4flash.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write("[Board]\nHealthFile=\n[Hooks]\nPreDirectory=\nPostDirectory=\n"
                   "[Limits]\nProgrammingsPerMinute=0\nProgrammingsPerDay=0\n")
    for name in ("state", "runtime"):
        os.mkdir(os.path.join(stage.folder, name))
    environment = {
        "M4FLASH_CHIP_DIR": stage.folder,
        "M4FLASH_BOARDS_DIR": os.path.join(SOURCE, "units", "boards"),
        "M4FLASH_OPENOCD_SCRIPT": os.path.join(SOURCE, "units", "m4flash.tcl"),
    } | os.environ
    log = os.path.join(stage.folder, "log")
    with open(log, "wb") as stderr:
        daemon = subprocess.Popen(
            [os.environ["M4FLASHD"], "--config", config, "--inbox", stage.inbox,
             "--state-dir", os.path.join(stage.folder, "state"),
             "--runtime-dir", os.path.join(stage.folder, "runtime"),
             "--openocd", stage.openocd, "--openocd-config", "", "--board", "portenta-x8"],
            stdin=subprocess.DEVNULL, stderr=stderr, env=environment)

    def said_ready():
        assert daemon.poll() is None, f"m4flashd ended with {daemon.returncode}"
        with open(log, "rb") as file:
            return b"Ready: " in file.read()

    wait_for(said_ready, "m4flashd to be ready")
    return daemon


def outcomes(stage):
    try:
        with open(os.path.join(stage.folder, "state", "history.jsonl"), "rb") as file:
            return [json.loads(line) for line in file]
    except FileNotFoundError:
        return []


def measure(size, rounds, pause=0.0):
    """The times of so many uploads to m4flashd, in milliseconds."""
    times = []
    with tempfile.TemporaryDirectory(prefix="m4flash-latency-") as folder:
        stage = Stage(folder)
        daemon = start_daemon(stage)
        try:
            for number in range(rounds + 1):
                times.append(upload(stage, make_upload(f"latency {number}", size), pause))
                wait_for(lambda: len(outcomes(stage)) > number, "an outcome")
                assert outcomes(stage)[-1]["result"] == "programmed", outcomes(stage)[-1]
                time.sleep(REST)
        finally:
            daemon.terminate()
            daemon.wait()
    return times[1:]  # the first one warms the machine's caches


def parse_size(text):
    unit = {"K": 1024, "M": 1024 * 1024}.get(text[-1:], 1)
    return int(text.rstrip("KM")) * unit


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("sizes", nargs="*", metavar="SIZE", default=["300K", "10M"])
    options = parser.parse_args()
    pause = USB_PAUSE if options.paced else 0.0
    found = {size: measure(parse_size(size), options.rounds, pause) for size in options.sizes}
    if options.json:
        print(json.dumps(found))
        return
    print("milliseconds from close() to OpenOCD: median (minimum to maximum)")
    for size, times in found.items():
        print(f"{size:>6} {statistics.median(times):8.2f} ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
