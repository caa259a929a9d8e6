"""The checker processes: one waits for the next upload whenever nothing is under way, and the chip is
not changed before the one at work has ended well.
"""

import os
import signal

import pytest

from harness import processes, sketches
from harness.checkers import checkers, stop_checker, wait_checker
from harness.daemon import CHECKER
from harness.pushes import ADB_PIECE, adb_open, adb_push, adb_push_aborted, cp, mv, write_all
from harness.waiting import wait_for

UPLOAD = sketches.good("checked", size=150_000, debug=500_000)


def wait_at_rest(daemon):
    """Nothing is under way, and one checker waits: its pid."""
    def look():
        waiting = wait_checker(daemon)
        return waiting if processes.children(daemon.pid) == [waiting] else None

    return wait_for(look, "no child of the daemon but a checker")


def wait_no_child(daemon):
    wait_for(lambda: not processes.children(daemon.pid), "no child of the daemon")


@pytest.fixture
def half(bench, daemon):
    """A descriptor to which half of UPLOAD has been written."""
    fd = adb_open(bench.path)
    write_all(fd, UPLOAD.data[: len(UPLOAD.data) // 2], ADB_PIECE)
    return fd


def complete(bench, fd):
    write_all(fd, UPLOAD.data[len(UPLOAD.data) // 2 :], ADB_PIECE)
    os.close(fd)
    bench.uploads += 1


def check_programmed(bench):
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", UPLOAD.sha256)
    bench.check_programmed(UPLOAD)


# ---- Ready when it is needed --------------------------------------------------------------------


def test_waits_for_the_upload(bench, daemon):
    waiting = wait_at_rest(daemon)
    assert not [t for t in processes.descriptors(waiting).values() if "m4flash-upload" in t]
    bench.push(adb_push, UPLOAD)
    check_programmed(bench)
    assert wait_at_rest(daemon) != waiting


def test_waits_after_each_kind_of_end(bench, daemon):
    last = wait_at_rest(daemon)
    for kind in (adb_push, cp, mv):
        for upload in (sketches.good(kind.__name__), sketches.BAD[0](kind.__name__)):
            bench.push(kind, upload)
            bench.wait_outcomes()
            last, before = wait_at_rest(daemon), last
            assert last != before


def test_deleted_upload_leaves_it_waiting(bench, daemon, half):
    waiting = wait_at_rest(daemon)
    os.close(half)
    os.unlink(bench.path)
    bench.uploads += 1
    assert bench.wait_outcome()["result"] == "aborted"
    bench.push(adb_push, UPLOAD)
    check_programmed(bench)
    assert wait_at_rest(daemon) != waiting


def test_ends_with_the_daemon(daemon):
    waiting = wait_at_rest(daemon)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_end() == 0
    assert processes.state(waiting) is None


def test_one_waits_at_most(bench, daemon):
    """While another one may be at work."""
    most = 0
    for number in range(30):
        kind = [adb_push, cp, adb_push_aborted][number % 3]
        bench.push(kind, sketches.good(f"number {number}", debug=200_000))
        most = max(most, len(checkers(daemon)))
    bench.wait_outcomes()
    assert most <= 2
    wait_at_rest(daemon)


# ---- Lost while it waits ------------------------------------------------------------------------


def kill(daemon, pid):
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pid not in processes.children(daemon.pid), "its end")


def test_killed_while_it_waits(bench, daemon, half):
    kill(daemon, wait_checker(daemon))
    complete(bench, half)
    check_programmed(bench)
    wait_at_rest(daemon)


def test_killed_at_rest(bench, daemon):
    """It is replaced when it is missed: what has ended it may end the next one too."""
    kill(daemon, wait_at_rest(daemon))
    bench.push(adb_push, UPLOAD)
    check_programmed(bench)
    wait_at_rest(daemon)


def test_killed_before_it_takes_the_upload(bench, daemon, half):
    """The upload was given to it, and did nothing to it."""
    pid = stop_checker(daemon)
    complete(bench, half)

    def has_been_given():
        """A snapshot is the daemon's until the verdict."""
        return any("m4flash-upload" in t for t in processes.descriptors(daemon.pid).values())

    wait_for(lambda: has_been_given() and processes.state(daemon.pid) == "S", "a snapshot")
    os.kill(pid, signal.SIGKILL)
    check_programmed(bench)
    wait_at_rest(daemon)


def test_one_that_cannot_be_started(bench):
    """Neither ahead of need nor at need."""
    daemon = bench.start(env={"M4FLASH_CHECKER": "/bin/false"})
    bench.push(adb_push, UPLOAD)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("failed", "internal")
    wait_no_child(daemon)


# ---- Its end ------------------------------------------------------------------------------------


@pytest.fixture
def gate(bench):
    """While this file is there no checker ends, though it has said all that it has to say."""
    path = os.path.join(bench.folder, "checker-gate")
    with open(path, "x", encoding="utf-8"):
        pass
    return path


def start_with_status(bench, gate, status):
    """A daemon whose checkers end at the gate with this exit status."""
    script = os.path.join(bench.folder, "checker")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{CHECKER}\nwhile [ -e {gate} ]; do sleep 0.02; done\n"
                   f"exit {status}\n")
    os.chmod(script, 0o755)
    return bench.start(env={"M4FLASH_CHECKER": script})


def wait_connected(bench):
    """OpenOCD has been started, and knows of the chip."""
    wait_for(lambda: bench.standin.runs(), "a run of OpenOCD")


def assert_untouched(bench):
    assert set(bench.sketch_in_flash(sketches.FLASH_SIZE)) == {0xFF}


def test_connects_beside_it(bench, gate):
    start_with_status(bench, gate, 0)
    bench.push(adb_push, UPLOAD)
    wait_connected(bench)
    assert_untouched(bench)
    assert bench.history() == []
    os.unlink(gate)
    check_programmed(bench)


def test_chip_is_not_changed_if_it_fails_in_the_end(bench, gate):
    daemon = start_with_status(bench, gate, 1)
    bench.push(adb_push, UPLOAD)
    wait_connected(bench)
    os.unlink(gate)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("failed", "internal")
    assert outcome["sha256"] == UPLOAD.sha256
    assert outcome["image_sha256"] == UPLOAD.image_sha256
    assert_untouched(bench)
    assert sorted(os.listdir(bench.state)) == ["history.jsonl", "lock"]
    daemon.wait_quiet()
    assert bench.standin.log()[-1]["event"] == "end"  # by itself: nobody killed it
    assert not any("left halted" in line for line in daemon.lines)


def test_failing_one_spoils_nothing_for_the_next(bench, gate):
    daemon = start_with_status(bench, gate, '"$(cat $0.status)"')
    status = os.path.join(bench.folder, "checker.status")
    os.unlink(gate)
    for number, expected in enumerate([0, 1, 0, 1, 1, 0]):
        with open(status, "w", encoding="utf-8") as file:
            file.write(str(expected))
        upload = sketches.good(f"number {number}")
        bench.push(adb_push, upload)
        outcome = bench.wait_outcome()
        assert outcome["result"] == ("failed" if expected else "programmed")
        if not expected:
            bench.check_programmed(upload)
    daemon.wait_quiet()


def test_stopped_while_it_is_awaited(bench, gate):
    """A programming that began is left to end."""
    daemon = start_with_status(bench, gate, 0)
    bench.push(adb_push, UPLOAD)
    wait_connected(bench)
    daemon.signal(signal.SIGTERM)
    daemon.wait_line("Stopping")
    os.unlink(gate)
    assert daemon.wait_end() == 0
    check_programmed(bench)


def test_upload_behind_one_that_is_awaited(bench, gate):
    """The second one is checked when the first one's checker has ended."""
    start_with_status(bench, gate, 0)
    bench.push(adb_push, sketches.good("first"))
    wait_connected(bench)
    bench.push(adb_push, UPLOAD)
    os.unlink(gate)
    assert [o["result"] for o in bench.wait_outcomes()] == ["programmed"] * 2
    check_programmed(bench)
