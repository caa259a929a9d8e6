"""The stand-in itself: its modes, its flash, its log, and that nothing stops it early."""

import json
import os
import random
import signal
import subprocess
import time

import pytest

from real import BANK, SECTOR, STANDIN, START, arguments, program_call, release_call, run
from real import write_image

LIMIT = 60  # seconds


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.control, self.log_path = folder / "control", folder / "log"
        self.flash_path, self.images = folder / "flash", folder / "images"
        self.image = random.Random(1).randbytes(140_000)
        write_image(self.images, self.image)
        self.configure()

    def configure(self, **keys):
        keys = {"flash": self.flash_path, "log": self.log_path} | keys
        self.control.write_text("".join(f"{key}={value}\n" for key, value in keys.items()))

    def program(self, **keys):
        self.configure(**keys)
        return run(STANDIN, arguments(self.program_call()))

    def release(self):
        return run(STANDIN, arguments(release_call(self.control)))

    def program_call(self):
        return program_call(self.control, self.images, 2)

    def start(self, **keys):
        self.configure(**keys)
        return subprocess.Popen([STANDIN, *arguments(self.program_call())],
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def log(self):
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    def is_programmed(self):
        bank2 = self.flash_path.read_bytes()[BANK:]
        return bank2[:2 * SECTOR] == self.image.ljust(2 * SECTOR, b"\xff")


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def read_until(process, text):
    """The process's output up to the line that holds text."""
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"never said {text}")


# ---- Good runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [{}, {"mode": "success"}, {"delay": 0.01},
                                  {"mode": "silence", "silence": 0.1}, {"mode": "split"},
                                  {"mode": "forged"}], ids=str)
def test_programs(bench, keys):
    result = bench.program(**keys)
    assert result.done()
    assert bench.is_programmed()
    assert result.lines[:1] == ["Open On-Chip Debugger 0.12.0"]


def test_keeps_what_is_outside(bench):
    old = random.Random(2).randbytes(2 * BANK)
    bench.flash_path.write_bytes(old)
    assert bench.program().done()
    assert bench.is_programmed()
    flash = bench.flash_path.read_bytes()
    assert flash[:BANK] == old[:BANK]
    assert flash[BANK + 2 * SECTOR:] == old[BANK + 2 * SECTOR:]


def test_release(bench):
    assert bench.release().ours() == [
        "stage connect", "connected", "stage reset", "released", "stage done"]


def test_log(bench):
    bench.program(mode="erase-failed")
    bench.release()
    start, end, *release = bench.log()
    assert start["event"] == "start" and start["argv"][0] == STANDIN
    assert start["argv"][-1] == bench.program_call()
    assert (end["event"], end["status"], end["mode"]) == ("end", 1, "erase-failed")
    assert start["pid"] == end["pid"] != release[0]["pid"]
    assert [(line["action"], line["event"], line["mode"]) for line in release] == [
        ("release", "start", "success"), ("release", "end", "success")]


# ---- Failures -----------------------------------------------------------------------------------

FAILURES = {
    "no-adapter-open": "Error: open: Permission denied",
    "no-adapter-mmap": "Error: mmap: Operation not permitted",
    "no-target": "Error: Error connecting DP: cannot read IDR",
    "no-target-ones": "Error: JTAG scan chain interrogation failed: all ones",
    "no-target-zeroes": "Error: JTAG scan chain interrogation failed: all zeroes",
    "halt-timeout": "Error: timed out while waiting for target halted",
    "missing-bank": "m4flash: error connect no flash bank holds 0x08100000 to 0x0813ffff",
    "erase-failed": "Error: failed erasing sectors 0 to 0",
    "write-protected": "Error: wait_flash_op_queue, WRPERR detected",
    "write-failed": "Error: 80 707 target.c:1059 target_run_flash_async_algorithm(): "
                    "flash write algorithm aborted by target",
    "verify-failed": "Error: checksum mismatch",
}


@pytest.mark.parametrize("mode", FAILURES)
def test_fails(bench, mode):
    result = bench.program(mode=mode)
    assert result.status == 1
    assert FAILURES[mode] in result.lines
    assert "stage done" not in result.ours()


@pytest.mark.parametrize("mode", ["erase-failed", "write-failed", "verify-failed"])
def test_fails_in_the_sector_that_it_is_told(bench, mode):
    result = bench.program(mode=mode, sector=1)
    assert result.status == 1
    flash = bench.flash_path.read_bytes()[BANK:]
    if mode == "erase-failed":
        assert result.ours()[-3:] == ["sector 1", "error erase", "released"]
    elif mode == "write-failed":
        assert flash[SECTOR - 1000:SECTOR - 500] == bench.image[SECTOR - 1000:SECTOR - 500]
        assert flash[SECTOR + 20_000 - SECTOR % 32:][:100] == b"\xff" * 100
        assert flash[:32] == b"\xff" * 32
    else:
        assert result.ours()[-3:] == ["sector 1", "error verify", "released"]


