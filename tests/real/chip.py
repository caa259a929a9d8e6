"""The simulated STM32H747 behind the real OpenOCD, in the place that the stand-in has elsewhere."""

import json
import os
import pathlib
import random
import signal
import subprocess

import board
from simulator import BANK_SIZE, Simulator

from harness import processes
from harness.waiting import wait_for

H7SIM = os.environ.get("H7SIM", "h7sim")
OPENOCD = "/usr/bin/openocd"
VECTORS = 4096  # what h7sim puts at the start of bank 1, and somewhat more


class Chip(Simulator):
    """Powered on as soon as it is made. `faults()` sets what each OpenOCD from then on meets."""

    program = OPENOCD

    def __init__(self, folder):
        path = pathlib.Path(folder) / "chip"
        path.mkdir()
        self.folder = str(path)
        super().__init__(H7SIM, path)
        self.board = board.write(path)
        self.control = path / "openocd.cfg"
        self.start()
        self.fill_bank1()
        self.bank1 = self.bank(1)

    def start(self, *options):
        super().start(*options)
        processes.companions.add(self.process.pid)
        return self

    def stop(self, number=signal.SIGTERM):
        status = super().stop(number)
        processes.companions.discard(self.process.pid)
        return status

    def fill_bank1(self):
        """Where the bridge's firmware is, so that a write to it cannot pass for an erased word."""
        with open(self.file("flash"), "r+b") as file:
            file.seek(VECTORS)
            file.write(random.Random(7).randbytes(BANK_SIZE - VECTORS))

    def restart(self, *options):
        """The power is off, and on again."""
        self.stop(signal.SIGKILL)
        self.file("bridge").unlink(missing_ok=True)
        self.start(*options)

    def flash(self):
        return self.bank(1) + self.bank(2)

    def m7_firmware_is_intact(self):
        return self.bank(1) == self.bank1

    def set_bank2(self, image):
        """As if programmed long ago. Not while OpenOCD is at work."""
        with open(self.file("flash"), "r+b") as file:
            file.seek(BANK_SIZE)
            file.write(image.ljust(BANK_SIZE, b"\xff"))

    def counters(self):
        """What it has counted, once nobody is connected any more."""
        while True:
            self.file("stats").unlink(missing_ok=True)
            self.process.send_signal(signal.SIGUSR1)
            wait_for(self.file("stats").exists, "the chip's counters")
            found = json.loads(self.file("stats").read_text())
            if found["clients"] == found["clients_left"]:
                return found

    def check_running(self):
        """The M7 runs its firmware, so the bridge lives, and has started the M4."""
        counters = self.counters()
        assert (counters["state"], counters["m4_started"]) == ("running", True), counters
        assert self.file("bridge").exists()
        assert (counters["lockups"], counters["unknown_accesses"]) == (0, 0), counters


def objcopy(elf, folder):
    """The flash image as the tool chain sees it."""
    output = os.path.join(folder, "objcopy.bin")
    subprocess.run(
        ["arm-none-eabi-objcopy", "-O", "binary", "--gap-fill", "0xff", elf, output], check=True)
    return pathlib.Path(output).read_bytes()
