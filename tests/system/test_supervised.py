"""What systemd does for the service when it hangs or dies, and that it never gives it up."""

import os
import signal

import pytest
from machine import UNIT

from harness import sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

SKETCH = sketches.good("supervised")

# 30 s and 5 s are what is documented; nobody wants to wait for them.
IMPATIENT = "[Service]\nWatchdogSec={}\nRestartSec=100ms\n"
KILLS = 8  # systemd's own limit is 5 starts in 10 s


def main_pid(board):
    """As seen from here."""
    wanted = board.show("MainPID")
    for pid in board.container.processes(UNIT):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            if any(line.split()[0] == "NSpid:" and line.split()[-1] == wanted for line in file):
                return pid
    return None


def wait_restarted(board, before):
    wait_for(lambda: board.is_active() and board.show("MainPID") not in (before, "0"),
             lambda: f"a new daemon\n{board.log()}", pause=0.05)


def impatient(board, watchdog="30s"):
    board.drop_in(IMPATIENT.format(watchdog))
    board.systemctl("restart", UNIT)
    board.wait_active()


def test_limits_are_the_documented_ones(board):
    assert board.show("WatchdogUSec") == "30s"
    assert board.show("RestartUSec") == "5s"
    assert board.show("TimeoutStopUSec") == "2min 30s"
    assert board.show("StartLimitIntervalUSec") == "0"


def test_hanging_daemon_is_killed_and_restarted(board):
    impatient(board, watchdog="3s")
    before = board.show("MainPID")
    os.kill(main_pid(board), signal.SIGSTOP)
    wait_restarted(board, before)
    assert any("Watchdog timeout" in entry["MESSAGE"] for entry in board.journal())
    board.push(adb_push, SKETCH)
    assert board.results(1) == ["programmed"]


def test_healthy_daemon_is_left_alone(board):
    """Also while the chip answers nothing for as long as the watchdog would wait twice."""
    impatient(board, watchdog="3s")
    before = board.show("MainPID")
    board.chip.freeze()
    board.push(adb_push, SKETCH)
    board.wait_status(r"Job 1: programming: .*")
    beats = board.show("WatchdogTimestampMonotonic")
    for _ in range(2):
        wait_for(lambda: board.show("WatchdogTimestampMonotonic") != beats, "a sign of life",
                 pause=0.2)
        beats = board.show("WatchdogTimestampMonotonic")
    board.chip.thaw()
    assert board.results(1) == ["programmed"]
    assert board.show("MainPID") == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_crash_after_crash_is_never_the_last(board, number):
    impatient(board)
    for _ in range(KILLS):
        before = board.show("MainPID")
        os.kill(main_pid(board), number)
        wait_restarted(board, before)
    assert int(board.show("NRestarts")) >= KILLS
    board.push(adb_push, SKETCH)
    assert board.results(1) == ["programmed"]
    board.check_programmed(SKETCH)


def test_goes_on_once_what_keeps_it_from_starting_is_removed(board):
    """The journal says what that is, in a message of its own, however often it is tried."""
    board.write("/etc/m4flash.conf.d/board.conf", "[Board]\nName=/etc/nothing.conf\n")
    board.drop_in("[Service]\nRestartSec=100ms\n")
    board.run("systemctl", "restart", UNIT, check=False)
    wait_for(lambda: int(board.show("NRestarts")) >= KILLS, "so many starts", pause=0.1)
    told = [entry for entry in board.journal("--priority=err")
            if entry.get("MESSAGE_ID") == "32bbc4f070f94351a3a89d8586d31636"]
    assert any("/etc/nothing.conf" in entry["MESSAGE"] for entry in board.journal()), board.log()
    assert told and told[0]["MESSAGE"].startswith("m4flashd ends: "), board.log()
    board.path("/etc/m4flash.conf.d/board.conf").unlink()
    board.wait_active()
    board.push(adb_push, SKETCH)
    assert board.results(1) == ["programmed"]
