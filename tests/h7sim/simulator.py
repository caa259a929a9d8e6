"""Starts h7sim and the real OpenOCD for tests: one simulated chip in one temporary directory."""

import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import time

BANK_SIZE = 1 << 20
SECTOR_SIZE = 128 << 10
BANK2 = 0x08100000
CONFIGURATION = pathlib.Path(__file__).with_name("openocd-h7sim.cfg")
PATIENCE = 60  # seconds after which something is taken for hung; nothing is measured in them


def share_one_cpu():
    """OpenOCD and the simulator take turns: on one processor they are twice as fast as on two."""
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[os.getpid() % len(cpus)]})


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.005)


def sketch(size, seed=0, stack_pointer=0x10048000):
    """A flash image as a sketch has it: its vector table, then bytes without meaning."""
    rest = random.Random(seed).randbytes(size - 8)
    return struct.pack("<II", stack_pointer, BANK2 + 0x299) + rest


def write_elf(path, image, data_size=256):
    """The image as an ELF file with two segments: code in flash, and data that is to be copied to
    RAM (p_vaddr in D2 SRAM, p_paddr in flash)."""
    code_size, offset = len(image) - data_size, 0x1000
    segments = ((BANK2, BANK2, 0, code_size),
                (0x10000298, BANK2 + code_size, code_size, data_size))
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", 2, 40, 1, BANK2 + 0x299, 52, 0, 0x05000000, 52, 32, 2, 40, 0, 0)
    for virtual, physical, start, size in segments:
        header += struct.pack("<IIIIIIII", 1, offset + start, virtual, physical, size, size, 5, 4)
    path.write_bytes(header.ljust(offset, b"\0") + image)
    return path


class Simulator:
    """Use it as a context manager. Its files: socket, flash, stats, bridge, faults."""

    def __init__(self, executable, directory):
        self.executable = executable
        self.path = pathlib.Path(directory)
        self.process = None
        self.clients = 0

    def file(self, name):
        return self.path / name

    def start(self, *options):
        # A socket left by one that was killed must not be taken for this one's.
        self.file("socket").unlink(missing_ok=True)
        self.file("stats").unlink(missing_ok=True)
        self.clients = 0
        command = [self.executable, "--die-with-parent"]
        for name in ("socket", "flash", "stats", "bridge"):
            command += ["--" + name, self.file(name)]
        command += ["--faults-file", self.file("faults"), *options]
        self.process = subprocess.Popen(command)
        wait_until(lambda: self.file("socket").exists() or self.process.poll() is not None)
        return self

    def stop(self, number=signal.SIGTERM):
        """Ends the simulator if it still runs, and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.stop()

    def faults(self, *faults):
        """What the next clients meet; nothing clears it."""
        new = self.file("faults.new")
        new.write_text("".join(fault + "\n" for fault in faults))
        new.rename(self.file("faults"))

    def stats(self):
        """The counters after the clients so far have left."""
        def complete():
            return (self.process.poll() is not None or self.file("stats").exists() and
                    json.loads(self.file("stats").read_text())["clients_left"] == self.clients)
        wait_until(complete)
        return json.loads(self.file("stats").read_text())

    def bank(self, number):
        return self.file("flash").read_bytes()[(number - 1) * BANK_SIZE:number * BANK_SIZE]

    def openocd(self, commands, timeout=PATIENCE):
        """Runs OpenOCD with Tcl commands after the configuration; (exit status, its output). An
        exit status of None: it did not end and was killed."""
        self.clients += 1
        environment = dict(os.environ, H7SIM_SOCKET=str(self.file("socket")))
        process = subprocess.Popen(["openocd", "-f", CONFIGURATION, "-c", commands],
                                   env=environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, cwd=self.path)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return None, process.communicate()[0]
        return process.returncode, output

    def program(self, elf, **keywords):
        return self.openocd(f"program {elf} verify reset exit", **keywords)
