"""The service is stopped, the system rebooted, or the power cut, in the middle of a programming."""

import pytest
from machine import UNIT

from harness import sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

OLD, NEW = sketches.good("old"), sketches.good("new", size=150_000)


@pytest.fixture
def programming(board):
    """One sketch is on the chip, and another is being programmed: half of it is there, the other
    half comes when the chip is thawed."""
    board.push(adb_push, OLD)
    assert board.results(1) == ["programmed"]
    board.push(adb_push, NEW)
    board.chip.freeze_while_programming(NEW)
    board.wait_status(r"Job 2: programming: (erase|write), \d+% written")
    return board


def said(board, text):
    return any(text in entry["MESSAGE"] for entry in board.journal())


def wait_stopping(board):
    wait_for(lambda: said(board, "Stopping (Terminated) when the running programming has ended"),
             lambda: f"the service to stop\n{board.log()}", pause=0.05)


def test_stop_waits_for_the_programming(programming):
    programming.systemctl("stop", "--no-block", UNIT)
    wait_stopping(programming)
    assert programming.show("ActiveState") == "deactivating"
    programming.chip.thaw()
    programming.wait_inactive()
    assert programming.show("Result") == "success"
    assert programming.results(2) == ["programmed", "programmed"]
    programming.check_programmed(NEW)


def test_restart_waits_for_the_programming(programming):
    """As an upgrade of the package does."""
    before = programming.show("MainPID")
    programming.systemctl("restart", "--no-block", UNIT)
    wait_stopping(programming)
    programming.chip.thaw()
    wait_for(lambda: programming.is_active() and programming.show("MainPID") != before,
             "the next service", pause=0.05)
    assert programming.results(2) == ["programmed", "programmed"]
    programming.check_programmed(NEW)


def test_killed_in_the_middle_it_heals(programming):
    """All its processes at once, as for want of memory."""
    programming.systemctl("kill", "--signal=KILL", UNIT)
    programming.chip.thaw()
    assert programming.results(2) == ["programmed", "recovered"]
    programming.check_programmed(NEW)


@pytest.mark.parametrize("how", ["reboot", "poweroff"])
def test_shutdown_waits_for_the_programming(programming, how):
    programming.systemctl("--no-block", how)
    wait_for(lambda: "Stopping (Terminated)" in programming.log(), "the shutdown", pause=0.05)
    programming.chip.thaw()
    if how == "reboot":
        programming.await_reboot()
    else:
        programming.await_power_off()
        programming.power_on()
    programming.wait_active()
    assert programming.results(2) == ["programmed", "programmed"]
    programming.check_programmed(NEW)


def test_power_cut_in_the_middle_heals_at_boot(programming):
    """In a container only what was in memory is lost, not what the disk had not written yet: that
    is tests/real's."""
    programming.power_cut()
    assert not programming.chip.holds(NEW) and not programming.chip.holds(OLD)
    programming.power_on()
    assert programming.results(2) == ["programmed", "recovered"]
    programming.check_programmed(NEW)
    programming.wait_active()


def test_power_cuts_one_after_the_other_heal_too(programming):
    """The recovery is interrupted as well, twice."""
    for _ in range(2):
        programming.power_cut()
        programming.power_on()
        programming.chip.freeze_while_programming(NEW)
    programming.chip.thaw()
    assert programming.results(2) == ["programmed", "recovered"]
    programming.check_programmed(NEW)
