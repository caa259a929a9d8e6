"""The fixtures of the system tests: machines, and whether there can be any here."""

import os
import shutil

import pytest
from container import Container, Unavailable
from disk import Disk, make_debian, memory, run
from machine import Machine, furnish
from simulator import share_one_cpu

from harness.fixtures import pytest_runtest_makereport  # noqa: F401 (the hook is found here)

share_one_cpu()


@pytest.fixture(scope="session")
def place():
    """A folder in memory, for what is written."""
    if "M4FLASH_NO_SYSTEM" in os.environ:
        pytest.skip(os.environ["M4FLASH_NO_SYSTEM"])
    for program in ["systemd-nspawn", "mmdebstrap"]:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    return memory()


@pytest.fixture(scope="session")
def debian(place):
    """The layers of a board without any service, which is booted once to see whether it can be."""
    try:
        disk = Disk(place, [make_debian()])
        furnish(disk)
        Container(disk.root, place).kill()
    except Unavailable as reason:
        pytest.skip(f"no container: {reason}")
    return disk.detach()


def install(disk):
    """What `meson install` brings, and what is to be done after it."""
    run("meson", "install", "-C", os.environ["BUILD"], "--no-rebuild", "--quiet",
        env=os.environ | {"DESTDIR": str(disk.root)})
    disk.chroot("systemd-sysusers")
    disk.chroot("journalctl", "--update-catalog")
    disk.chroot("systemctl", "enable", "monitor-m4-elf-file.service")


@pytest.fixture(scope="session")
def with_m4flash(debian, place):
    """The layers of a board with our service."""
    disk = Disk(place, debian)
    install(disk)
    return disk.detach()


@pytest.fixture(scope="session")
def make_machine(place, with_m4flash):
    """Makes one that the caller discards."""
    return lambda layers=with_m4flash: Machine(place, layers)


@pytest.fixture
def machine(make_machine):
    """One with our service, not booted yet."""
    world = make_machine()
    try:
        yield world
    finally:
        world.discard()


@pytest.fixture
def board(machine):
    """The same, booted, the service waiting for an upload."""
    machine.boot()
    machine.wait_active()
    return machine
