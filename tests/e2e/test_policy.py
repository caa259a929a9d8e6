"""Whose uploads are taken, and how many: what is refused touches nothing, and is told why."""

import os
import re
import time
from datetime import datetime

import pytest

from harness import sketches
from harness.pushes import adb_push, mv
from harness.waiting import wait_for

SOMEBODY = 4711  # no user of this number need exist

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs files of two users")


def start(bench, owners, **more):
    bench.settings["Inbox"] = {"AllowOwners": owners, **more}
    return bench.start()


def push_as(bench, uid, name):
    """An upload that belongs to this user before the daemon can see it."""
    upload = sketches.good(name)
    other = bench.path + ".other"
    with open(other, "wb") as file:
        file.write(upload.data)
        os.fchown(file.fileno(), uid, -1)
    os.rename(other, bench.path)
    bench.uploads += 1
    return upload


def check_rejected(bench, runs=0):
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "owner")
    assert len(bench.standin.runs()) == runs
    return outcome


def check_programmed(bench, upload):
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


# ---- Whose --------------------------------------------------------------------------------------


@needs_root
def test_anyone_by_default(bench, daemon):
    check_programmed(bench, push_as(bench, SOMEBODY, "anyone's"))


@needs_root
def test_nobody_but_those_listed(bench):
    daemon = start(bench, f"root {SOMEBODY}")
    check_programmed(bench, push_as(bench, 0, "root's"))
    mine = push_as(bench, SOMEBODY, "somebody's")
    check_programmed(bench, mine)
    runs = len(bench.standin.runs())
    push_as(bench, SOMEBODY + 1, "a stranger's")
    outcome = check_rejected(bench, runs)
    assert f"user {SOMEBODY + 1}," in outcome["message"]
    assert "AllowOwners=" in outcome["hint"]
    daemon.wait_line("rejected: owner: ")
    bench.check_programmed(mine)


def test_own_uploads_of_whoever_runs_this(bench):
    start(bench, str(os.getuid()))
    upload = sketches.good("one's own")
    bench.push(adb_push, upload)
    check_programmed(bench, upload)


def test_strangers_file_is_not_even_checked(bench):
    """Whatever is in it: it never gets as far as the checker."""
    start(bench, str(os.getuid() + 1))
    upload = sketches.Upload(b"no ELF file")
    bench.push(adb_push, upload)
    assert check_rejected(bench)["sha256"] == upload.sha256


def test_hard_link_to_an_allowed_users_file(bench):
    """Anybody can make one, where the kernel does not forbid it."""
    start(bench, str(os.getuid()))
    upload = sketches.good("not uploaded")
    elsewhere = os.path.join(bench.folder, "own.elf")
    mv(elsewhere, upload.data)
    os.link(elsewhere, bench.path)
    bench.uploads += 1
    assert "second name" in check_rejected(bench)["message"]
    os.unlink(bench.path)
    bench.push(mv, upload)
    check_programmed(bench, upload)


@needs_root
def test_the_file_that_is_read_counts(bench):
    """One name, swapped back and forth: an owner never answers for another's bytes."""
    start(bench, "0")
    bench.uploads = None
    theirs = []
    for number in range(100):
        upload = push_as_either(bench, number)
        if number % 2:
            theirs.append(upload.sha256)
    last = sketches.good("the last")
    adb_push(bench.path, last.data)
    wait_for(lambda: last.sha256 in [e["sha256"] for e in bench.history()], "the last outcome")
    taken = {entry["sha256"] for entry in bench.history() if entry["result"] == "programmed"}
    assert last.sha256 in taken
    assert not taken & set(theirs)


def push_as_either(bench, number):
    bench.uploads = 0
    upload = push_as(bench, SOMEBODY if number % 2 else 0, f"swapped {number}")
    bench.uploads = None
    return upload


