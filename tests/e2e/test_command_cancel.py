"""m4flash cancel: before the chip is touched, and only by who may."""

import os

import pytest

from harness import sketches
from harness.bus import OPEN
from harness.command import Command, check, run
from harness.pushes import adb_push

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def waiting(bench, on_bus):
    """Job 1 is being programmed, job 2 waits for its turn."""
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    upload = sketches.good("waiting")
    bench.push(adb_push, upload)
    on_bus.wait_line("Job 2: accepted")
    on_bus.wait_quiet()
    yield upload
    bench.standin.open_gate()


def test_cancel(bench, waiting):
    follower = Command(bench, "wait", "-s", waiting.sha256, "--follow")
    follower.wait_line("Job 2: waiting for its turn")
    command = check(bench, 0, ("aborted", "cancelled", 2), "cancel", "2")
    assert command.out[0].startswith("Job 2: aborted: It was cancelled on request")
    assert (follower.wait(), follower.last()) == (1, ("aborted", "cancelled", 2))


def test_json(bench, waiting):
    status, command = run(bench, "cancel", "--json", "2")
    assert (status, command.objects()) == (0, bench.history())


def test_too_late(bench, waiting):
    command = check(bench, 1, ("error", "refused", 1), "cancel", "1")
    assert "Job 1 is being programmed: broken off, it would leave" in command.err[0]


def test_no_such_job(bench, on_bus):
    command = check(bench, 1, ("error", "refused", 7), "cancel", "7")
    assert "No job 7 is under way; it may have ended already." in command.err[0]


def test_which(bench, waiting):
    """Without a number there must be no doubt."""
    command = check(bench, 1, ("error", "refused", 0), "cancel")
    assert command.err == ["m4flash: Several jobs are under way: 1 2.",
                           "  Say which: m4flash cancel ID"]
    assert bench.history() == []


def test_the_only_one(bench, on_bus):
    command = check(bench, 1, ("error", "refused", 0), "cancel")
    assert command.err == ["m4flash: No job is under way."]
    bench.standin.set_mode("no-target")
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    check(bench, 1, ("error", "refused", 1), "cancel")
    bench.standin.open_gate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("policy", ["ours", "open"])
def test_not_permitted(bench, bus, policy):
    bus.start(**({"policy": OPEN} if policy == "open" else {}))
    bench.start()
    bus.wait_owner()
    command = check(bench, 2, ("error", "not-permitted", 1), "cancel", "1", prefix=NOBODY)
    assert command.err == ["m4flash: This is for root and the members of the group m4flash.",
                           "  Try again with sudo, or become a member of it."]


@pytest.mark.parametrize("arguments, reason", [
    (["0"], "a job's number is needed"), (["-1"], "invalid option"),
    (["two"], "a job's number is needed"), (["1x"], "a job's number is needed"),
    (["99999999999999999999"], "a job's number is needed"), (["1", "2"], "an argument too many")])
def test_usage(bench, arguments, reason):
    status, command = run(bench, "cancel", *arguments)
    assert (status, command.out) == (2, [])
    assert reason in command.err[0]
