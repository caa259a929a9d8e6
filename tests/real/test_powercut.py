"""The power fails while a sketch of two sectors is written over an older one: at every erase, at
flash words spread evenly over it, and twice. Chip and daemon end together, and what was in RAM is
gone. After the restart the chip holds exactly the new sketch or exactly the old one, and runs.

M4FLASH_CUTS says at how many words (30).
"""

import os

import pytest
from power import NEW, OLD, POWER_CUT
from simulator import SECTOR_SIZE

from harness.pushes import adb_push

CUTS = int(os.environ.get("M4FLASH_CUTS", "30"))
WORDS = -(-len(NEW.image) // 32)
ERASES = -(-len(NEW.image) // SECTOR_SIZE)
EVENLY = [1 + i * (WORDS - 1) // (CUTS - 1) for i in range(CUTS)]
POINTS = [f"power-cut-erase:{n}" for n in range(1, ERASES + 1)]
POINTS += [f"power-cut-word:{n}" for n in EVENLY]
TWICE = [(POINTS[0], POINTS[1]), (POINTS[-1], POINTS[0]), (POINTS[1], POINTS[len(POINTS) // 2])]


def cut(world, fault):
    world.cut_by_chip(fault)
    world.start()
    world.push(adb_push, NEW)
    world.await_cut()
    assert world.chip.stop() == POWER_CUT
    world.power_off()


def check_cut_flash(world):
    bank2 = world.chip.bank(2)
    assert not bank2.startswith(OLD.image) and not bank2.startswith(NEW.image)


@pytest.mark.parametrize("fault", POINTS)
def test_cut(world, fault):
    cut(world, fault)
    check_cut_flash(world)
    world.power_on()
    world.check_new()
    assert [e["result"] for e in world.entries_of(NEW)] == ["recovered"]


@pytest.mark.parametrize("first, second", TWICE)
def test_cut_twice(world, first, second):
    """The recovery is cut short too, and goes on at the third start."""
    cut(world, first)
    world.cut_by_chip(second)
    world.chip.start()
    world.start(expect_ready=False)
    world.await_cut()
    assert world.chip.stop() == POWER_CUT
    check_cut_flash(world)
    world.power_off()
    world.power_on()
    world.check_new()


def test_never_started_when_cut_short(world):
    """The first flash word is written last: at no moment does the M7 start half a sketch."""
    cut(world, f"power-cut-word:{WORDS - 1}")
    world.chip.faults()
    world.chip.restart()
    assert world.chip.openocd("init; reset run; shutdown")[0] == 0
    counters = world.chip.counters()
    assert (counters["state"], counters["m4_started"]) == ("running", False)
    world.power_on()
    world.check_new()
