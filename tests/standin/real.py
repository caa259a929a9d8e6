"""The real OpenOCD with units/m4flash.tcl on the simulated chip, and the stand-in beside it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
SCRIPT = os.environ.get("M4FLASH_OPENOCD_SCRIPT", str(TOP / "units" / "m4flash.tcl"))
CHIP_CONFIG = TOP / "tests" / "h7sim" / "openocd-h7sim.cfg"
STANDIN = str(Path(__file__).parent / "openocd")
H7SIM = os.environ.get("M4FLASH_H7SIM", "h7sim")
OPENOCD = shutil.which("openocd") or "/usr/bin/openocd"

START, SECTOR, BANK = 0x08100000, 128 << 10, 1 << 20
PORTS = "gdb_port disabled; tcl_port disabled; telnet_port disabled"
LIMIT = 240  # seconds until a run counts as hung

needs_openocd = pytest.mark.skipif(not os.path.exists(OPENOCD), reason="no openocd here")


def quote(text):
    """One Tcl word; src/openocd/argv.c does the same, and its tests show it."""
    return "".join(c if c.isalnum() else "\\n" if c == "\n" else "\\" + c for c in text) or "{}"


def arguments(call, script=SCRIPT):
    return ["-c", PORTS, "-c", "script " + quote(str(script)), "-c", call]


def program_call(config, image_dir, n, start=START, sector_size=SECTOR):
    words = quote(str(config)), quote(str(image_dir)), f"{start:#x}", f"{sector_size:#x}", str(n)
    return " ".join(("m4flash_program", *words))


def release_call(config):
    return f"m4flash_release {quote(str(config))}"


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.output = process.stderr.decode("utf-8", "surrogateescape")
        self.lines = self.output.splitlines()

    def ours(self):
        return [line[len("m4flash: "):] for line in self.lines if line.startswith("m4flash: ")]

    def done(self):
        return self.status == 0 and "stage done" in self.ours()


def run(program, args, **keys):
    return Result(subprocess.run([program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, timeout=LIMIT, check=False, **keys))


def write_image(folder, image, n=None):
    """The files that the daemon makes; n sectors, of which the image may reach fewer."""
    os.makedirs(folder, exist_ok=True)
    for sector in range(n or -(-len(image) // SECTOR)):
        part = image[sector * SECTOR:(sector + 1) * SECTOR].rstrip(b"\xff")
        Path(folder, f"sector-{sector}.bin").write_bytes(part)
    Path(folder, "plan").touch()


class Chip:
    """A simulated chip for one client, with its faults."""

    def __init__(self, folder, flash, *faults):
        self.folder, self.flash = Path(folder), Path(flash)
        # A socket's path is short, whatever the test's folder is called.
        self.private = tempfile.mkdtemp(prefix="h7sim-")
        self.socket = os.path.join(self.private, "socket")
        self.stats_path = self.folder / "stats"
        self.stats = None
        args = ["--socket", self.socket, "--flash", flash, "--stats", self.stats_path]
        for fault in faults:
            args += ["--fault", fault]
        self.process = subprocess.Popen([H7SIM, "--die-with-parent", *map(str, args)])

    def __enter__(self):
        self.wait_for(self.socket)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        if self.stats_path.exists():
            self.stats = json.loads(self.stats_path.read_text())
        shutil.rmtree(self.private)

    def run(self, call, script=SCRIPT):
        return self.openocd(arguments(call, script))

    def openocd(self, args):
        self.stats_path.unlink(missing_ok=True)
        result = run(OPENOCD, args, env=os.environ | {"H7SIM_SOCKET": self.socket})
        if any("driver initialized" in line for line in result.lines):
            self.wait_for(self.stats_path)
        return result

    def wait_for(self, path):
        """The chip may have more to read when OpenOCD has ended; then it writes its counters."""
        deadline = time.monotonic() + 30
        while not os.path.exists(path) and self.process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def bank2(self):
        return self.flash.read_bytes()[BANK:]


POSITION = re.compile(r"^(\w+ ?: )\d+ \d+ [^ :]+:\d+ (\w+\(\)): ")


def telling(lines):
    """Lines without what differs from one run or machine to the next: times, paths, debugging
    output (but that it told of progress), and OpenOCD's trace of an error that was caught."""
    result = []
    for line in lines:
        line = POSITION.sub(r"\1\2: ", line)
        if line.startswith("Debug: "):
            line = "(progress)" if "(): offs 0x" in line else ""
        elif re.search(r"^in procedure |^at file |: Error: $", line):
            line = ""
        elif "Connecting to unix socket" in line:
            line = "Info : Connecting to unix socket"
        if line and not (line == "(progress)" and result[-1:] == [line]):
            result.append(line)
    return result
