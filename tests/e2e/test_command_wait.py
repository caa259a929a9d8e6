"""m4flash wait: the true outcome of one upload among others, whenever it is asked for."""

import os
import signal

import pytest

from harness import sketches
from harness.bus import opened
from harness.command import Command, check, run
from harness.pushes import adb_push, cp
from harness.waiting import wait_for

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NO_DIGEST = "0" * 64


def wait_args(upload, *more):
    return ["wait", "--timeout", "60", "--sha256", upload.sha256, *more]


# ---- When it is asked for -----------------------------------------------------------------------


def test_ended_before(bench, on_bus):
    upload = sketches.good("before")
    bench.push(adb_push, upload)
    bench.wait_outcomes()
    command = check(bench, 0, ("programmed", "ok", 1), *wait_args(upload))
    assert command.out[0] == f"Job 1: programmed: {bench.history()[0]['message']}"
    assert command.err == []


def test_ended_before_a_restart(bench, bus, on_bus):
    upload = sketches.not_elf("before")
    bench.push(adb_push, upload)
    bench.wait_outcomes()
    bench.restart()
    bus.wait_owner()
    check(bench, 1, ("rejected", "not-elf", 1), *wait_args(upload))


def test_never_checked(bench, bus):
    """It ended before a checker has told its digest."""
    bus.start()
    bench.settings["Inbox"] = {"AllowOwners": os.getuid() + 1}
    bench.start()
    bus.wait_owner()
    upload = sketches.good("a stranger's")
    bench.push(adb_push, upload)
    check(bench, 1, ("rejected", "owner", 1), *wait_args(upload))


def test_right_after_the_push(bench, on_bus):
    """However quick: no race between the upload's end and the question."""
    for number in range(30):
        upload = sketches.good(number)
        bench.push(adb_push, upload)
        check(bench, 0, ("programmed", "ok", number + 1), *wait_args(upload))


def test_under_way(bench, on_bus):
    upload = sketches.good("slow")
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    on_bus.wait_openocd()
    command = Command(bench, *wait_args(upload, "--follow"))
    command.wait_line("^Job 1: programming|^Job 1: connect")
    bench.standin.open_gate()
    assert (command.wait(), command.last()) == (0, ("programmed", "ok", 1)), command.said()


def test_to_come(bench, on_bus):
    other, upload = sketches.good("another"), sketches.good("to come")
    bench.push(adb_push, other)
    bench.wait_outcomes()
    command = Command(bench, *wait_args(upload))
    wait_for(lambda: os.listdir(f"/proc/{command.process.pid}/fd"), "it started")
    bench.push(adb_push, upload)
    assert (command.wait(), command.last()) == (0, ("programmed", "ok", 2)), command.said()


def test_file(bench, on_bus):
    upload = sketches.good("as a file")
    bench.push(adb_push, upload)
    with opened(bench, upload.data) as file:
        check(bench, 0, ("programmed", "ok", 1), "wait", file.name)
    check(bench, 2, ("error", "no-file", 0), "wait", "/nowhere/sketch.elf")


# ---- Whose it is --------------------------------------------------------------------------------


def test_two_at_once(bench, on_bus):
    """Each gets his own outcome: the first is programmed, the one in between gives way."""
    bench.standin.close_gate()
    uploads = [sketches.good(name) for name in ("first", "second", "third")]
    bench.push(adb_push, uploads[0])
    on_bus.wait_openocd()
    commands = [Command(bench, *wait_args(upload)) for upload in uploads]
    for number, upload in enumerate(uploads[1:], start=2):
        bench.push(adb_push, upload)
        on_bus.wait_line(f"Job {number}: accepted")
    assert (commands[1].wait(), commands[1].last()) == (1, ("superseded", "superseded", 2))
    bench.standin.open_gate()
    assert (commands[0].wait(), commands[0].last()) == (0, ("programmed", "ok", 1))
    assert (commands[2].wait(), commands[2].last()) == (0, ("programmed", "ok", 3))


