"""The state directory cannot be written: a full disk, a read-only one, and one that fails at each
change, once or from there on. The upload is programmed all the same, with a warning; and when the
disk works again, so does everything else. And: there is no room for the image that OpenOCD needs.

M4FLASH_CRASHES says at how many of the changes (12; 0: all).
"""

import errno
import os
import subprocess

import pytest
from power import changes_of_one_push, some

from harness import sketches
from harness.pushes import adb_push, mv
from harness.waiting import wait_for

CRASHES = int(os.environ.get("M4FLASH_CRASHES", "12"))
THIRD = sketches.good("third", size=3000)
WARNINGS = ("not protected against a power cut", "cannot be recorded", "cannot be removed",
            "cannot be kept", "cannot be written", "cannot be noted", "history")


def mount_tmpfs(folder, size):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
                          check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tiny_world):
    """The state directory on a file system of its own, of 512 KiB."""
    world = tiny_world
    before = {}
    for name in os.listdir(world.state):
        with open(world.state_file(name), "rb") as file:
            before[name] = file.read()
    mount_tmpfs(world.state, "512k")
    for name, data in before.items():
        with open(world.state_file(name), "wb") as file:
            file.write(data)
    yield world
    if world.daemon:
        world.stop()
    subprocess.run(["umount", world.state], check=True)


def fill_up(world):
    fd = os.open(world.state_file("filler"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(fd, bytes(4096))
    except OSError as error:
        assert error.errno == errno.ENOSPC
    finally:
        os.close(fd)


def check_programmed_with_warning(world):
    world.daemon.wait_line(r"Job \d+: programmed: ")
    world.wait_settled()
    world.check_programmed(world.new)
    world.chip.check_running()
    assert any(w in line for line in world.daemon.lines for w in WARNINGS), world.log()


def check_works_again(world):
    """Nothing that the bad disk has left behind is in the way."""
    world.push(adb_push, THIRD)
    wait_for(lambda: world.entries_of(THIRD), world.log)
    assert [entry["result"] for entry in world.entries_of(THIRD)] == ["programmed"]
    assert world.check_whole(THIRD) is THIRD


def test_full(small_disk):
    world = small_disk
    world.start()
    fill_up(world)
    world.push(adb_push, world.new)
    check_programmed_with_warning(world)
    os.unlink(world.state_file("filler"))
    world.stop()
    world.power_off()
    world.power_on()
    check_works_again(world)


def test_full_at_start(small_disk):
    world = small_disk
    fill_up(world)
    world.start()
    world.push(adb_push, world.new)
    check_programmed_with_warning(world)
    os.unlink(world.state_file("filler"))
    world.restart()
    check_works_again(world)


def test_read_only_at_start(small_disk):
    world = small_disk
    subprocess.run(["mount", "-o", "remount,ro", world.state], check=True)
    world.start()
    world.push(adb_push, world.new)
    check_programmed_with_warning(world)
    world.stop()
    subprocess.run(["mount", "-o", "remount,rw", world.state], check=True)
    world.start()
    check_works_again(world)


@pytest.fixture
def small_runtime(tiny_world):
    """The runtime folder on a file system of its own, of 128 KiB."""
    mount_tmpfs(tiny_world.runtime, "128k")
    yield tiny_world
    if tiny_world.daemon:
        tiny_world.stop()
    subprocess.run(["umount", tiny_world.runtime], check=True)


def test_no_room_for_the_image(small_runtime):
    """OpenOCD has been started by then: it lets the chip go, on which nothing has changed."""
    world = small_runtime
    world.start()
    world.push(adb_push, sketches.good("large", size=300_000))
    wait_for(lambda: world.history()[-1]["id"] == 2, world.log)
    outcome = world.history()[-1]
    assert (outcome["result"], outcome["code"]) == ("failed", "internal"), world.log()
    assert os.strerror(errno.ENOSPC) in outcome["message"], outcome
    assert not any("left halted" in line for line in world.daemon.lines), world.log()
    assert world.check_whole(world.old) is world.old
    check_works_again(world)


# Error, and how many changes fail (0: all from there on).
ERRORS = {
    "one EIO": (errno.EIO, 1),
    "one ENOSPC": (errno.ENOSPC, 1),
    "EIO for good": (errno.EIO, 0),
    "EROFS for good": (errno.EROFS, 0),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_each_change_fails(tiny_world, tiny_before, kind):
    error, count = ERRORS[kind]
    world = tiny_world
    at_start, changes = changes_of_one_push(world)
    for number in some(range(at_start + 1, len(changes) + 1), CRASHES // 3):
        world.lines = [f"---- from {number} on: {changes[number - 1]}"]
        world.load(tiny_before)
        world.start_sabotaged(fail=f"{number}:{error}:{count}")
        world.daemon.wait_ready()
        world.push(mv, world.new)
        world.daemon.wait_line(r"Job 2: programmed: ")
        world.wait_settled()
        world.check_programmed(world.new)
        world.stop()
        world.power_off()
        world.power_on()
        world.wait_settled()
        world.check_programmed(world.new)
        world.chip.check_running()
        check_works_again(world)
        world.stop()
