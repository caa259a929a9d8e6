"""The fixtures that every end-to-end test shares."""

import pytest

from harness import processes
from harness.bench import Bench
from harness.fixtures import bench_of, pytest_runtest_makereport  # the hook is found here

processes.become_subreaper()

bench = bench_of(Bench)


@pytest.fixture
def daemon(bench):
    """The same world with a daemon that watches an empty inbox."""
    return bench.start()


@pytest.fixture
def bus(bench):
    """A system bus that nobody has started yet."""
    from harness.bus import Bus  # its library is of no use to other tests

    world = Bus(bench)
    yield world
    world.discard()


@pytest.fixture
def on_bus(bench, bus):
    """A daemon that has its name on the bus."""
    bus.start()
    daemon = bench.start()
    bus.wait_owner()
    daemon.idle_descriptors = daemon.settled_descriptors()
    return daemon
