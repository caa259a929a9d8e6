"""The daemon's end: asked for, insisted on, or violent."""

import os
import signal
import time

import pytest

from harness import processes, sketches
from harness.pushes import OLD_TIME, adb_push, cp, touch
from harness.waiting import wait_for


@pytest.fixture
def running(bench, daemon):
    upload = sketches.good("running", size=300_000)
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    daemon.wait_openocd()
    return upload


def test_sigterm_when_idle(bench, daemon):
    bench.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_running_programming_ends(bench, daemon, running, number):
    openocd = daemon.wait_openocd()
    daemon.signal(number)
    daemon.wait_quiet()
    assert daemon.running() and processes.state(openocd) is not None
    bench.standin.open_gate()
    assert daemon.wait_end() == 0
    assert [o["result"] for o in bench.history()] == ["programmed"]
    bench.check_programmed(running)


def give_up(bench, daemon):
    """Stops it in the middle of a programming, by asking twice."""
    group = processes.process_group(daemon.wait_openocd())
    daemon.signal(signal.SIGTERM)
    daemon.wait_quiet()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_end() == 0
    wait_for(lambda: not processes.reap() and not processes.group_exists(group), "group gone")
    assert os.listdir(bench.runtime) == []
    bench.standin.open_gate()


def test_second_sigterm_gives_up_at_once(bench, daemon, running):
    """A record is left, and the next start ends what was begun."""
    give_up(bench, daemon)
    assert bench.history() == []
    bench.start()
    check_recovered(bench, running)


def test_second_sigterm_when_the_file_is_gone(bench, daemon, running):
    os.unlink(bench.path)
    give_up(bench, daemon)
    bench.start()
    check_recovered(bench, running)


def check_recovered(bench, upload):
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("recovered", "ok")
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)
    bench.check_programmed(upload)


def test_waiting_one_whose_file_is_gone_ends_with_the_daemon(bench, daemon, running):
    """No later start could do anything about it."""
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    daemon.wait_quiet()
    os.unlink(bench.path)
    daemon.signal(signal.SIGTERM)
    bench.standin.open_gate()
    assert daemon.wait_end() == 0
    results = {o["sha256"]: (o["result"], o["code"]) for o in bench.history()}
    assert results == {running.sha256: ("programmed", "ok"), waiting.sha256: ("aborted", "stopped")}


def test_waiting_one_is_not_lost_by_a_stop(bench, daemon, running):
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    daemon.wait_quiet()
    daemon.signal(signal.SIGTERM)
    bench.standin.open_gate()
    assert daemon.wait_end() == 0
    assert [o["sha256"] for o in bench.history()] == [running.sha256]
    bench.start()
    assert bench.wait_outcome()["sha256"] == waiting.sha256
    bench.check_programmed(waiting)


def test_partial_one_is_not_lost_by_a_stop(bench, daemon):
    upload = sketches.good("in two parts", debug=100_000)
    cp(bench.path, upload.data[:50_000])
    daemon.wait_quiet()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_end() == 0
    assert bench.history() == []
    with open(bench.path, "ab") as file:
        file.write(upload.data[50_000:])
    bench.uploads += 1
    bench.start()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_openocd_dies_with_the_daemon(bench, daemon, running):
    """It would hold the pins of the chip against the next daemon's OpenOCD."""
    openocd = daemon.wait_openocd()
    daemon.signal(signal.SIGKILL)
    assert daemon.wait_end() == -signal.SIGKILL
    wait_for(lambda: not processes.reap(), lambda: processes.state(openocd))
    assert bench.history() == []
    bench.standin.open_gate()
    bench.start()
    check_recovered(bench, running)
    assert os.listdir(bench.runtime) == ["control"]


def test_openocd_that_writes_dies_with_the_daemon(bench, daemon):
    """In the middle of its work, not before it; then a restart completes what was begun."""
    bench.standin.set_mode("hang-at-stage", stage="verify")
    upload = sketches.good("half done")
    bench.push(adb_push, upload)
    wait_for(lambda: bench.sketch_in_flash(4096) == upload.image, "written")
    bench.kill()
    bench.standin.wipe_flash()
    bench.standin.set_mode("success")
    bench.start()
    check_recovered(bench, upload)


def test_killed_at_any_moment(bench):
    """The next daemon ends what this one began, and history stays whole."""
    for number in range(25):
        upload = sketches.good(f"survivor {number}", size=100_000)
        bench.push(adb_push, upload)
        bench.start(expect_ready=False)
        time.sleep(number * 0.012)
        bench.kill()
        bench.history()
        daemon = bench.start()
        assert bench.wait_outcome()["result"] in ("programmed", "recovered")
        bench.check_programmed(upload)
        daemon.wait_quiet()
        bench.stop()


def test_announced_again_while_it_waits(bench, daemon, running):
    """The first of two jobs of one and the same file gives way; that does not end the second."""
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    daemon.wait_line("Job 2: accepted")
    os.close(os.open(bench.path, os.O_WRONLY))  # closed after writing, and nothing is different
    bench.uploads += 1
    daemon.wait_line("Job 3: accepted")
    daemon.wait_line("Job 2: superseded")
    bench.kill()
    bench.standin.open_gate()
    bench.start()
    outcomes = bench.wait_outcomes()
    assert [(o["result"], o["sha256"]) for o in outcomes] == [
        ("superseded", waiting.sha256), ("recovered", running.sha256),
        ("programmed", waiting.sha256)]
    bench.check_programmed(waiting)


def test_time_stamps_while_it_stops(bench, daemon):
    """adb sets them last: the next start knows the file all the same. A touch is another upload."""
    upload = sketches.good("pushed")
    bench.standin.close_gate()
    bench.push(adb_push, upload, utime=False)
    daemon.wait_openocd()
    daemon.signal(signal.SIGTERM)
    daemon.wait_line("Stopping")
    os.utime(bench.path, (OLD_TIME, OLD_TIME))
    bench.standin.open_gate()
    assert daemon.wait_end() == 0
    bench.start().wait_quiet()
    assert [o["result"] for o in bench.wait_outcomes()] == ["programmed"]


def test_touch_while_it_stops(bench, daemon, running):
    daemon.signal(signal.SIGTERM)
    daemon.wait_line("Stopping")
    touch(bench.path)
    bench.uploads += 1
    bench.standin.open_gate()
    assert daemon.wait_end() == 0
    bench.start()
    assert len(bench.wait_outcomes()) == 2