def test_same_digest_twice(bench, on_bus):
    """What the last of them became, not what the first did."""
    upload = sketches.good("twice")
    bench.standin.fail_once("write-failed")
    bench.push(adb_push, upload)
    bench.wait_outcomes()
    check(bench, 1, ("failed", "write-failed", 1), *wait_args(upload))
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    on_bus.wait_openocd()
    command = Command(bench, *wait_args(upload, "--follow"))
    command.wait_line("^Job 2: ")
    bench.standin.open_gate()
    assert (command.wait(), command.last()) == (0, ("programmed", "ok", 2)), command.said()


def test_newest_is_not_read_yet(bench, bus):
    """A job whose digest is not known yet may be the one: the old outcome is not told for it."""
    gate, checker = os.path.join(bench.folder, "check"), os.path.join(bench.folder, "checker")
    with open(checker, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.02; done\n"
                   f"exec {os.environ['M4FLASH_CHECKER']}\n")
    os.chmod(checker, 0o755)
    upload = sketches.good("twice")
    bus.start()
    bench.start()
    bus.wait_owner()
    bench.push(adb_push, upload)
    bench.wait_outcomes()
    daemon = bench.restart(env={"M4FLASH_CHECKER": checker})
    bus.wait_owner()
    bench.push(adb_push, upload)
    daemon.wait_checking()
    check(bench, 3, ("timeout", "no-outcome", 0), "wait", "-t", "0", "-s", upload.sha256)
    os.close(os.open(gate, os.O_CREAT))
    check(bench, 0, ("unchanged", "ok", 2), *wait_args(upload))


# ---- What else it may end with ------------------------------------------------------------------


def test_timeout_without_upload(bench, on_bus):
    command = check(bench, 3, ("timeout", "no-outcome", 0), "wait", "-t", "100ms", "-s", NO_DIGEST)
    assert "No upload with this digest has come" in command.out[0]


def test_timeout_of_a_job(bench, on_bus):
    upload = sketches.good("slow")
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    on_bus.wait_openocd()
    on_bus.wait_quiet()
    command = check(bench, 3, ("timeout", "no-outcome", 1), "wait", "-t", "0", "-s", upload.sha256)
    assert "it goes on all the same" in command.out[0]
    bench.standin.open_gate()
    check(bench, 0, ("programmed", "ok", 1), *wait_args(upload))


def follow_until_killed(bench, on_bus):
    """A command that follows a job whose daemon was killed in the middle."""
    upload = sketches.good("interrupted")
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    on_bus.wait_openocd()
    on_bus.wait_quiet()
    command = Command(bench, *wait_args(upload, "--follow"))
    command.wait_line("^Job 1: ")
    bench.kill()
    command.wait_line("The service has stopped; waiting for its next start.")
    bench.standin.open_gate()
    return command


def test_daemon_restarted(bench, bus, on_bus):
    """Killed in the middle: the next start brings it to its end, and that is what is told."""
    command = follow_until_killed(bench, on_bus)
    bench.start()
    assert (command.wait(), command.last()) == (0, ("recovered", "ok", 1)), command.said()


