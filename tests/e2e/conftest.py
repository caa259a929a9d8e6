"""The fixtures that every end-to-end test shares."""

import pytest

from harness import processes
from harness.bench import Bench

processes.become_subreaper()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, f"failed_in_{call.when}", outcome.get_result().failed)


@pytest.fixture
def bench(request):
    """A world without a daemon yet; what holds at the end of every test is checked here."""
    world = Bench()
    try:
        yield world
        if not getattr(request.node, "failed_in_call", True):
            world.finish()
    finally:
        print(world.log())
        world.discard()


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