@pytest.mark.parametrize("mode, released", [("no-target", False), ("no-adapter-open", False),
                                            ("erase-failed", True), ("crash", True)])
def test_release_after(bench, mode, released):
    """Who cannot reach the chip cannot release it either."""
    bench.program(mode=mode)
    assert bench.release().done() == released


def test_release_has_a_mode_of_its_own(bench):
    bench.configure(mode="crash", release="no-target")
    assert not bench.release().done()


def test_fails_only_the_first_runs(bench):
    modes = []
    for _ in range(4):
        modes.append(bench.program(mode="write-failed", fail_runs=2).done())
        bench.release()
    assert modes == [False, False, True, True]


def test_exit_0_proves_nothing(bench):
    result = bench.program(mode="exit-0-without-done")
    assert result.status == 0
    assert not result.done()
    assert not bench.is_programmed()


@pytest.mark.parametrize("mode, number", [("crash", signal.SIGABRT),
                                          ("crash-signal", signal.SIGSEGV)])
@pytest.mark.parametrize("stage", ["connect", "write", "reset"])
def test_crashes(bench, mode, number, stage):
    result = bench.program(mode=mode, stage=stage)
    assert result.status == -number
    assert result.ours()[-1] == "stage " + stage
    assert bench.log()[-1]["status"] == -number


@pytest.mark.parametrize("start, n, size", [(0x08100000, 9, SECTOR), (0x20000000, 1, SECTOR),
                                            (START + 4096, 1, SECTOR), (START, 1, SECTOR // 2)])
def test_range_that_the_chip_does_not_have(bench, start, n, size):
    old = b"\xff" * 2 * BANK
    result = run(STANDIN, arguments(program_call(bench.control, bench.images, n, start, size)))
    assert result.status == 1
    assert not bench.flash_path.exists() or bench.flash_path.read_bytes() == old


# ---- Nuisances ----------------------------------------------------------------------------------


@pytest.mark.parametrize("keys, said", [
    ({"mode": "hang"}, b"stage connect"),
    ({"mode": "hang-at-stage"}, b"stage write"),
    ({"mode": "hang-at-stage", "stage": "verify"}, b"stage verify"),
    ({"mode": "hang-at-stage", "stage": "done"}, b"stage done"),
])
def test_hangs_and_ignores_signals(bench, keys, said):
    process = bench.start(**keys)
    try:
        read_until(process, said)
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
    finally:
        process.kill()
    assert process.wait(LIMIT) == -signal.SIGKILL
    assert [line["event"] for line in bench.log()] == ["start"]


def test_signals_do_not_stop_a_good_run(bench):
    process = bench.start(delay=0.2)
    read_until(process, b"stage erase")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    assert process.wait(LIMIT) == 0
    assert bench.is_programmed()


def test_flood(bench):
    result = bench.program(mode="flood")
    assert result.done()
    assert len(result.output) > 10 << 20
    assert max(map(len, result.lines)) > 5_000_000
    assert len(result.lines) > 100_000


def test_splits_lines_anywhere(bench):
    """Each piece is a write of its own, so a reader of a packet pipe sees them apart."""
    bench.configure(mode="split")
    read_end, write_end = os.pipe2(os.O_DIRECT)
    with subprocess.Popen([STANDIN, *arguments(bench.program_call())], stderr=write_end) as process:
        os.close(write_end)
        pieces = list(iter(lambda: os.read(read_end, 65536), b""))
    os.close(read_end)
    assert process.returncode == 0
    pieces = pieces[4:]  # the banner: the control file was not yet read
    assert min(map(len, pieces)) == 1 and max(map(len, pieces)) < 20
    assert sum(b"\n" not in piece for piece in pieces) > 100


def test_grandchild_keeps_the_output_open(bench):
    process = bench.start(mode="grandchild", grandchild=600)
    assert process.wait(LIMIT) == 0
    os.set_blocking(process.stderr.fileno(), False)
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        assert process.stderr.read() != b"", "the pipe was closed"
        time.sleep(0.05)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        end_if_ours(int(pid), process.stderr.fileno())


def end_if_ours(pid, fd):
    """Ends the sleep that holds the other end of our pipe."""
    try:
        pipe = os.readlink(f"/proc/self/fd/{fd}")
        if pid != os.getpid() and os.readlink(f"/proc/{pid}/fd/2") == pipe:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
