"""The sketch that a product ships: on the chip from the first start on, never in a user's way."""

import os
import stat

import pytest

from harness import pushes, sketches
from harness.daemon import countable
from harness.pushes import adb_push
from harness.waiting import wait_for


class Shipped:
    """The product's own sketch file."""

    def __init__(self, bench):
        self.bench = bench
        self.path = os.path.join(bench.make_folder("product"), "sketch.elf")
        bench.settings["Sketch"] = {"DefaultSketch": self.path}

    def ship(self, upload):
        """As a package manager does it."""
        temporary = self.path + ".new"
        with open(temporary, "wb") as file:
            file.write(upload.data)
        os.rename(temporary, self.path)


@pytest.fixture
def shipped(bench):
    return Shipped(bench)


@pytest.fixture
def default(shipped):
    upload = sketches.good("default", size=140_000)
    shipped.ship(upload)
    return upload


@pytest.fixture
def installed(bench, default):
    """The daemon has started for the first time."""
    check_start(bench, default, "programmed", ["update"])
    return default


def begin(bench):
    """A start that may be busy, or held up, when it is ready: no place to count descriptors."""
    daemon = bench.start(expect_ready=False)
    daemon.wait_line("Ready: ")
    return daemon


def start(bench, outcomes=1):
    """A start from which so many outcomes are expected; what OpenOCD is asked for comes back."""
    if bench.daemon:
        bench.stop()
    runs = len(bench.standin.runs())
    bench.uploads += outcomes
    daemon = begin(bench)
    bench.wait_outcomes()
    daemon.wait_quiet()
    return bench.standin.runs()[runs:]


def check_start(bench, upload, result, runs):
    """A start that takes up the default sketch."""
    assert start(bench) == runs, bench.log()
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == (result, "ok")
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)
    assert outcome["file"] == ""
    assert outcome["bytes"] == len(upload.data)
    bench.check_programmed(upload)


def check_idle_start(bench, upload):
    """A start that leaves the chip alone, as there is a user's sketch on it."""
    assert start(bench, outcomes=0) == [], bench.log()
    bench.check_programmed(upload)


def push(bench, stamp, kind=adb_push, result="programmed"):
    upload = sketches.good(stamp, size=150_000)
    bench.push(kind, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == (result, upload.sha256), bench.log()
    bench.check_programmed(upload)
    return upload


def erases(bench):
    return sum(line.endswith(": erase") for line in bench.daemon.lines.copy())


# ---- The product's own --------------------------------------------------------------------------


def test_installed_at_the_first_start(bench, installed):
    assert len(bench.history()) == 1


def test_only_checked_at_later_starts(bench, installed):
    for _ in range(2):
        check_start(bench, installed, "unchanged", ["update"])
        assert erases(bench) == 0


def test_leaves_no_descriptor_open(bench, installed):
    busy = bench.daemon.settled_descriptors()
    bench.stop()
    bench.settings["Sketch"]["DefaultSketch"] = ""
    assert countable(busy) == countable(begin(bench).settled_descriptors())


def test_chip_that_has_it_is_never_erased(bench, default):
    """A board that comes from the factory with its sketch in flash."""
    with open(bench.standin.flash_path, "r+b") as file:
        file.seek(sketches.SECTOR_SIZE * 8)
        file.write(default.image)
    check_start(bench, default, "unchanged", ["update"])
    assert erases(bench) == 0
    check_start(bench, default, "unchanged", ["update"])


def test_chip_that_was_changed_while_down(bench, installed):
    bench.stop()
    bench.standin.wipe_flash()
    check_start(bench, installed, "programmed", ["update"])


def test_changed_file_is_installed(bench, shipped, installed):
    newer = sketches.good("newer default")
    shipped.ship(newer)
    check_start(bench, newer, "programmed", ["update"])
    check_start(bench, newer, "unchanged", ["update"])


def test_file_that_is_only_touched_has_not_changed(bench, shipped, installed):
    user = push(bench, "a user's")
    os.utime(shipped.path)
    check_idle_start(bench, user)


def test_file_that_changes_while_running_waits_for_a_start(bench, shipped, installed):
    newer = sketches.good("newer default")
    shipped.ship(newer)
    bench.daemon.wait_quiet()
    bench.check_programmed(installed)
    check_start(bench, newer, "programmed", ["update"])


def test_link_to_the_sketch(bench, shipped, default):
    """/usr/lib/product/sketch.elf may well be one, to the version that is current."""
    versions = bench.make_folder("versions")
    target = os.path.join(versions, "sketch-1.elf")
    os.rename(shipped.path, target)
    os.symlink(target, shipped.path)
    check_start(bench, default, "programmed", ["update"])


def test_read_only_file_system_is_enough(bench, shipped, default):
    os.chmod(shipped.path, 0o444)
    os.chmod(os.path.dirname(shipped.path), 0o555)
    check_start(bench, default, "programmed", ["update"])
    assert stat.S_IMODE(os.stat(shipped.path).st_mode) == 0o444


# ---- Users and their uploads --------------------------------------------------------------------


def test_users_sketch_stays(bench, installed):
    user = push(bench, "a user's")
    for _ in range(2):
        check_idle_start(bench, user)
    os.unlink(bench.path)
    check_idle_start(bench, user)


def test_users_sketch_gives_way_to_a_changed_file(bench, shipped, installed):
    """An update of the product; what the user uploads after it stays again."""
    push(bench, "a user's")
    newer = sketches.good("newer default")
    shipped.ship(newer)
    check_start(bench, newer, "programmed", ["update"])
    user = push(bench, "a user's later one")
    check_idle_start(bench, user)


def test_user_who_uploads_the_default_has_it(bench, installed):
    push(bench, "a user's")
    bench.push(adb_push, installed)
    assert bench.wait_outcome()["result"] == "programmed"
    check_start(bench, installed, "unchanged", ["update"])


def test_upload_that_was_rejected_changes_nothing(bench, installed):
    bench.push(adb_push, sketches.not_elf("no sketch"))
    assert bench.wait_outcome()["result"] == "rejected"
    check_start(bench, installed, "unchanged", ["update"])


def test_upload_that_failed_changes_nothing(bench, installed):
    """It was put back, and is still the one that should run."""
    bench.standin.fail_once("verify-failed")
    bench.push(adb_push, sketches.good("fails"))
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["restored"]) == ("failed", True)
    bench.standin.set_mode("success")
    check_start(bench, installed, "unchanged", ["update"])


