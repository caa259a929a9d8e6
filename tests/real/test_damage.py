"""Every durable file cut off at every length, and with single bits flipped: the daemon starts, says
what it found, does not trust it, and ends up with a whole sketch or says that there is none.

M4FLASH_DAMAGES says how many lengths and how many bits of each file (6).
"""

import os
import random

import pytest
from power import POWER_CUT, PowerWorld, TINY_NEW, TINY_OLD

from harness import sketches
from harness.pushes import adb_push

DAMAGES = int(os.environ.get("M4FLASH_DAMAGES", "6"))
AT_REST = ["installed", "previous", "history.jsonl", "last-file"]
INTERRUPTED = ["pending", "intent", "installed", "history.jsonl"]
NO_SKETCH = "none could be put back: upload one"
THIRD = sketches.good("third", size=3000)


def cut_off(data, chance):
    for length in sorted(chance.sample(range(len(data)), min(DAMAGES, len(data)))):
        yield f"cut off at {length} of {len(data)}", data[:length]


def flipped(data, chance):
    for bit in sorted(chance.sample(range(len(data) * 8), min(DAMAGES, len(data) * 8))):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        yield f"bit {bit} of {len(data) * 8} flipped", bytes(damaged)


def damages(path):
    with open(path, "rb") as file:
        data = file.read()
    chance = random.Random(os.path.basename(path))
    yield from cut_off(data, chance)
    yield from flipped(data, chance)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def make(folder, prepare):
    world = PowerWorld(TINY_OLD, TINY_NEW)
    try:
        world.install_old()
        prepare(world)
        world.save(folder)
    finally:
        world.discard()
    return folder


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory):
    """Two sketches were installed, one after the other, and the second's file was touched."""
    def prepare(world):
        world.start()
        world.push(adb_push, world.new)
        world.wait_outcomes(2)
        world.stop()
        if not os.path.exists(world.state_file("last-file")):
            write(world.state_file("last-file"), b"1:2:3:4\n")

    return make(tmp_path_factory.mktemp("rest"), prepare)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """The power has failed while the second was written."""
    def prepare(world):
        world.cut_by_chip("power-cut-word:3")
        world.start()
        world.push(adb_push, world.new)
        world.await_cut()
        assert world.chip.stop() == POWER_CUT

    return make(tmp_path_factory.mktemp("cut"), prepare)


@pytest.fixture
def world():
    world = PowerWorld(TINY_OLD, TINY_NEW)
    try:
        yield world
    finally:
        print(world.log())
        world.discard()


def each_damage(world, folder, name):
    for what, data in damages(os.path.join(folder, "state", name)):
        world.lines = [f"---- {name}: {what}"]
        world.load(folder)
        write(world.state_file(name), data)
        world.power_on()
        world.wait_settled()
        yield what
        world.stop()


@pytest.mark.parametrize("name", AT_REST)
def test_at_rest(world, at_rest, name):
    """The chip is well and is let alone."""
    for what in each_damage(world, at_rest, name):
        world.check_programmed(TINY_NEW)
        assert world.chip.counters()["clients"] == 0, what


@pytest.mark.parametrize("name", INTERRUPTED)
def test_interrupted(world, interrupted, name):
    for _ in each_damage(world, interrupted, name):
        held = world.check_whole(TINY_NEW, TINY_OLD)
        if name in ("pending", "intent"):
            assert any(name in line and "not trusted" in line for line in world.daemon.lines) or \
                any("record of a programming is damaged" in line for line in world.daemon.lines), \
                world.log()
        assert held is (TINY_OLD if name == "pending" else TINY_NEW)


def test_nothing_left(world, interrupted):
    """Both images damaged: it says so, waits, and an upload helps."""
    world.load(interrupted)
    for name in ("pending", "installed"):
        write(world.state_file(name), b"damaged")
    world.power_on()
    world.wait_settled()
    assert any(NO_SKETCH in line for line in world.daemon.lines), world.log()
    assert any("installed.corrupt" in line for line in world.daemon.lines), world.log()
    assert world.chip.counters()["clients"] == 0
    world.push(adb_push, THIRD)
    assert world.wait_outcomes(3)[-1]["result"] == "programmed"
    assert world.check_whole(THIRD) is THIRD
    world.stop()


def test_damaged_image_is_not_put_back(world, at_rest):
    """A programming fails, and what was installed has been damaged since."""
    world.load(at_rest)
    with open(world.state_file("installed"), "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    world.power_on("erase-fail:0")
    world.push(adb_push, THIRD)
    outcome = world.wait_outcomes(3)[-1]
    assert (outcome["result"], outcome["restored"]) == ("failed", False), world.log()
    world.wait_settled()
    assert os.path.exists(world.state_file("installed.corrupt"))
    assert any("installed" in line and "not trusted" in line for line in world.daemon.lines), \
        world.log()
    world.stop()
