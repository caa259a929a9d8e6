"""Uploads that stop short: they wait for their rest, or for their deletion, or are truncated."""

import os
import time

import pytest

from harness import pushes, sketches
from harness.pushes import adb_push, cp, mv

PATIENCE = 2.0  # seconds that the daemon waits for the rest of a partial file


@pytest.fixture
def upload():
    return sketches.good("in parts", size=20_000, debug=600_000)


def push_half(bench, upload, share=0.5):
    cp(bench.path, upload.data[: int(len(upload.data) * share)])


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0001, 0.99], ids=str)
def test_partial_upload_is_truncated_after_its_patience(bench, daemon, upload, share):
    begun = time.monotonic()
    push_half(bench, upload, share)
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "truncated")
    assert time.monotonic() - begun >= PATIENCE
    assert bench.standin.runs() == []


def test_one_byte_short(bench, daemon, upload):
    cp(bench.path, upload.data[:-1])
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "truncated"


def test_empty_file(bench, daemon):
    cp(bench.path, b"")
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "empty")
    assert outcome["bytes"] == 0


def test_patience_begins_anew_with_each_write(bench, daemon, upload):
    """Writes without a close: more than its patience in all, less between any two."""
    half = len(upload.data) // 2
    push_half(bench, upload)
    with open(bench.path, "ab", buffering=0) as file:
        for start in range(half, len(upload.data), half // 5 + 1):
            time.sleep(PATIENCE * 0.4)
            assert bench.history() == []
            file.write(upload.data[start : start + half // 5 + 1])
    bench.uploads += 1
    assert bench.wait_outcome()["sha256"] == upload.sha256
    bench.check_programmed(upload)


def test_rest_that_comes_in_time_completes_it(bench, daemon, upload):
    bench.push(pushes.append_in_pieces, upload, pieces=6, pause=0.4)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
    bench.check_programmed(upload)


def test_slow_push_has_one_outcome(bench, daemon, upload):
    """Several times its patience: a file that is open for writing is nobody's partial file."""
    bench.push(pushes.adb_push_slowly, upload, seconds=6)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)


def test_push_that_stalls_has_one_outcome(bench, daemon, upload):
    """One pause longer than its patience, with the file held open."""
    bench.push(adb_push, upload, piece=len(upload.data) - 1000, pause=PATIENCE + 1)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)


@pytest.mark.parametrize("share", [0.5, 0.0], ids=["half", "nothing"])
def test_aborted_push(bench, daemon, upload, share):
    bench.push(pushes.adb_push_aborted, upload, share=share)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("aborted", "deleted")
    assert bench.standin.runs() == []


def test_aborted_push_whose_deletion_comes_late(bench, daemon, upload):
    push_half(bench, upload)
    bench.uploads += 1
    time.sleep(PATIENCE * 0.4)
    os.unlink(bench.path)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("aborted", "deleted")


def test_push_after_an_aborted_one(bench, daemon, upload):
    bench.push(pushes.adb_push_aborted, upload)
    bench.push(adb_push, upload)
    first, second = bench.wait_outcomes()
    assert first["result"] in ("aborted", "superseded")
    assert (second["result"], second["sha256"]) == ("programmed", upload.sha256)


@pytest.mark.parametrize("kind, result", [
    (cp, "superseded"), (mv, "superseded"), (adb_push, "aborted"),
], ids=["cp", "mv", "adb_push"])
def test_other_upload_takes_the_place_of_a_partial_one(bench, daemon, upload, kind, result):
    """adb deletes the partial one first, which looks like the end of an aborted push."""
    push_half(bench, upload)
    bench.uploads += 1
    daemon.wait_quiet()
    other = sketches.good("other")
    bench.push(kind, other)
    found = {o["result"]: o for o in bench.wait_outcomes()}
    assert set(found) == {result, "programmed"}
    assert found["programmed"]["sha256"] == other.sha256


def test_partial_upload_whose_folder_goes_is_aborted(bench, daemon, upload):
    push_half(bench, upload)
    bench.uploads += 1
    daemon.wait_quiet()
    os.unlink(bench.path)
    os.rmdir(bench.inbox)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("aborted", "deleted")
    os.mkdir(bench.inbox)
