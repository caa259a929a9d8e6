"""What systemd hears: READY, STATUS, WATCHDOG, STOPPING."""

import os

from harness import sketches
from harness.pushes import adb_push, cp
from harness.waiting import wait_for


def test_ready_once(bench, daemon):
    bench.push(adb_push, sketches.good("one"))
    bench.wait_outcomes()
    bench.stop()
    assert bench.notify.values("READY") == ["1"]
    assert bench.notify.values("STOPPING") == ["1"]


def test_ready_comes_when_the_first_look_is_done(bench):
    """A file that is there at the start is already an upload when READY=1 is sent."""
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("early"))
    daemon = bench.start()
    daemon.wait_openocd()
    bench.standin.open_gate()
    bench.wait_outcomes()


def test_status_follows_the_job(bench, daemon):
    bench.notify.wait("STATUS", lambda text: bench.path in text)
    bench.standin.set_mode("success", delay=0.2)
    bench.push(adb_push, sketches.good("watched", size=600_000))
    bench.wait_outcomes()
    wait_for(lambda: bench.path in bench.notify.values("STATUS")[-1], "idle again")
    told = bench.notify.values("STATUS")
    for part in ("programming: erase", "programming: write", "verify"):
        assert any(part in text for text in told), (part, told)
    shares = [text for text in told if "% written" in text]
    assert len(set(shares)) > 3, shares
    assert all(one != next_one for one, next_one in zip(told, told[1:])), told


def test_status_of_a_partial_upload(bench, daemon):
    upload = sketches.good("partial", debug=10_000)
    cp(bench.path, upload.data[:5000])
    bench.notify.wait("STATUS", lambda text: "waiting for the rest" in text)
    os.unlink(bench.path)
    bench.uploads += 1
    assert bench.wait_outcome()["result"] == "aborted"
    wait_for(lambda: bench.path in bench.notify.values("STATUS")[-1], "idle again")


def test_watchdog_is_fed_while_idle_and_while_programming(bench):
    daemon = bench.start(env={"WATCHDOG_USEC": "400000"})
    pings = lambda: len(bench.notify.values("WATCHDOG"))  # noqa: E731
    wait_for(lambda: pings() >= 3, "three pings")
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("long"))
    daemon.wait_openocd()
    before = pings()
    wait_for(lambda: pings() >= before + 3, "three pings more")
    bench.standin.open_gate()
    bench.wait_outcomes()


def test_no_watchdog_unless_asked_for(bench, daemon):
    bench.push(adb_push, sketches.good("one"))
    bench.wait_outcomes()
    assert bench.notify.values("WATCHDOG") == []


def test_works_without_a_service_manager(bench):
    daemon = bench.start(env={"NOTIFY_SOCKET": ""}, expect_ready=False)
    daemon.wait_line("Ready")
    bench.push(adb_push, sketches.good("alone"))
    assert bench.wait_outcome()["result"] == "programmed"
