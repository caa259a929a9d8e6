"""scripts/run: what it shows, how it ends, and that nothing is left behind. It builds, so it is not
among Meson's tests: scripts/test runs it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PATIENCE = 300  # seconds until a run that does not end is ended


def processes_of(folder):
    """The command lines of all processes that have to do with a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if str(folder) in command:
            found.append(command)
    return found


@pytest.fixture
def run(tmp_path):
    """Starts scripts/run in a session of its own, as a terminal would, with tmp_path for /tmp."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [TOP / "scripts/run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        timer = threading.Timer(PATIENCE, os.killpg, (process.pid, signal.SIGTERM))
        timer.start()
        started.append((process, timer))
        return process

    yield start
    for process, timer in started:
        timer.cancel()
        process.kill()
        process.wait()


def read_until(process, text):
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"ended without a word of '{text}'")


def press_ctrl_c(process):
    os.killpg(process.pid, signal.SIGINT)


def test_programs_its_own_sketch_once(run, tmp_path):
    process = run("--once")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "Job 1: programmed: " in output
    assert (processes_of(tmp_path), list(tmp_path.iterdir())) == ([], [])


def test_waits_for_more_until_ctrl_c(run, tmp_path):
    process = run()
    upload = Path(read_until(process, "echo hello").split(">")[1].strip())
    upload.write_text("hello\n")
    read_until(process, "Job 2: rejected: not-elf: ")
    upload.write_bytes((TOP / "build/tests/sketches/pulse.elf").read_bytes())
    read_until(process, "Job 3: programmed: ")
    press_ctrl_c(process)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert (processes_of(tmp_path), list(tmp_path.iterdir())) == ([], [])


def test_ctrl_c_lets_programming_end(run, tmp_path):
    process = run()
    read_until(process, "Job 1: erase")
    press_ctrl_c(process)
    output, _ = process.communicate()
    assert "Job 1: programmed: " in output
    assert (processes_of(tmp_path), list(tmp_path.iterdir())) == ([], [])


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", __file__]))
