"""What the service lives with is restarted under it: journal, bus, systemd itself; and what an
administrator changes: drop-ins, for the unit and for the configuration.
"""

import pytest
from machine import UNIT

from harness import sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

FIRST, SECOND = sketches.good("first", size=140_000), sketches.good("second")
GPIOD = "/usr/share/doc/m4flash/gpiod.conf"


def names_on_the_bus(board):
    return board.run("busctl", "list", "--acquired", "--no-legend", check=False).stdout


def wait_on_the_bus(board):
    wait_for(lambda: "org.m4flash" in names_on_the_bus(board),
             lambda: f"the name on the bus\n{board.log()}", pause=0.1)


@pytest.fixture
def busy(board):
    """While it programs one sketch, another waits."""
    board.push(adb_push, FIRST)
    board.chip.freeze_while_programming(FIRST)
    board.push(adb_push, SECOND)
    return board


def finish(board, pid):
    """All goes on as if nothing had happened."""
    board.chip.thaw()
    assert board.results(2) == ["programmed", "programmed"]
    board.check_programmed(SECOND)
    assert board.show("MainPID") == pid
    told = [entry.get("M4FLASH_RESULT") for entry in board.journal() if "M4FLASH_RESULT" in entry]
    assert told == ["programmed", "programmed"], board.log()


@pytest.mark.parametrize("how", [["restart"], ["kill", "--signal=KILL"]], ids=lambda how: how[0])
def test_journal_is_restarted(busy, how):
    pid = busy.show("MainPID")
    busy.systemctl(*how, "systemd-journald.service")
    busy.wait_active("systemd-journald.service")
    finish(busy, pid)


@pytest.mark.parametrize("how", [["restart"], ["kill", "--signal=KILL"]], ids=lambda how: how[0])
def test_bus_is_restarted(busy, how):
    pid = busy.show("MainPID")
    before = busy.show("MainPID", "dbus.service")
    busy.systemctl(*how, "dbus.service")
    wait_for(lambda: busy.is_active("dbus.service")
             and busy.show("MainPID", "dbus.service") != before, "another bus", pause=0.05)
    finish(busy, pid)
    wait_on_the_bus(busy)
    assert '"programmed"' in busy.run("m4flash", "status", "--json")


@pytest.mark.parametrize("how", ["daemon-reload", "daemon-reexec"])
def test_systemd_reads_its_units_anew(busy, how):
    pid = busy.show("MainPID")
    busy.systemctl(how)
    wait_for(busy.is_active, "systemd to answer", pause=0.05)
    assert busy.status_text().startswith("Job 1: programming: ")
    finish(busy, pid)


def test_drop_in_for_the_configuration(board):
    """Drop-ins come after the file, and count without it, too."""
    board.write("/etc/m4flash.conf.d/10-name.conf", "[Inbox]\nFileName=another.elf\n")
    board.systemctl("restart", UNIT)
    board.wait_status("Waiting for /tmp/arduino/another.elf")
    adb_push(str(board.path("/tmp/arduino/another.elf")), SECOND.data)
    assert board.results(1) == ["programmed"]


def test_mistake_in_a_drop_in_is_told_and_left_out(board):
    board.write("/etc/m4flash.conf.d/10-wrong.conf", "[Inbox]\nMaxSize=much\nFileName=b.elf\n")
    board.systemctl("restart", UNIT)
    board.wait_status("Waiting for /tmp/arduino/b.elf")
    (warning,) = board.journal("--priority=warning")
    assert "/etc/m4flash.conf.d/10-wrong.conf:2" in warning["MESSAGE"]


def test_drop_in_for_the_unit(board):
    """The one that is installed for boards whose pins are driven by linuxgpiod."""
    board.drop_in(board.path(GPIOD).read_text(encoding="utf-8"))
    board.systemctl("restart", UNIT)
    assert "cap_sys_rawio" not in board.show("CapabilityBoundingSet")
    board.push(adb_push, SECOND)
    assert board.results(1) == ["programmed"]
    board.check_programmed(SECOND)
    board.run("systemd-analyze", "security", "--threshold=15", UNIT)