def test_failed_upload_without_a_way_back_is_made_good(bench, installed):
    bench.settings["Sketch"]["RestoreOnFailure"] = "no"
    check_start(bench, installed, "unchanged", ["update"])
    bench.standin.set_mode("verify-failed")
    bench.push(adb_push, sketches.good("fails"))
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["restored"]) == ("failed", False)
    bench.standin.set_mode("success")
    check_start(bench, installed, "programmed", ["update"])


def newest_in_flash(bench, upload):
    size = len(upload.image)
    wait_for(lambda: bench.sketch_in_flash(size) == upload.image, bench.log)
    bench.daemon.wait_quiet()
    bench.check_programmed(upload)


@pytest.mark.parametrize("kind", [adb_push, pushes.mv], ids=lambda kind: kind.__name__)
def test_upload_in_the_inbox_wins(bench, default, kind):
    user = sketches.good("a user's", size=150_000)
    bench.push(kind, user)
    bench.uploads += 1
    begin(bench)
    bench.wait_outcomes()
    newest_in_flash(bench, user)
    results = {entry["sha256"]: entry["result"] for entry in bench.history()}
    assert results[user.sha256] == "programmed"
    assert results[default.sha256] in ("programmed", "superseded")


def test_upload_in_the_inbox_stays_too(bench, default):
    """The default sketch was there first, whether or not it got its turn."""
    user = sketches.good("a user's", size=150_000)
    bench.standin.close_gate()
    bench.push(adb_push, user)
    bench.uploads += 1
    daemon = begin(bench)
    daemon.wait_line("Job 2: accepted")
    bench.standin.open_gate()
    bench.wait_outcomes()
    newest_in_flash(bench, user)
    check_idle_start(bench, user)


def test_upload_during_the_first_start_wins(bench, default):
    bench.standin.close_gate()
    bench.uploads += 1
    daemon = begin(bench)
    daemon.wait_openocd()
    user = sketches.good("a user's", size=150_000)
    bench.push(adb_push, user)
    daemon.wait_line("Job 2: accepted")
    bench.standin.open_gate()
    assert [entry["result"] for entry in bench.wait_outcomes()] == ["programmed"] * 2
    newest_in_flash(bench, user)
    check_idle_start(bench, user)


# ---- What can be wrong with it ------------------------------------------------------------------


def test_missing_file_is_a_warning(bench, shipped):
    daemon = begin(bench)
    daemon.wait_line(f"default sketch {shipped.path} cannot be used.*No such file")
    assert bench.history() == []
    user = push(bench, "a user's")
    check_idle_start(bench, user)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=lambda make: make.__name__)
def test_what_is_no_file_is_a_warning(bench, shipped, make):
    make(shipped.path)
    daemon = begin(bench)
    daemon.wait_line(f"default sketch {shipped.path} cannot be used")
    push(bench, "a user's")


