"""The fixtures of the tests with the Arduino IDE: a board at the end of a cable with the real
OpenOCD and the simulated chip on it, and a computer with the IDE.
"""

import shutil

import pytest
from arduino import Ide, Screen, Sketchbook
from attached import Board
from simulator import share_one_cpu
from world import World

from harness import processes
from harness.fixtures import bench_of, pytest_runtest_makereport  # the hook is found here

processes.become_subreaper()
share_one_cpu()

bench = bench_of(World)


@pytest.fixture
def board(bench):
    """With m4flash, whose daemon runs."""
    world = Board(bench)
    world.install_m4flash()
    daemon = bench.start()
    world.bus.wait_owner()
    daemon.idle_descriptors = daemon.settled_descriptors()
    yield world
    world.close()


@pytest.fixture(scope="session", autouse=True)
def installed():
    for program in ["arduino", "Xvfb"]:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def screen(installed):
    world = Screen()
    yield world
    world.close()


@pytest.fixture(scope="session")
def sketchbook(tmp_path_factory):
    return Sketchbook(str(tmp_path_factory.mktemp("sketchbook")))


@pytest.fixture
def ide(sketchbook, screen, board):
    return Ide(sketchbook, screen, board.adb)
