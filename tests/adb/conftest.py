"""The fixtures of the tests with adb: those of tests/e2e, with a board around the bench."""

import pytest
from attached import Board

from harness import processes
from harness.bench import Bench
from harness.fixtures import bench_of, pytest_runtest_makereport  # the hook is found here

processes.become_subreaper()

bench = bench_of(Bench)


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