def test_file_larger_than_any_upload_is_a_warning(bench, shipped):
    bench.settings["Inbox"]["MaxSize"] = "100000"
    shipped.ship(sketches.good("large", debug=200_000))
    daemon = begin(bench)
    daemon.wait_line(f"default sketch {shipped.path} cannot be used.*too large")


def test_empty_setting_is_none(bench, shipped, default):
    bench.settings["Sketch"]["DefaultSketch"] = ""
    daemon = begin(bench)
    daemon.wait_quiet()
    assert bench.standin.runs() == []
    assert "default sketch" not in daemon.log()


@pytest.mark.parametrize("make", sketches.BAD, ids=lambda make: make.__name__)
def test_rejected_one_is_an_outcome(bench, shipped, make):
    bad = make("default")
    shipped.ship(bad)
    assert start(bench) == []
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"], outcome["sha256"]) == (
        "rejected", bad.code, bad.sha256)
    push(bench, "a user's")


@pytest.mark.parametrize("keep", [0, 1, 2000], ids=["empty", "one-byte", "half"])
def test_truncated_one_is_an_outcome(bench, shipped, keep):
    """Nobody will write the rest of it: there is nothing to wait for."""
    shipped.ship(sketches.Upload(sketches.good("half").data[:keep]))
    assert start(bench) == []
    assert bench.wait_outcome()["result"] == "rejected"
    push(bench, "a user's")


def test_rejected_one_does_not_replace_what_is_installed(bench, shipped, installed):
    shipped.ship(sketches.not_elf("broken update"))
    assert start(bench) == []
    assert bench.wait_outcome()["result"] == "rejected"
    bench.check_programmed(installed)
    shipped.ship(installed)
    check_start(bench, installed, "unchanged", ["update"])


def test_failed_one_is_tried_again_at_the_next_start(bench, default):
    bench.standin.set_mode("write-failed")
    start(bench)
    assert bench.wait_outcome()["result"] == "failed"
    bench.standin.set_mode("success")
    check_start(bench, default, "programmed", ["update"])
    check_start(bench, default, "unchanged", ["update"])


def test_failed_one_does_not_replace_what_a_user_uploaded_after_it(bench, default):
    bench.standin.set_mode("erase-failed")
    start(bench)
    assert bench.wait_outcome()["result"] == "failed"
    bench.standin.set_mode("success")
    user = push(bench, "a user's")
    check_idle_start(bench, user)


def test_a_hook_may_forbid_it(bench, default):
    folder = bench.make_folder("pre.d")
    hook = os.path.join(folder, "forbid")
    with open(hook, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 1\n")
    os.chmod(hook, 0o755)
    bench.settings["Hooks"] = {"PreDirectory": folder}
    assert start(bench) == []
    assert bench.wait_outcome()["code"] == "hook-failed"
    os.unlink(hook)
    check_start(bench, default, "programmed", ["update"])


# ---- Interrupted --------------------------------------------------------------------------------


@pytest.fixture(params=["connect", "erase", "write", "verify"])
def interrupted(request, bench, default):
    """Killed in the middle of the first start's programming; the next start ended it."""
    bench.standin.set_mode("hang-at-stage", stage=request.param)
    bench.uploads += 1
    daemon = begin(bench)
    daemon.wait_line(f"Job 1: {request.param}")
    bench.kill()
    bench.standin.set_mode("success")
    daemon = begin(bench)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("recovered", default.sha256)
    bench.check_programmed(default)
    daemon.wait_quiet()
    return default


def test_interrupted_one_is_recovered(bench, interrupted):
    check_start(bench, interrupted, "unchanged", ["update"])


def test_recovered_one_does_not_replace_what_a_user_uploaded_after_it(bench, interrupted):
    user = push(bench, "a user's")
    check_idle_start(bench, user)


def test_interrupted_upload_goes_before_it(bench, installed):
    """What was begun for a user is ended, and stays."""
    bench.standin.set_mode("hang-at-stage", stage="verify")
    user = sketches.good("a user's", size=150_000)
    bench.push(adb_push, user)
    bench.daemon.wait_line("Job 2: verify")
    bench.kill()
    bench.standin.set_mode("success")
    begin(bench)
    assert bench.wait_outcome()["result"] == "recovered"
    newest_in_flash(bench, user)
    check_idle_start(bench, user)


def test_lost_note_installs_it_again(bench, installed):
    """The note that it ran is gone, as after a state directory was wiped: it counts as changed."""
    push(bench, "a user's")
    bench.stop()
    os.unlink(os.path.join(bench.state, "default"))
    check_start(bench, installed, "programmed", ["update"])
