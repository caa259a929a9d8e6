"""m4flash status: once, and live: lines, a bar, or JSON."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from harness import processes, sketches
from harness.bus import opened
from harness.command import COMMAND, Command, run
from harness.pushes import adb_push, cp
from harness.waiting import LIMIT, wait_for


def show(bench, *options):
    status, command = run(bench, "status", *options)
    assert status == 0, command.said()
    return command


# ---- Once ---------------------------------------------------------------------------------------


def test_nothing_yet(bench, on_bus):
    assert show(bench).out == ["State: idle", "Installed: not known", "Last: no upload yet"]


def test_after_uploads(bench, on_bus):
    upload = sketches.good("first")
    for what in upload, sketches.not_elf("second"):
        bench.push(adb_push, what)
        bench.wait_outcomes()
    on_bus.wait_quiet()
    state, installed, last, hint = show(bench).out
    entry = bench.history()[1]
    assert state == "State: idle"
    assert re.fullmatch(
        f"Installed: job 1, 4096 bytes, SHA-256 {upload.sha256[:12]}, 20.*Z", installed)
    assert last == f"Last: job 2: rejected: not-elf: {entry['message']}"
    assert hint == f"  {entry['hint']}"


def test_jobs(bench, on_bus):
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    bench.push(adb_push, sketches.good("waiting", size=300_000))
    on_bus.wait_line("Job 2: accepted")
    on_bus.wait_quiet()
    told = show(bench).out
    assert told[:3] == ["State: programming", "Job 1: programming, 4096 bytes, 1 sector",
                        "Job 2: waiting for its turn, 292 KiB, 3 sectors"]
    bench.standin.open_gate()


def test_partial(bench, on_bus):
    cp(bench.path, sketches.good("partial", debug=10_000).data[:5000])
    bench.uploads += 1
    on_bus.wait_quiet()
    assert show(bench).out[:2] == ["State: receiving", "Job 1: receiving"]
    os.unlink(bench.path)


def test_json(bench, bus, on_bus):
    bench.push(adb_push, sketches.good("first"))
    bench.wait_outcomes()
    on_bus.wait_quiet()
    (told,) = show(bench, "--json").objects()
    assert told == {key.lower(): value for key, value in bus.properties().items()}
    assert told["last"] == bench.history()[0]


@pytest.mark.parametrize("arguments, reason", [
    (["x"], "an argument too many"), (["--nonsense"], "unrecognized option")])
def test_usage(bench, arguments, reason):
    status, command = run(bench, "status", *arguments)
    assert (status, command.out) == (2, [])
    assert reason in command.err[0]


# ---- Live ---------------------------------------------------------------------------------------


@pytest.fixture
def live(bench):
    """Starts a live status, and ends it."""
    commands = []

    def start(*options):
        commands.append(Command(bench, "status", "--follow", *options))
        return commands[-1]

    yield start
    for command in commands:
        command.stop()


def test_follow(bench, on_bus, live):
    command = live()
    command.wait_line("^Last: no upload yet")
    for upload in sketches.good("first", size=300_000), sketches.not_elf("second"):
        bench.push(adb_push, upload)
        bench.wait_outcomes()
    command.wait_line("^Job 1: programmed: 300000 bytes in 3 sectors")
    command.wait_line("^Job 2: rejected: not-elf: ")
    assert any(line.startswith("Job 1: ") and "programmed" not in line for line in command.out)


def test_follow_as_json(bench, on_bus, live):
    command = live("--json")
    command.wait_line('"state":"idle"')
    bench.push(adb_push, sketches.good("first"))
    entry = bench.wait_outcome()
    wait_for(lambda: [o for o in command.objects() if o["last"] == entry], "the last outcome")
    wait_for(lambda: command.objects()[-1]["state"] == "idle", "an end")
    assert {"installed", "jobs", "last", "progress", "stage", "state"} == set(command.objects()[0])


def test_follow_over_a_restart(bench, bus, on_bus, live):
    command = live()
    command.wait_line("^State: idle")
    bench.stop()
    command.wait_line("The service has stopped; waiting for its next start.")
    bench.start()
    bus.wait_owner()
    bench.push(adb_push, sketches.good("after"))
    command.wait_line("^Job 1: programmed: ")


def test_follow_until_the_bus_is_gone(bench, bus, on_bus, live):
    command = live()
    command.wait_line("^State: idle")
    bus.kill()
    assert (command.wait(), command.last()) == (2, ("error", "no-bus", 0))


# ---- On a terminal ------------------------------------------------------------------------------


class Terminal:
    """A command on a terminal of 80 columns, and all that it writes there."""

    def __init__(self, bench, *arguments, **env):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LC_")}
        environment.pop("NO_COLOR", None)
        environment |= {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bench.bus_path}",
                        "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen([COMMAND, *arguments], stdin=theirs, stdout=theirs,
                                        stderr=theirs, env=environment | env)
        processes.companions.add(self.process.pid)
        os.close(theirs)
        self.fd, self.text = ours, ""

    def wait(self):
        """Its exit status, when all is read."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            try:
                if select.select([self.fd], [], [], 1)[0]:
                    self.text += os.read(self.fd, 65536).decode()
            except OSError:  # nobody has it open any more
                break
        os.close(self.fd)
        status = self.process.wait(LIMIT)
        processes.companions.discard(self.process.pid)
        return status

    def frames(self):
        """What the line of the bar showed, one after the other."""
        return [frame.replace("\033[K", "") for frame in self.text.split("\r") if "[K" in frame]


def bare(text):
    return re.sub("\033\\[[0-9]*m", "", text)


@pytest.mark.parametrize("env, mark, colours", [
    ({}, "█", True), ({"LC_ALL": "C"}, "#", True), ({"NO_COLOR": "1"}, "█", False),
    ({"NO_COLOR": "1", "LC_ALL": "C"}, "#", False)], ids=["all", "ascii", "plain", "neither"])
def test_bar(bench, on_bus, env, mark, colours):
    bench.standin.set_mode("success", delay=0.2)
    bench.uploads += 1
    with opened(bench, sketches.good("slow", size=900_000).data) as file:
        terminal = Terminal(bench, "upload", "--board=portenta-x8", file.name, **env)
        assert terminal.wait() == 0, terminal.text
    frames = terminal.frames()
    writing = [frame for frame in frames if ": write" in frame and "KiB" in frame]
    assert len(writing) > 1, terminal.text
    assert any(mark in frame for frame in writing), terminal.text
    assert ("\033[32m" in terminal.text) == colours
    assert all(len(bare(frame).strip("\n")) < 80 for frame in frames if "Job" in frame)
    last = bare(terminal.text).replace("\r", "").split("\n")[-3:]
    assert last[0].rpartition("\033[K")[2].startswith("Job 1: programmed: 900000 bytes")
    assert last[1:] == ["m4flash: programmed ok id=1", ""]


def test_no_bar_on_a_dumb_terminal(bench, on_bus):
    """As adb's shell has it, which is a terminal, and says nothing of what it can."""
    for env in {"TERM": "dumb"}, {"TERM": ""}:
        bench.uploads += 1
        with opened(bench, sketches.good(env["TERM"]).data) as file:
            terminal = Terminal(bench, "upload", "--board=portenta-x8", file.name, **env)
            assert terminal.wait() == 0
        assert "\033" not in terminal.text
        assert terminal.text.endswith(f"m4flash: programmed ok id={bench.uploads}\r\n")