def test_outcome_that_was_never_told(bench, bus, on_bus):
    """It ended while the service was not on the bus: the history has it."""
    command = follow_until_killed(bench, on_bus)
    bench.start(env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    bench.wait_outcomes()
    bench.restart()
    assert (command.wait(), command.last()) == (0, ("recovered", "ok", 1)), command.said()


def test_bus_gone(bench, bus, on_bus):
    upload = sketches.good("slow")
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    on_bus.wait_openocd()
    command = Command(bench, *wait_args(upload, "--follow"))
    command.wait_line("^Job 1: ")
    bus.kill()
    assert (command.wait(), command.last()) == (2, ("error", "no-bus", 1)), command.said()
    bench.standin.open_gate()


def test_service_does_not_answer(bench, bus, on_bus):
    """Though there is a bus, and somebody with that name."""
    on_bus.pause()
    command = check(bench, 2, ("error", "no-answer", 0), "wait", "-t", "1", "-s", NO_DIGEST)
    assert "does not answer" in command.said()
    on_bus.resume()


@pytest.mark.parametrize("arguments", [
    ["wait", "-s", NO_DIGEST], ["status"], ["status", "--follow"], ["cancel"]])
def test_no_bus(bench, daemon, arguments):
    command = check(bench, 2, ("error", "no-bus", 0), *arguments)
    assert "m4flash: The system bus cannot be reached: No such file or directory." in command.err
    assert "systemctl status dbus" in command.err[1]


@pytest.mark.parametrize("arguments", [
    ["wait", "-s", NO_DIGEST], ["status"], ["status", "--follow"], ["cancel"]])
def test_no_service(bench, bus, arguments):
    bus.start()
    command = check(bench, 2, ("error", "no-service", 0), *arguments)
    assert "m4flash: The service does not run" in command.err[0]
    assert "systemctl start monitor-m4-elf-file.service" in command.err[1]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_anybody(bench, on_bus):
    upload = sketches.good("asked for by anybody")
    bench.push(adb_push, upload)
    check(bench, 0, ("programmed", "ok", 1), *wait_args(upload), prefix=NOBODY)


# ---- Forms --------------------------------------------------------------------------------------


def test_json(bench, on_bus):
    upload = sketches.good("as JSON", size=300_000)
    bench.push(adb_push, upload)
    bench.wait_outcomes()
    status, command = run(bench, *wait_args(upload, "--json"))
    assert (status, command.objects()) == (0, bench.history())
    status, command = run(bench, "wait", "-t", "0", "-s", NO_DIGEST, "--json")
    assert (status, command.objects()[0]["result"]) == (3, "timeout")


def test_json_of_an_error(bench):
    status, command = run(bench, "wait", "-s", NO_DIGEST, "--json")
    told = command.objects()
    assert (status, len(told), told[0]["id"]) == (2, 1, 0)
    assert (told[0]["result"], told[0]["code"]) == ("error", "no-bus")
    assert "cannot be reached" in told[0]["message"]


def test_json_progress(bench, on_bus):
    """A line for each step, and the entry last."""
    upload = sketches.good("as JSON", size=300_000)
    bench.standin.close_gate()
    bench.push(cp, upload)
    on_bus.wait_openocd()
    command = Command(bench, *wait_args(upload, "--json", "--follow"))
    command.wait_line('"programming"')
    bench.standin.open_gate()
    assert command.wait() == 0
    *steps, last = command.objects()
    assert last == bench.history()[0]
    assert {step["id"] for step in steps} == {1}
    assert not any("result" in step for step in steps)
    assert {step["state"] for step in steps} <= {"receiving", "checking", "waiting", "programming"}
    assert any(step["sha256"] == upload.sha256 for step in steps)


@pytest.mark.parametrize("arguments, reason", [
    ([], "either a FILE or --sha256"),
    (["a", "b"], "either a FILE or --sha256"),
    (["--sha256", NO_DIGEST, "a"], "either a FILE or --sha256"),
    (["--sha256", "0" * 63], "64 hexadecimal digits"),
    (["--sha256", "g" * 64], "64 hexadecimal digits"),
    (["--timeout", "soon", "a"], "--timeout needs a time"),
    (["--nonsense"], "unrecognized option")])
def test_usage(bench, arguments, reason):
    status, command = run(bench, "wait", *arguments)
    assert (status, command.out) == (2, [])
    assert reason in command.err[0]
    assert command.err[-1] == "Try 'm4flash wait --help'."


def test_interrupted(bench, on_bus):
    """Ctrl-C ends the waiting, not the job."""
    command = Command(bench, "wait", "-s", NO_DIGEST)
    wait_for(lambda: os.listdir(f"/proc/{command.process.pid}/fd"), "it started")
    command.process.send_signal(signal.SIGINT)
    assert command.wait() == -signal.SIGINT
