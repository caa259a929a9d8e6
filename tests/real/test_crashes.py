"""The daemon is killed at every stage of an upload's life and before every change that it makes to
the state directory: alone, or with everything else, as when the power fails. After the restart the
chip holds exactly the new sketch or exactly the old one, and the state directory agrees.

M4FLASH_CRASHES says before how many of the changes (12; 0: all).
"""

import os
import signal

import pytest
from power import changes_of_one_push, some

from harness.pushes import adb_push, mv

CRASHES = int(os.environ.get("M4FLASH_CRASHES", "12"))

# What it is killed behind, and whether the job is on record by then.
STAGES = {
    "received": ("memfd_create m4flash-upload", False),
    "snapshot": ("hand over", False),
    "checked": ("Job 2: accepted", False),
    "openocd": ("Job 2: connect", False),
    "intent": ("renameat /intent", True),
    "erasing": ("Job 2: erase", True),
    "erased": ("Job 2: write", True),
    "written": ("Job 2: verify", True),
    "verified": ("Job 2: reset", True),
    "running": ("Job 2: done", True),
    "recorded": ("renameat /history.jsonl", True),
    "installed": ("renameat /installed", True),
    "settled": ("unlinkat /intent", True),
}


def come_back(world, power_cut):
    """Alone, the daemon finds the chip as OpenOCD left it, and the upload where it was."""
    if power_cut:
        world.power_off()
        world.power_on()
    else:
        world.start()


@pytest.mark.parametrize("power_cut", [False, True], ids=["crash", "power cut"])
@pytest.mark.parametrize("stage", STAGES)
def test_stage(world, stage, power_cut):
    behind, recorded = STAGES[stage]
    world.start_sabotaged(kill_after=behind)
    world.daemon.wait_ready()
    world.push(mv, world.new)  # adb sets the time stamps late: behind some of these stages, or not
    world.await_cut()
    come_back(world, power_cut)
    world.check_new_or_old(recorded=recorded or not power_cut)


@pytest.mark.parametrize("power_cut", [False, True], ids=["crash", "power cut"])
def test_half_written(world, power_cut):
    world.start()
    world.push(adb_push, world.new)
    world.notify.wait("STATUS", lambda text: "write, " in text and "write, 0%" not in text)
    world.kill()
    bank2 = world.chip.bank(2)
    assert not bank2.startswith(world.old.image) and not bank2.startswith(world.new.image)
    come_back(world, power_cut)
    world.check_new()


# ---- Every change of the state directory ----------------------------------------------------------


def test_before_each_change(tiny_world, tiny_before):
    """The power fails before each write, rename and removal, one after the other."""
    world = tiny_world
    at_start, changes = changes_of_one_push(world)
    assert len(changes) - at_start > 20
    for number in some(range(1, len(changes) + 1), CRASHES):
        print(f"---- before {number}: {changes[number - 1]}")
        world.lines.append(f"---- before {number}: {changes[number - 1]}")
        world.load(tiny_before)
        world.start_sabotaged(kill=number)
        if number > at_start:
            world.daemon.wait_ready()
            world.push(mv, world.new)
        world.await_cut()
        world.power_off()
        world.power_on()
        world.check_new_or_old(recorded=False)
        world.stop()