@pytest.mark.parametrize("owners", ["nosuchuser", "-1", "4294967295"])
def test_unknown_user_allows_nobody(bench, owners):
    daemon = start(bench, owners)
    place = open(bench.config, encoding="utf-8").read().splitlines().index(f"AllowOwners={owners}") + 1
    assert f"{bench.config}:{place}: [Inbox] AllowOwners=: {owners} is no user's" in daemon.log()
    bench.push(adb_push, sketches.good("refused"))
    check_rejected(bench)


@needs_root
@pytest.mark.parametrize("line", ["AllowOwners={} # only I", "AllowOwner={}", "AllowOwners {}"])
def test_list_that_is_not_understood(bench, line):
    """The service runs, and says whom it still lets in: root."""
    bench.raw_config = f"[Inbox]\n{line.format(SOMEBODY)}\n[Board]\nHealthFile=\n"
    daemon = bench.start()
    assert f"{bench.config}:2: [Inbox] AllowOwners= may have been meant" in daemon.log()
    push_as(bench, SOMEBODY, "kept out")
    check_rejected(bench)
    check_programmed(bench, push_as(bench, 0, "root's"))


def test_unknown_user_among_known_ones(bench):
    daemon = start(bench, f"nosuchuser {os.getuid()}")
    assert "nosuchuser is no user's" in daemon.log()
    upload = sketches.good("taken")
    bench.push(adb_push, upload)
    check_programmed(bench, upload)


def test_default_sketch_needs_no_leave(bench):
    """It is the administrator's, not an upload."""
    upload = sketches.good("built in")
    path = os.path.join(bench.folder, "default.elf")
    mv(path, upload.data)
    bench.settings["Sketch"] = {"DefaultSketch": path}
    bench.uploads += 1
    start(bench, "nosuchuser").idle_descriptors = None  # it is at work already
    check_programmed(bench, upload)


def test_over_the_bus_the_bus_decides(bench, bus):
    bus.start()
    start(bench, "nosuchuser")
    bus.wait_owner()
    upload = sketches.good("handed over")
    bus.program_file(bench, upload)
    check_programmed(bench, upload)


# ---- How many -----------------------------------------------------------------------------------


def start_limited(bench, **limits):
    bench.settings["Limits"] |= limits
    return bench.start()


def push(bench, name, result="programmed", code="ok"):
    upload = sketches.good(name, size=140_000)
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == (result, code), bench.log()
    return upload


def push_and_be_refused(bench, on_chip):
    """Nothing is touched, and when that ends is told. Returns in how many seconds."""
    runs = bench.standin.runs()
    upload = push(bench, "one too many", "failed", "rate-limited")
    outcome = bench.history()[-1]
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)
    assert bench.standin.runs() == runs
    bench.check_programmed(on_chip)
    assert "Programmings" in outcome["hint"]
    until = re.search(r"until (\S+Z), in", outcome["message"])[1]
    return (time_of(until) - time_of(outcome["time"])).total_seconds()


