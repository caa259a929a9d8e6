"""One flasher a board: who comes second is told who was first, and does no harm."""

import os
import signal

import pytest

from harness import processes, sketches
from harness.daemon import Daemon
from harness.pushes import adb_push
from harness.waiting import wait_for


@pytest.fixture(autouse=True)
def companions():
    """The daemons are ours: no orphan, whichever of the two the bench knows of."""
    yield
    processes.companions.clear()


def end_second(second):
    """Its exit status; it does not outlive the test either way."""
    processes.companions.add(second.pid)
    try:
        return second.wait_end()
    finally:
        second.discard()


def refuse_second(bench, first):
    """Starts another one with the same options, and returns all that it said."""
    processes.companions.add(first.pid)
    second = Daemon(bench, expect_ready=False)
    assert end_second(second) == 1, second.log()
    assert bench.notify.values("READY") == []
    return second.log()


def contents(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[name] = file.read()
        else:
            found[name] = os.path.isdir(path) and contents(path)
    return found


def test_second_says_who_holds_it(bench, daemon):
    said = refuse_second(bench, daemon)
    assert f"{bench.state} is in use by m4flashd (pid {daemon.pid})" in said
    assert daemon.running()


def test_second_touches_nothing(bench, daemon):
    bench.push(adb_push, sketches.good("there"))
    bench.wait_outcome()
    daemon.wait_quiet()
    before = contents(bench.state), contents(bench.runtime), bench.standin.runs()
    refuse_second(bench, daemon)
    assert (contents(bench.state), contents(bench.runtime), bench.standin.runs()) == before
    assert bench.history()[-1]["result"] == "programmed"


def test_first_goes_on_programming(bench, daemon):
    """Its images, its record and its upload are not the second one's to clean up or to recover."""
    upload = sketches.good("running", size=300_000)
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    daemon.wait_openocd()
    images = contents(bench.runtime)
    refuse_second(bench, daemon)
    assert contents(bench.runtime) == images
    bench.standin.open_gate()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    assert bench.standin.runs() == ["update"]


def test_refused_again_and_again(bench, daemon):
    for _ in range(10):
        refuse_second(bench, daemon)
    upload = sketches.good("after all of them")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_killed_one_holds_nothing(bench, daemon):
    """Not even while its OpenOCD, which it had started, dies."""
    upload = sketches.good("killed", size=300_000)
    bench.standin.set_mode("hang-at-stage", stage="verify")
    bench.push(adb_push, upload)
    wait_for(lambda: bench.sketch_in_flash(4096) == upload.image[:4096], "written")
    daemon.signal(signal.SIGKILL)
    assert daemon.wait_end() == -signal.SIGKILL
    bench.standin.set_mode("success")
    bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    bench.check_programmed(upload)


def test_lock_is_given_back_by_a_stop(bench, daemon):
    """The record of the holder stays, and is stale then."""
    bench.restart()
    with open(os.path.join(bench.state, "lock"), encoding="utf-8") as file:
        assert file.read() == f"{bench.daemon.pid} m4flashd\n"


def test_holder_that_cannot_be_read(bench, daemon):
    with open(os.path.join(bench.state, "lock"), "wb") as file:
        file.write(b"\xff\0 garbage")
    assert "is in use by another process" in refuse_second(bench, daemon)


def test_other_boards_are_others(bench, daemon):
    """The lock is of a state directory: two of them, two daemons."""
    processes.companions.add(daemon.pid)
    state, runtime = bench.make_folder("state-2"), bench.make_folder("runtime-2")
    second = Daemon(bench, "--state-dir", state, "--runtime-dir", runtime)
    second.signal(signal.SIGTERM)
    assert end_second(second) == 0, second.log()
