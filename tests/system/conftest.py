"""The fixtures of the system tests: machines, and whether there can be any here."""

import os
import pathlib
import shutil
import subprocess

import pytest
from container import Container, Unavailable
from disk import Disk, make_debian, memory
from machine import Machine, furnish
from package import Unbuildable, build, newer

from harness.fixtures import pytest_runtest_makereport  # noqa: F401 (the hook is found here)

STOCK = pathlib.Path(__file__).with_name("stock")


@pytest.fixture(scope="session")
def place():
    """A folder in memory, for what is written."""
    if "M4FLASH_NO_SYSTEM" in os.environ:
        pytest.skip(os.environ["M4FLASH_NO_SYSTEM"])
    for program in ["systemd-nspawn", "mmdebstrap"]:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    here = subprocess.run(["systemd-detect-virt", "--container"], capture_output=True, check=False)
    if here.stdout.strip() == b"systemd-nspawn":
        pytest.skip("in a container of systemd-nspawn not all units of another one start")
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


@pytest.fixture(scope="session")
def packages(place, debian):
    """A folder with the package, and the same once more as a later version: it is /packages on each
    machine."""
    try:
        package = build()
    except Unbuildable as reason:
        pytest.skip(f"no package: {reason}")
    folder = place / "packages"
    folder.mkdir()
    shutil.copy(package, folder / "m4flash.deb")
    newer(package, folder, "99")
    return folder


@pytest.fixture(scope="session")
def with_m4flash(debian, place, packages):
    """The layers of a board with our service."""
    disk = Disk(place, debian)
    install(disk, packages)
    return disk.detach()


def install(disk, packages):
    shutil.copy(packages / "m4flash.deb", disk.root)
    disk.chroot("dpkg", "--install", "/m4flash.deb")
    (disk.root / "m4flash.deb").unlink()


@pytest.fixture(scope="session")
def with_stock(debian, place):
    """The layers of a board as it ships."""
    disk = Disk(place, debian)
    for unit in ("monitor-m4-elf-file.path", "monitor-m4-elf-file.service"):
        shutil.copy(STOCK / unit, disk.root / "usr/lib/systemd/system")
    disk.write("/usr/lib/tmpfiles.d/board.conf", "d /tmp/arduino 0777 fio root -\n")
    disk.chroot("systemctl", "enable", "monitor-m4-elf-file.path")
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
