"""A large upload is copied while it is being written. Whatever is written where, and when, its last
state is what is programmed, once.
"""

import os

import pytest

from harness import processes, sketches
from harness.pushes import adb_open, adb_push, cp
from harness.waiting import wait_for

SIZE = 3_000_000  # bytes of debug information
TAKEN_BACK = "written twice"


@pytest.fixture
def upload():
    return sketches.good("in advance", size=200_000, debug=SIZE)


def copied(daemon):
    """Bytes that it has copied so far."""
    for number, target in processes.descriptors(daemon.pid).items():
        if target.startswith("/memfd:m4flash-upload"):
            with open(f"/proc/{daemon.pid}/fdinfo/{number}", encoding="ascii") as file:
                return int(file.readline().split()[1])
    return 0


def write_and_wait(fd, daemon, data):
    """Writes data, and waits until the daemon has copied all that is there."""
    while data:
        data = data[os.write(fd, data):]
    size = os.fstat(fd).st_size
    wait_for(lambda: copied(daemon) == size, lambda: f"{size} bytes copied, not {copied(daemon)}")


def assert_programmed(bench, daemon, upload, taken_back=False):
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
    bench.check_programmed(upload)
    daemon.wait_quiet()
    assert copied(daemon) == 0
    assert (TAKEN_BACK in daemon.log()) == taken_back


def test_copied_as_it_comes(bench, daemon, upload):
    fd = adb_open(bench.path)
    for start in range(0, len(upload.data), 1 << 20):
        write_and_wait(fd, daemon, upload.data[start : start + (1 << 20)])
    os.close(fd)
    os.utime(bench.path, (1, 1))
    assert_programmed(bench, daemon, upload)


def test_small_ones_are_not(bench, daemon):
    upload = sketches.good("small", size=100_000, debug=300_000)
    fd = adb_open(bench.path)
    os.write(fd, upload.data)
    daemon.wait_quiet()
    assert copied(daemon) == 0
    os.close(fd)
    assert_programmed(bench, daemon, upload)


def write_with_a_hole(bench, daemon, upload, start, size):
    """Some bytes are wrong at first, and right in the end."""
    fd = adb_open(bench.path)
    data = bytearray(upload.data)
    data[start : start + size] = bytes(size)
    write_and_wait(fd, daemon, bytes(data))
    os.pwrite(fd, upload.data[start : start + size], start)
    return fd


@pytest.mark.parametrize("start", [100_000, SIZE], ids=["image", "debug"])
def test_written_twice(bench, daemon, upload, start):
    """Where it counts for the image, and where it does not."""
    os.close(write_with_a_hole(bench, daemon, upload, start, 5000))
    assert_programmed(bench, daemon, upload, taken_back=True)


def test_header_written_last(bench, daemon, upload):
    """As a linker does."""
    os.close(write_with_a_hole(bench, daemon, upload, 0, 52))
    assert_programmed(bench, daemon, upload)


def test_what_was_no_sketch_at_first(bench, daemon, upload):
    """Its tables at the end are missing when it is copied: a rejection would be of another file."""
    os.close(write_with_a_hole(bench, daemon, upload, len(upload.data) - 100_000, 100_000))
    assert_programmed(bench, daemon, upload, taken_back=True)


def test_written_twice_with_hooks(bench, upload):
    """Nothing begins ahead of the digest then."""
    folder, log = (os.path.join(bench.folder, name) for name in ("pre.d", "log"))
    os.mkdir(folder)
    with open(os.path.join(folder, "count"), "x", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho ran >>{log}\n")
    os.chmod(file.name, 0o755)
    bench.settings["Hooks"] = {"PreDirectory": folder}
    daemon = bench.start()
    os.close(write_with_a_hole(bench, daemon, upload, 100_000, 5000))
    assert_programmed(bench, daemon, upload, taken_back=True)
    with open(log, encoding="ascii") as file:
        assert file.read() == "ran\n"


def test_written_anew_after_it_was_cut_off(bench, daemon, upload):
    other = sketches.good("of another size", size=150_000, debug=SIZE // 2)
    fd = adb_open(bench.path)
    write_and_wait(fd, daemon, upload.data)
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    write_and_wait(fd, daemon, other.data)
    os.close(fd)
    assert_programmed(bench, daemon, other)


def test_overwritten_by_the_next(bench, daemon, upload):
    """Whichever of the two is read when: the last one is what the chip holds."""
    bench.push(cp, upload)
    other = sketches.good("the next", size=200_000, debug=SIZE)
    bench.push(cp, other)
    outcomes = bench.wait_outcomes()
    assert {outcome["result"] for outcome in outcomes} <= {"programmed", "superseded"}
    assert outcomes[-1]["sha256"] == other.sha256
    bench.check_programmed(other)


def test_aborted(bench, daemon, upload):
    fd = adb_open(bench.path)
    write_and_wait(fd, daemon, upload.data[:SIZE // 2])
    os.close(fd)
    os.unlink(bench.path)
    bench.uploads += 1
    assert bench.wait_outcome()["result"] == "aborted"
    daemon.wait_quiet()
    assert copied(daemon) == 0


def test_never_closed(bench, daemon, upload):
    """The next one is another file."""
    fd = adb_open(bench.path)
    write_and_wait(fd, daemon, upload.data[:SIZE // 2])
    other = sketches.good("meanwhile", size=200_000, debug=SIZE)
    adb_push(bench.path, other.data)
    assert_programmed(bench, daemon, other)
    os.close(fd)
    daemon.wait_quiet()
    assert len(bench.history()) == 1


def test_too_large(bench, upload):
    bench.settings["Inbox"] = {"MaxSize": "2M"}
    daemon = bench.start()
    fd = adb_open(bench.path)
    write_and_wait(fd, daemon, upload.data[:1_500_000])
    os.write(fd, upload.data[1_500_000:])
    wait_for(lambda: copied(daemon) == 0, "the copy given up")
    os.close(fd)
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "too-large"
