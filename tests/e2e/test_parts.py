"""Of a large upload only what the check needs is copied before OpenOCD starts. Whoever writes to it
meanwhile, and where: its last state is what is programmed, once.
"""

import mmap
import os
import signal
import struct

import pytest

from harness import processes, sketches
from harness.checkers import stop_checker
from harness.pushes import ADB_PIECE, adb_open, adb_push, cp, write_all
from harness.waiting import wait_for

SIZE = 3_000_000  # bytes of debug information
IMAGE = 200_000  # bytes
TAKEN_BACK = "was written to while it was read"
# Where something may be written anew, and whether that was copied before.
PLACES = {"image": (100_000, True), "debug": (SIZE // 2, False), "end": (SIZE + 180_000, True)}


@pytest.fixture
def upload():
    return sketches.good("in parts", size=IMAGE, debug=SIZE)


def copies(daemon):
    """Descriptors of the daemon's with what it has copied of uploads."""
    return [number for number, target in processes.descriptors(daemon.pid).items()
            if target.startswith("/memfd:m4flash-upload")]


def copied(daemon):
    """Bytes of each copy that there is, without its holes."""
    return [os.stat(f"/proc/{daemon.pid}/fd/{number}").st_blocks * 512
            for number in copies(daemon)]


class Held:
    """An upload that is complete and read, whose checker does not come to judge it yet."""

    def __init__(self, bench, daemon, upload):
        self.checker = stop_checker(daemon)
        fd = adb_open(bench.path)
        write_all(fd, upload.data, ADB_PIECE)
        # What is written to memory, nobody tells of. Not closed: that would be another upload.
        self.memory = mmap.mmap(os.open(bench.path, os.O_RDWR | os.O_CLOEXEC), 0)
        os.close(fd)
        bench.uploads += 1
        wait_for(lambda: copies(daemon) and processes.state(daemon.pid) == "S", "the upload read")

    def write(self, start, data):
        self.memory[start : start + len(data)] = data

    def let_go(self):
        os.kill(self.checker, signal.SIGCONT)


def written_anew(upload, start, size=16):
    """The same with other bytes at that place, and those bytes."""
    data = bytearray(upload.data)
    data[start : start + size] = bytes(byte ^ 0xA5 for byte in data[start : start + size])
    image = bytearray(upload.image)
    at = start - sketches.SEGMENT_OFFSET
    if at + size <= len(image):
        image[at : at + size] = data[start : start + size]
    return sketches.Upload(bytes(data), bytes(image)), bytes(data[start : start + size])


def assert_programmed(bench, daemon, upload, taken_back=False):
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
    bench.check_programmed(upload)
    daemon.wait_quiet()
    assert not copies(daemon)
    assert (TAKEN_BACK in daemon.log()) == taken_back


def test_only_what_is_needed_at_first(bench, daemon, upload):
    held = Held(bench, daemon, upload)
    [size] = copied(daemon)
    assert size < 400_000
    held.let_go()
    assert_programmed(bench, daemon, upload)


def test_small_ones_are_copied_whole(bench, daemon):
    upload = sketches.good("small", size=100_000, debug=400_000)
    held = Held(bench, daemon, upload)
    [size] = copied(daemon)
    assert size >= len(upload.data)
    held.let_go()
    assert_programmed(bench, daemon, upload)


@pytest.mark.parametrize("push", [adb_push, cp])
def test_image_that_needs_more(bench, daemon, push):
    upload = sketches.good("large", size=700_000, debug=SIZE)
    bench.push(push, upload)
    assert_programmed(bench, daemon, upload)


def test_section_headers_in_the_middle(bench, daemon, upload):
    """No linker writes them there; who does waits a little longer."""
    data = bytearray(upload.data)
    [headers] = struct.unpack_from("<I", data, 32)
    table = data[headers : headers + 4 * 40]
    struct.pack_into("<I", data, 32, SIZE // 2)
    data[SIZE // 2 : SIZE // 2 + len(table)] = table
    moved = sketches.Upload(bytes(data), upload.image)
    bench.push(adb_push, moved)
    assert_programmed(bench, daemon, moved)


@pytest.mark.parametrize("place", PLACES)
def test_written_to(bench, daemon, upload, place):
    """What was copied before is not what is programmed; what was not is as it is then."""
    start, copied_before = PLACES[place]
    changed, data = written_anew(upload, start)
    held = Held(bench, daemon, upload)
    held.write(start, data)
    held.let_go()
    assert_programmed(bench, daemon, changed, taken_back=copied_before)


def test_written_to_with_hooks(bench, upload):
    """Nothing begins ahead of the digest then."""
    folder, log = (os.path.join(bench.folder, name) for name in ("pre.d", "log"))
    os.mkdir(folder)
    with open(os.path.join(folder, "count"), "x", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho ran >>{log}\n")
    os.chmod(file.name, 0o755)
    bench.settings["Hooks"] = {"PreDirectory": folder}
    daemon = bench.start()
    changed, data = written_anew(upload, 100_000)
    held = Held(bench, daemon, upload)
    held.write(100_000, data)
    held.let_go()
    assert_programmed(bench, daemon, changed, taken_back=True)
    with open(log, encoding="ascii") as file:
        assert file.read() == "ran\n"


def test_removed_when_it_was_complete(bench, daemon, upload):
    """It is read all the same: whoever waits for it gets what was asked for."""
    held = Held(bench, daemon, upload)
    os.unlink(bench.path)
    held.let_go()
    assert_programmed(bench, daemon, upload)


@pytest.mark.parametrize("size", [IMAGE, 700_000], ids=["after", "before"])
def test_cut_off_when_it_was_complete(bench, daemon, size):
    """The rest is gone when it is asked for, after the verdict or before; the next upload is another.
    """
    upload = sketches.good("in parts", size=size, debug=SIZE)
    held = Held(bench, daemon, upload)
    os.truncate(bench.path, 500_000)
    held.let_go()
    wait_for(lambda: TAKEN_BACK in daemon.log(), TAKEN_BACK)
    assert "Job 1: accepted" not in daemon.log()
    other = sketches.good("the next", size=IMAGE, debug=SIZE)
    bench.push(cp, other)
    outcomes = bench.wait_outcomes()
    assert [outcome["result"] for outcome in outcomes] == ["superseded", "programmed"]
    assert outcomes[-1]["sha256"] == other.sha256
    bench.check_programmed(other)


def test_overwritten_by_the_next(bench, daemon, upload):
    """Whichever of the two is read when: the last one is what the chip holds."""
    bench.push(cp, upload)
    other = sketches.good("the next", size=IMAGE, debug=SIZE)
    bench.push(cp, other)
    outcomes = bench.wait_outcomes()
    assert {outcome["result"] for outcome in outcomes} <= {"programmed", "superseded"}
    assert outcomes[-1]["sha256"] == other.sha256
    bench.check_programmed(other)
    assert not copies(daemon)


def test_next_one_while_it_is_checked(bench, daemon, upload):
    """The file is another then, but the first one's is still open. The next has to wait, so it is
    read whole.
    """
    held = Held(bench, daemon, upload)
    other = sketches.good("the next", size=IMAGE, debug=SIZE)
    staged = bench.path + ".new"
    adb_push(staged, other.data)
    os.rename(staged, bench.path)
    bench.uploads += 1
    wait_for(lambda: len(copies(daemon)) == 2 and processes.state(daemon.pid) == "S", "both read")
    first, second = sorted(copied(daemon))
    assert first < 400_000 and second >= len(other.data)
    held.let_go()
    outcomes = bench.wait_outcomes()
    assert [outcome["sha256"] for outcome in outcomes] == [upload.sha256, other.sha256]
    bench.check_programmed(other)


def test_aborted(bench, daemon, upload):
    fd = adb_open(bench.path)
    os.write(fd, upload.data[:SIZE // 2])
    os.close(fd)
    os.unlink(bench.path)
    bench.uploads += 1
    assert bench.wait_outcome()["result"] == "aborted"
    daemon.wait_quiet()
    assert not copies(daemon)


def test_never_closed(bench, daemon, upload):
    """The next one is another file."""
    fd = adb_open(bench.path)
    os.write(fd, upload.data[:SIZE // 2])
    other = sketches.good("meanwhile", size=IMAGE, debug=SIZE)
    bench.push(adb_push, other)
    assert_programmed(bench, daemon, other)
    os.close(fd)
    daemon.wait_quiet()
    assert len(bench.history()) == 1
