"""What is there when the daemon starts, and what happened while it was down."""

import os
import time

import pytest

from harness import pushes, sketches
from harness.pushes import adb_push, mv


@pytest.fixture
def upload():
    return sketches.good("early")


def check_programmed(bench, upload):
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
    bench.check_programmed(upload)


def check_nothing_new(bench):
    """A new upload's outcome shows that the old file got none."""
    bench.daemon.wait_quiet()
    bench.wait_outcomes()
    marker = sketches.good(f"marker {bench.uploads}")
    bench.push(mv, marker)
    check_programmed(bench, marker)


def test_file_that_is_there_counts(bench, upload):
    bench.push(adb_push, upload)
    bench.start()
    check_programmed(bench, upload)


def test_restart_with_the_same_file(bench, daemon, upload):
    bench.push(adb_push, upload)
    check_programmed(bench, upload)
    runs = len(bench.standin.runs())
    daemon = bench.restart()
    daemon.wait_quiet()
    assert len(bench.standin.runs()) == runs
    check_nothing_new(bench)


@pytest.mark.parametrize("make", sketches.BAD[:2], ids=lambda make: make.__name__)
def test_restart_with_a_rejected_file(bench, daemon, make):
    bench.push(adb_push, make("rejected"))
    bench.wait_outcomes()
    bench.restart()
    check_nothing_new(bench)


def test_restart_with_a_file_that_failed(bench, daemon, upload):
    bench.standin.set_mode("verify-failed")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "failed"
    bench.standin.set_mode("success")
    bench.restart()
    check_nothing_new(bench)


def test_restart_with_a_truncated_file(bench, daemon, upload):
    pushes.cp(bench.path, upload.data[:1000])
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "truncated"
    bench.restart()
    check_nothing_new(bench)


def test_restart_with_a_symlink(bench, daemon):
    os.symlink("/etc/shadow", bench.path)
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "not-regular"
    bench.restart()
    bench.daemon.wait_quiet()
    bench.wait_outcomes()


def test_touch_while_down(bench, daemon, upload):
    bench.push(adb_push, upload)
    bench.wait_outcome()
    bench.stop()
    bench.standin.wipe_flash()
    pushes.touch(bench.path)
    bench.uploads += 1
    bench.start()
    check_programmed(bench, upload)


@pytest.mark.parametrize("kind", [adb_push, pushes.cp, mv], ids=lambda kind: kind.__name__)
def test_push_while_down(bench, daemon, upload, kind):
    bench.push(adb_push, sketches.good("before"))
    bench.wait_outcome()
    bench.stop()
    bench.push(kind, upload)
    bench.start()
    check_programmed(bench, upload)


def test_partial_file_at_start_waits_for_its_rest(bench, upload):
    half = len(upload.data) // 2
    pushes.cp(bench.path, upload.data[:half])
    bench.start().wait_quiet()
    with open(bench.path, "ab") as file:
        file.write(upload.data[half:])
    bench.uploads += 1
    check_programmed(bench, upload)


def test_partial_file_at_start_is_truncated_in_the_end(bench, upload):
    pushes.cp(bench.path, upload.data[:-10])
    bench.uploads += 1
    bench.start()
    assert bench.wait_outcome()["code"] == "truncated"


@pytest.mark.parametrize("kind", [adb_push, mv], ids=lambda kind: kind.__name__)
def test_push_while_starting(bench, kind):
    """Whether scan or watch sees it first: one outcome, at every moment of the start."""
    for number in range(25):
        daemon = bench.start(expect_ready=False)
        time.sleep(number / 1000)
        upload = sketches.good(f"starting {number}")
        bench.push(kind, upload)
        check_programmed(bench, upload)
        daemon.wait_ready()
        bench.stop()


def test_push_at_the_moment_of_ready(bench):
    """READY=1 says that nothing is missed from now on."""
    for number in range(10):
        daemon = bench.start(expect_ready=False)
        while "1" not in bench.notify.values("READY"):
            assert daemon.running(), daemon.log()
        upload = sketches.good(f"ready {number}")
        bench.push(mv, upload)
        check_programmed(bench, upload)
        os.unlink(bench.path)
        bench.stop()


def test_history_survives_a_restart(bench, daemon, upload):
    bench.push(adb_push, upload)
    before = bench.wait_outcomes()
    bench.restart()
    bench.push(adb_push, sketches.good("later"))
    after = bench.wait_outcomes()
    assert after[:1] == before
    assert after[1]["id"] > before[0]["id"]


def test_history_that_is_damaged_does_no_harm(bench, upload):
    with open(os.path.join(bench.state, "history.jsonl"), "wb") as file:
        file.write(b'{"id": 7, "time"\n\0\xff\xfe garbage\n[]\n{"id": "x"}\n{"half')
    bench.uploads = None
    daemon = bench.start()
    adb_push(bench.path, upload.data)
    daemon.wait_line("Job 1: programmed|Job 8: programmed")
    bench.check_programmed(upload)
    bench.stop()
    os.unlink(os.path.join(bench.state, "history.jsonl"))
