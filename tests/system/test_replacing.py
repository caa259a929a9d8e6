"""Our package comes to a board with the stock service, is upgraded, and leaves again: at no time do
both program, no upload is lost, and afterwards the stock units are what they were.
"""

import shutil
import subprocess

import pytest

from harness import sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

STOCK = "monitor-m4-elf-file.path"
STATE = "/var/lib/m4flash"
LARGE, SMALL, OTHER = sketches.good("large", size=150_000), sketches.good("small"), sketches.good("other")


@pytest.fixture
def machine(make_machine, with_stock, packages):
    world = make_machine(with_stock)
    try:
        shutil.copytree(packages, world.disk.root / "packages")
        yield world
    finally:
        world.discard()


@pytest.fixture
def board(machine):
    """With the stock service."""
    machine.boot()
    machine.wait_active(STOCK)
    return machine


@pytest.fixture
def replaced(board):
    """With ours in its place."""
    dpkg(board, "--install", "/packages/m4flash.deb")
    board.wait_active()
    return board


def command(*arguments):
    return ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *arguments]


def dpkg(board, *arguments):
    board.run(*command(*arguments))


class Dpkg:
    """In the background."""

    def __init__(self, board, *arguments):
        self.process = subprocess.Popen(
            ["nsenter", "-t", str(board.container.pid), "-a", *command(*arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self):
        said, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, said


def wait_idle(board):
    """Until the stock service has ended, and nobody is connected to the chip any more."""
    wait_for(lambda: board.show("ActiveState") in ("inactive", "failed"), "the stock service's end",
             pause=0.05)
    board.chip.counters()


def wait_programmed(board, upload):
    """By the stock service, which tells nobody."""
    wait_for(lambda: board.chip.holds(upload), lambda: f"the sketch\n{board.log()}", pause=0.05)
    wait_idle(board)
    board.check_programmed(upload)


def owners(board):
    """Who has written to the journal in the unit's name, in that order: the stock service's OpenOCD
    or our daemon, which speaks for its own."""
    found = []
    for entry in board.journal():
        name = entry.get("_COMM")
        if name in ("openocd", "m4flashd") and found[-1:] != [name]:
            found.append(name)
    return found


def programmings(board):
    return board.chip.counters()["clients"]


# ---- It comes ---------------------------------------------------------------------------------------


def test_ours_takes_the_place(replaced):
    """The path unit is gone while ours is there, not just idle."""
    assert replaced.show("ActiveState", STOCK) == "inactive"
    assert replaced.show("LoadState", STOCK) == "not-found"
    assert replaced.show("Type") == "notify"
    before = programmings(replaced)
    replaced.push(adb_push, SMALL)
    assert replaced.results(1) == ["programmed"]
    replaced.check_programmed(SMALL)
    assert programmings(replaced) - before == 1
    assert owners(replaced) == ["m4flashd"]


def test_ours_takes_over_what_stock_has_programmed(board):
    """It finds the upload in the inbox and the sketch on the chip."""
    board.push(adb_push, SMALL)
    wait_programmed(board, SMALL)
    dpkg(board, "--install", "/packages/m4flash.deb")
    assert board.results(1) == ["unchanged"]
    board.check_programmed(SMALL)
    assert owners(board) == ["openocd", "m4flashd"]


@pytest.mark.parametrize("upload", [LARGE, SMALL], ids=["alone", "another waits"])
def test_ours_waits_for_what_stock_is_programming(board, upload):
    """And programs another upload that came meanwhile, of which the stock service knows nothing."""
    board.push(adb_push, LARGE)
    board.chip.freeze_while_programming(LARGE)
    install = Dpkg(board, "--install", "/packages/m4flash.deb")
    wait_for(lambda: not board.is_active(STOCK), "the package to stop the path unit", pause=0.05)
    assert board.show("ActiveState") == "activating"
    if upload is not LARGE:
        board.push(adb_push, upload)
    board.chip.thaw()
    install.finish()
    assert board.results(1) == ["unchanged" if upload is LARGE else "programmed"]
    board.check_programmed(upload)
    assert owners(board) == ["openocd", "m4flashd"]


def test_ours_is_there_after_the_next_boot(replaced):
    replaced.systemctl("reboot")
    replaced.await_reboot()
    replaced.wait_active()
    before = programmings(replaced)
    replaced.push(adb_push, SMALL)
    assert replaced.results(1) == ["programmed"]
    assert programmings(replaced) - before == 1
    assert replaced.show("LoadState", STOCK) == "not-found"


# ---- It is upgraded ---------------------------------------------------------------------------------


def test_upgrade_while_one_is_programmed_and_another_waits(replaced):
    before = replaced.show("MainPID")
    replaced.push(adb_push, LARGE)
    replaced.chip.freeze_while_programming(LARGE)
    upgrade = Dpkg(replaced, "--install", "/packages/newer.deb")
    wait_for(lambda: "Stopping (Terminated)" in replaced.log(), "the stop", pause=0.05)
    replaced.push(adb_push, SMALL)
    replaced.chip.thaw()
    upgrade.finish()
    assert replaced.results(2) == ["programmed", "programmed"]
    replaced.check_programmed(SMALL)
    assert replaced.is_active() and replaced.show("MainPID") != before
    assert replaced.show("LoadState", STOCK) == "not-found"
    assert owners(replaced) == ["m4flashd"]


# ---- It leaves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["--remove", "--purge"])
def test_stock_works_again(replaced, how):
    replaced.push(adb_push, SMALL)
    replaced.wait_outcomes(1)
    before = programmings(replaced)
    dpkg(replaced, how, "m4flash")
    assert replaced.is_active(STOCK)
    assert replaced.show("Type") == "oneshot"
    wait_idle(replaced)
    assert programmings(replaced) == before, "programmed once more"
    replaced.push(adb_push, OTHER)
    wait_programmed(replaced, OTHER)
    assert owners(replaced) == ["m4flashd", "openocd"]
    assert replaced.path(STATE).exists() == (how == "--remove")
    assert replaced.path("/etc/m4flash.conf").exists()
    replaced.systemctl("reboot")
    replaced.await_reboot()
    replaced.wait_active(STOCK)


def test_removed_while_one_is_programmed_and_another_waits(replaced):
    """The stock service gets what ours had not begun."""
    replaced.push(adb_push, LARGE)
    replaced.chip.freeze_while_programming(LARGE)
    remove = Dpkg(replaced, "--remove", "m4flash")
    wait_for(lambda: "Stopping (Terminated)" in replaced.log(), "the stop", pause=0.05)
    replaced.push(adb_push, SMALL)
    replaced.chip.thaw()
    remove.finish()
    assert replaced.results(1) == ["programmed"]
    wait_programmed(replaced, SMALL)
    assert owners(replaced) == ["m4flashd", "openocd"]


def test_what_was_known_is_known_when_it_comes_back(replaced):
    replaced.push(adb_push, SMALL)
    replaced.wait_outcomes(1)
    dpkg(replaced, "--remove", "m4flash")
    dpkg(replaced, "--install", "/packages/m4flash.deb")
    replaced.wait_active()
    replaced.push(adb_push, OTHER)
    assert replaced.results(2) == ["programmed", "programmed"]
