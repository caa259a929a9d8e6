"""Flash wears, time is short: what the chip holds already is only checked, unless somebody asks for
more by a touch; and whether the chip holds it, the chip itself is asked.
"""

import os

import pytest

from harness import sketches
from harness.pushes import adb_push, cp, mv, touch

BANK_2 = 0x100000  # offset in the stand-in's flash
every_kind = pytest.mark.parametrize("kind", [adb_push, cp, mv], ids=lambda kind: kind.__name__)


def push(bench, upload, result, kind=adb_push):
    """Pushes and returns what OpenOCD was asked for meanwhile."""
    runs = len(bench.standin.runs())
    bench.push(kind, upload)
    return check(bench, upload, result, runs)


def touch_again(bench, upload, result):
    runs = len(bench.standin.runs())
    touch(bench.path)
    bench.uploads += 1
    return check(bench, upload, result, runs)


def check(bench, upload, result, runs):
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == (result, "ok"), bench.log()
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)
    bench.check_programmed(upload)
    bench.daemon.wait_line(f"Job {outcome['id']}: {result}: ")
    return bench.standin.runs()[runs:]


def erases(daemon):
    return sum(line.endswith(": erase") for line in daemon.lines.copy())


def flip(bench, offset):
    """One bit of the sketch's flash, as whoever programs past the daemon might."""
    with open(bench.standin.flash_path, "r+b") as file:
        file.seek(BANK_2 + offset)
        byte = file.read(1)[0]
        file.seek(BANK_2 + offset)
        file.write(bytes([byte ^ 1]))


@pytest.fixture
def upload():
    return sketches.good("again and again", size=140_000)


@pytest.fixture
def installed(bench, daemon, upload):
    assert push(bench, upload, "programmed") == ["update"]
    return upload


@every_kind
def test_pushed_again(bench, daemon, installed, kind):
    for _ in range(2):
        assert push(bench, installed, "unchanged", kind) == ["update"]
    assert erases(daemon) == 1


@every_kind
def test_pushed_again_after_a_restart(bench, installed, kind):
    daemon = bench.restart()
    assert push(bench, installed, "unchanged", kind) == ["update"]
    assert erases(daemon) == 0


@every_kind
def test_pushed_again_while_down(bench, installed, kind):
    bench.stop()
    bench.push(kind, installed)
    runs = len(bench.standin.runs())
    daemon = bench.start()
    assert check(bench, installed, "unchanged", runs) == ["update"]
    assert erases(daemon) == 0


def test_other_debug_sections_are_no_change(bench, daemon, installed):
    """The upload is another, what goes to the chip the same."""
    other = sketches.Upload(sketches.make_elf(installed.image, b"debug" * 1000), installed.image)
    assert other.sha256 != installed.sha256
    assert push(bench, other, "unchanged") == ["update"]


def test_touch_programs(bench, daemon, installed):
    """Somebody wants it programmed, whatever the chip holds."""
    assert touch_again(bench, installed, "programmed") == ["program"]
    assert touch_again(bench, installed, "programmed") == ["program"]
    assert push(bench, installed, "unchanged") == ["update"]
    assert touch_again(bench, installed, "programmed") == ["program"]
    assert erases(daemon) == 4


@every_kind
def test_touch_after_each_kind_of_push(bench, daemon, installed, kind):
    assert push(bench, installed, "unchanged", kind) == ["update"]
    assert touch_again(bench, installed, "programmed") == ["program"]


def test_touch_after_a_restart(bench, installed):
    bench.restart()
    assert touch_again(bench, installed, "programmed") == ["program"]


# The first flash word, the last byte, and what is behind it in the sector, which must be erased.
@pytest.mark.parametrize("offset", [0, 139_999, 140_000, 262_143])
def test_chip_that_was_changed_behind_our_back(bench, daemon, installed, offset):
    flip(bench, offset)
    assert push(bench, installed, "programmed") == ["update"]
    assert erases(daemon) == 2
    assert push(bench, installed, "unchanged") == ["update"]


def test_chip_that_was_changed_while_down(bench, installed):
    bench.stop()
    bench.standin.wipe_flash()
    bench.start()
    assert push(bench, installed, "programmed") == ["update"]


def test_change_behind_the_sketch_is_not_ours(bench, daemon, installed):
    flip(bench, 2 * sketches.SECTOR_SIZE)
    assert push(bench, installed, "unchanged") == ["update"]


def test_sketch_before_is_another(bench, daemon, installed):
    other = sketches.good("other")
    assert push(bench, other, "programmed") == ["update"]
    assert push(bench, installed, "programmed") == ["update"]
    assert push(bench, installed, "unchanged") == ["update"]


def test_shorter_one_with_the_same_beginning_is_another(bench, daemon, installed):
    image = installed.image[:132_000]
    shorter = sketches.Upload(sketches.make_elf(image), image)
    assert push(bench, shorter, "programmed") == ["update"]
    assert push(bench, shorter, "unchanged") == ["update"]


def test_after_a_failure_nothing_is_taken_for_granted(bench, daemon, installed):
    """What failed had erased the chip: the installed one came back, and is asked for."""
    bench.standin.fail_once("verify-failed")
    bench.push(adb_push, sketches.good("fails"))
    assert bench.wait_outcome()["result"] == "failed"
    bench.standin.set_mode("success")
    assert push(bench, installed, "unchanged") == ["update"]


@pytest.mark.parametrize("name", ["installed", "previous", "history.jsonl"])
def test_lost_record_costs_no_programming(bench, installed, name):
    bench.stop()
    path = os.path.join(bench.state, name)
    if name == "history.jsonl":
        bench.uploads = 0
    if os.path.exists(path):
        os.unlink(path)
    os.unlink(bench.path)
    bench.start()
    assert push(bench, installed, "unchanged") == ["update"]


def test_failing_check_is_a_failure(bench, daemon, installed):
    """Before an erase nothing is lost: the chip holds what it held."""
    bench.standin.set_mode("no-target")
    bench.push(adb_push, installed)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"], outcome["restored"]) == \
        ("failed", "no-target", False)
    assert bench.standin.runs() == ["update"] * 4
    bench.check_programmed(installed)
    bench.standin.set_mode("success")
    assert push(bench, installed, "unchanged") == ["update"]
    assert erases(daemon) == 1
