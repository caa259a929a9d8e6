"""Every way in which an upload arrives: one outcome, and the sketch's bytes on the chip."""

import os

import pytest

from harness import pushes, sketches
from harness.pushes import adb_push, cp, mv
from harness.waiting import wait_for


def mv_from_elsewhere(path, data):
    pushes.mv_from(os.path.dirname(os.path.dirname(path)), path, data)


def hard_link(path, data):
    """Linked into place, as some upload servers finish a file."""
    source = path + ".part"
    cp(source, data)
    if os.path.lexists(path):
        os.unlink(path)
    os.link(source, path)


def adb_push_in_small_writes(path, data):
    adb_push(path, data, piece=512)


KINDS = [
    adb_push, adb_push_in_small_writes, pushes.adb_push_slowly, cp, mv, mv_from_elsewhere,
    hard_link, pushes.append_in_pieces,
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def check_outcome(outcome, upload, result="programmed"):
    assert outcome["result"] == result, outcome
    assert outcome["sha256"] == upload.sha256
    assert outcome["image_sha256"] == upload.image_sha256
    assert outcome["bytes"] == len(upload.data)


@every_kind
def test_first_upload_is_programmed(bench, daemon, kind):
    upload = sketches.good(kind.__name__, size=5000, debug=300_000)
    bench.push(kind, upload)
    check_outcome(bench.wait_outcome(), upload)
    bench.check_programmed(upload)


@every_kind
def test_upload_replaces_an_earlier_one(bench, daemon, kind):
    bench.push(adb_push, sketches.good("earlier", size=200_000, debug=500_000))
    bench.wait_outcome()
    upload = sketches.good(kind.__name__, size=5000)
    bench.push(kind, upload)
    check_outcome(bench.wait_outcome(), upload)
    bench.check_programmed(upload)


@pytest.mark.parametrize("kind", [adb_push, cp, mv], ids=lambda kind: kind.__name__)
def test_ten_in_a_row(bench, daemon, kind):
    ten = [sketches.good(f"{kind.__name__} {number}") for number in range(10)]
    for upload in ten:
        bench.push(kind, upload)
    outcomes = bench.wait_outcomes()
    results = [outcome["result"] for outcome in outcomes]
    # adb unlinks the upload before: one that nobody had read yet looks aborted.
    assert set(results) <= {"programmed", "superseded", "aborted"}, results
    # The one before may have been read as the last, if it was replaced between its event and then.
    last = [o for o in outcomes if o["sha256"] == ten[-1].sha256]
    assert last[-1]["result"] == "programmed"
    bench.check_programmed(ten[-1])


def test_touch_programs_again(bench, daemon):
    upload = sketches.good("touched")
    bench.push(adb_push, upload)
    bench.wait_outcome()
    for _ in range(3):
        bench.standin.wipe_flash()
        pushes.touch(bench.path)
        bench.uploads += 1
        check_outcome(bench.wait_outcome(), upload)
        bench.check_programmed(upload)


def test_same_bytes_pushed_again_are_another_upload(bench, daemon):
    upload = sketches.good("twice")
    bench.push(adb_push, upload)
    check_outcome(bench.wait_outcome(), upload)
    bench.push(adb_push, upload)
    check_outcome(bench.wait_outcome(), upload, "unchanged")


def test_whole_flash_window(bench, daemon):
    upload = sketches.good("as big as can be", size=sketches.FLASH_SIZE, debug=3_000_000)
    bench.push(adb_push, upload)
    check_outcome(bench.wait_outcome(), upload)
    bench.check_programmed(upload)


def test_debug_sections_of_thirty_megabytes(bench, daemon):
    upload = sketches.good("much to tell", size=300_000, debug=30_000_000)
    bench.push(adb_push, upload)
    check_outcome(bench.wait_outcome(), upload)
    bench.check_programmed(upload)


def test_other_names_in_the_inbox_do_not_matter(bench, daemon):
    for name in ["m4-user-sketch.elf.part", "m4-user-sketch.bin", ".m4-user-sketch.elf", "other"]:
        adb_push(os.path.join(bench.inbox, name), sketches.good(name).data)
        cp(os.path.join(bench.inbox, name), b"")
    upload = sketches.good("the one")
    bench.push(adb_push, upload)
    check_outcome(bench.wait_outcome(), upload)


def test_deleting_a_finished_upload_changes_nothing(bench, daemon):
    upload = sketches.good("deleted later")
    bench.push(adb_push, upload)
    bench.wait_outcome()
    os.unlink(bench.path)
    bench.push(adb_push, upload)
    check_outcome(bench.wait_outcome(), upload, "unchanged")


@pytest.mark.parametrize("make", sketches.BAD, ids=lambda make: make.__name__)
def test_bad_upload_is_rejected_and_the_chip_left_alone(bench, daemon, make):
    kept = sketches.good("kept")
    bench.push(adb_push, kept)
    bench.wait_outcome()
    runs = len(bench.standin.runs())
    upload = make("bad")
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", upload.code)
    assert outcome["sha256"] == upload.sha256
    assert outcome["bytes"] == len(upload.data)
    assert len(bench.standin.runs()) == runs
    bench.check_programmed(kept)


def test_outcome_lines(bench, daemon):
    """The lines that people read, exactly: a front-end may look for them."""
    bench.push(adb_push, sketches.good("told of"))
    programmed = bench.wait_outcome()
    bench.push(adb_push, sketches.never_starts("told of"))
    rejected = bench.wait_outcome()
    wait_for(lambda: len(daemon.outcome_lines()) == 2, daemon.log)
    assert f"Job {programmed['id']}: programmed: {programmed['message']}" in daemon.lines
    assert (
        f"Job {rejected['id']}: rejected: stack-pointer: {rejected['message']}"
        f" Hint: {rejected['hint']}"
    ) in daemon.lines