def time_of(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")


def note_programmings(bench, *seconds_ago):
    """As an earlier start would have, so long ago."""
    times = [int((time.time() - ago) * 1000) for ago in seconds_ago]
    with open(os.path.join(bench.state, "programmings"), "w", encoding="ascii") as file:
        file.writelines(f"{msec}\n" for msec in times)


def test_so_many_in_a_minute(bench):
    daemon = start_limited(bench, ProgrammingsPerMinute=2)
    push(bench, "first")
    second = push(bench, "second")
    assert 0 < push_and_be_refused(bench, second) <= 61
    daemon.wait_line("failed: rate-limited: The flash was programmed 2 times in the last minute")


def test_so_many_in_a_day_over_restarts(bench):
    start_limited(bench, ProgrammingsPerDay=2)
    push(bench, "first")
    bench.restart()
    second = push(bench, "second")
    bench.restart()
    assert push_and_be_refused(bench, second) > 23 * 3600
    bench.restart()
    push_and_be_refused(bench, second)


def test_default_limit(bench):
    bench.settings["Limits"] = {}
    note_programmings(bench, *[1] * 5)
    bench.start()
    push_and_be_refused(bench, push(bench, "the sixth"))


def test_what_is_long_ago_does_not_count(bench):
    note_programmings(bench, 24 * 3600, 24 * 3600, 61, 60)
    start_limited(bench, ProgrammingsPerMinute=1, ProgrammingsPerDay=3)
    push_and_be_refused(bench, push(bench, "first"))


def test_clock_that_was_set_back(bench):
    """Nobody is locked out until the time comes that it showed before."""
    note_programmings(bench, -3600, -1_000_000_000)
    start_limited(bench, ProgrammingsPerMinute=1, ProgrammingsPerDay=1)
    push_and_be_refused(bench, push(bench, "first"))


def test_unchanged_wears_nothing(bench):
    start_limited(bench, ProgrammingsPerMinute=2)
    push(bench, "first")
    for _ in range(3):
        push(bench, "first", "unchanged")
    second = push(bench, "second")
    push_and_be_refused(bench, second)


def test_failure_counts_if_the_flash_may_be_worn(bench):
    start_limited(bench, ProgrammingsPerMinute=2)
    first = push(bench, "first")
    bench.standin.set_mode("no-target")
    push(bench, "out of reach", "failed", "no-target")
    bench.standin.set_mode("success")
    bench.standin.fail_once("write-failed")
    push(bench, "fails", "failed", "write-failed")
    assert bench.history()[-1]["restored"]  # which is never one too many
    push_and_be_refused(bench, first)


def test_recovery_is_never_one_too_many(bench):
    daemon = start_limited(bench, ProgrammingsPerMinute=2)
    push(bench, "first")
    bench.standin.close_gate()
    second = sketches.good("second")
    bench.push(adb_push, second)
    daemon.wait_openocd()
    bench.kill()
    bench.standin.open_gate()
    note_programmings(bench, 1, 1, 1)
    bench.start().idle_descriptors = None  # it is at work already
    assert bench.wait_outcome()["result"] == "recovered"
    push_and_be_refused(bench, second)


def test_rollback_is_never_one_too_many_but_counts(bench, bus):
    bus.start()
    start_limited(bench, ProgrammingsPerDay=3)
    bus.wait_owner()
    first = push(bench, "first")
    push(bench, "second")
    for on_chip in (first, sketches.good("second", size=140_000)):
        bench.uploads += 1
        bus.call("Rollback", "a{sv}", "0")
        assert bench.wait_outcome()["result"] == "programmed"
        bench.check_programmed(on_chip)
    push_and_be_refused(bench, on_chip)


def test_uploads_over_the_bus_are_limited(bench, bus):
    bus.start()
    start_limited(bench, ProgrammingsPerDay=1)
    bus.wait_owner()
    first = push(bench, "first")
    bus.program_file(bench, sketches.good("second"))
    assert bench.wait_outcome()["code"] == "rate-limited"
    bench.check_programmed(first)


def test_default_sketch_is_never_one_too_many(bench):
    upload = sketches.good("built in")
    path = os.path.join(bench.folder, "default.elf")
    mv(path, upload.data)
    bench.settings["Sketch"] = {"DefaultSketch": path}
    note_programmings(bench, 1)
    bench.uploads += 1
    start_limited(bench, ProgrammingsPerDay=1).idle_descriptors = None  # it is at work already
    check_programmed(bench, upload)


def test_note_that_is_damaged(bench):
    with open(os.path.join(bench.state, "programmings"), "wb") as file:
        file.write(b"\xff\0" * 100_000)
    daemon = start_limited(bench, ProgrammingsPerDay=1)
    assert "programmings cannot be read" in daemon.log()
    first = push(bench, "first")
    bench.restart()
    push_and_be_refused(bench, first)


def test_no_limit_leaves_no_note(bench, daemon):
    push(bench, "first")
    assert "programmings" not in os.listdir(bench.state)
