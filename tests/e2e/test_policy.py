"""Whose uploads are taken, and how many: what is refused touches nothing, and is told why."""

import os

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
    bench.push(adb_push, sketches.Upload(b"no ELF file"))
    assert check_rejected(bench)["sha256"] == ""


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
    start(bench, "nosuchuser")
    check_programmed(bench, upload)


def test_over_the_bus_the_bus_decides(bench, bus):
    bus.start()
    start(bench, "nosuchuser")
    bus.wait_owner()
    upload = sketches.good("handed over")
    bus.program_file(bench, upload)
    check_programmed(bench, upload)
