"""The fixtures of the tests with the real OpenOCD: those of tests/e2e, with another bench."""

import pytest
from power import TINY_NEW, TINY_OLD, PowerWorld
from simulator import share_one_cpu
from world import World

from harness import processes
from harness.fixtures import bench_of, pytest_runtest_makereport  # the hook is found here

processes.become_subreaper()
share_one_cpu()

bench = bench_of(World)


@pytest.fixture
def daemon(bench):
    """The same world with a daemon that watches an empty inbox."""
    return bench.start()


# ---- A board on which a sketch is installed, and power that can fail --------------------------------


def installed_before(folder, *sketches):
    """A folder with the state directory and the flash of such a board."""
    world = PowerWorld(*sketches)
    try:
        world.install_old()
        world.save(folder)
    finally:
        world.discard()
    return folder


def worlds(before, *sketches):
    world = PowerWorld(*sketches)
    try:
        world.load(before)
        yield world
        if world.daemon:
            world.stop()
        assert world.chip.m7_firmware_is_intact()
        assert processes.reap() == []
    finally:
        print(world.log())
        world.discard()


@pytest.fixture(scope="session")
def before(tmp_path_factory):
    return installed_before(tmp_path_factory.mktemp("before"))


@pytest.fixture
def world(before):
    """With sketches of two sectors."""
    yield from worlds(before)


@pytest.fixture(scope="session")
def tiny_before(tmp_path_factory):
    return installed_before(tmp_path_factory.mktemp("before"), TINY_OLD, TINY_NEW)


@pytest.fixture
def tiny_world(tiny_before):
    """With sketches of one sector, for what does not depend on their size."""
    yield from worlds(tiny_before, TINY_OLD, TINY_NEW)
