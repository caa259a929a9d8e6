"""The stand-in OpenOCD (tests/standin) and the chip that it programs."""

import json
import os
import random

PROGRAM = os.environ.get("M4FLASH_STANDIN", "openocd")
BANK_SIZE = 0x100000

GATE = """#!/bin/sh
# An OpenOCD that takes its time: it begins when the gate, a file, is gone.
while [ -e {gate} ]; do sleep 0.02; done
exec {program} "$@"
"""


class StandIn:
    def __init__(self, folder):
        self.folder = folder  # all below it
        self.control = os.path.join(folder, "openocd.cfg")
        self.flash_path = os.path.join(folder, "flash")
        self.log_path = os.path.join(folder, "openocd.log")
        self.gate = os.path.join(folder, "gate")
        self.program = os.path.join(folder, "gated-openocd")
        self.m7_firmware = random.Random(7).randbytes(BANK_SIZE)
        with open(self.flash_path, "wb") as file:
            file.write(self.m7_firmware + b"\xff" * BANK_SIZE)
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(GATE.format(gate=self.gate, program=PROGRAM))
        os.chmod(self.program, 0o755)
        self.set_mode("success")

    def set_mode(self, mode, **keys):
        """What the next invocation does, and all after it."""
        keys |= {"mode": mode, "flash": self.flash_path, "log": self.log_path}
        temporary = self.control + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in keys.items())
        os.rename(temporary, self.control)

    def fail_once(self, mode, **keys):
        """The next programming fails, and all after it succeed."""
        done = sum(run != "release" for run in self.runs())
        self.set_mode(mode, fail_runs=done + 1, **keys)

    def close_gate(self):
        with open(self.gate, "x", encoding="utf-8"):
            pass

    def open_gate(self):
        os.unlink(self.gate)

    def flash(self):
        with open(self.flash_path, "rb") as file:
            return file.read()

    def m7_firmware_is_intact(self):
        return self.flash()[:BANK_SIZE] == self.m7_firmware

    def wipe_flash(self):
        with open(self.flash_path, "r+b") as file:
            file.seek(BANK_SIZE)
            file.write(b"\xff" * BANK_SIZE)

    def runs(self):
        """What it was asked for, invocation by invocation: "program" or "release"."""
        return [line["action"] for line in self.log() if line["event"] == "start"]

    def log(self):
        """Its invocations' lines, in the order in which they began and ended."""
        try:
            with open(self.log_path, encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []
