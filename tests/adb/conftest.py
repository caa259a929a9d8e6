"""The fixtures of the tests with adb: those of tests/e2e, with a board around the bench."""

import pytest
from attached import Board

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
def board(bench):
    """Nothing runs on it yet."""
    world = Board(bench)
    yield world
    world.close()


@pytest.fixture
def daemon(board):
    """The daemon on the board's bus, with an empty inbox."""
    daemon = board.bench.start()
    board.bus.wait_owner()
    daemon.idle_descriptors = daemon.settled_descriptors()
    return daemon
