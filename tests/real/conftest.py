"""The fixtures of the tests with the real OpenOCD: those of tests/e2e, with another bench."""

import pytest
from simulator import share_one_cpu
from world import World

from harness import processes

processes.become_subreaper()
share_one_cpu()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, f"failed_in_{call.when}", outcome.get_result().failed)


@pytest.fixture
def bench(request):
    """A world without a daemon yet; what holds at the end of every test is checked here."""
    world = World()
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
