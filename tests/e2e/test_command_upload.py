"""m4flash upload on the board: checked first, handed over, followed to its outcome."""

import os
import re

import pytest

from harness import sketches
from harness.bus import OPEN, opened
from harness.command import Command, check, run
from harness.pushes import adb_push

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def upload(bench):
    """Writes an upload to a file, and returns the arguments that hand it over."""

    def write(what, *options, name="sketch.elf", counted=True):
        bench.uploads += counted
        with opened(bench, what.data, name) as file:
            os.chmod(file.name, 0o644)
            return ["upload", "--board", "portenta-x8", file.name, *options]

    return write


def test_programmed(bench, on_bus, upload):
    sketch = sketches.good("handed over", size=300_000)
    command = check(bench, 0, ("programmed", "ok", 1), *upload(sketch))
    assert command.out[-2] == f"Job 1: programmed: {bench.history()[0]['message']}"
    assert command.err == []
    bench.check_programmed(sketch)


def test_steps(bench, on_bus, upload):
    """A line for each step where there is no terminal, each with what is known by then."""
    bench.standin.set_mode("success", delay=0.5)
    bench.standin.close_gate()
    command = Command(bench, *upload(sketches.good("slow", size=300_000)))
    command.wait_line("^Job 1: programming, 292 KiB, 3 sectors$")
    bench.standin.open_gate()
    assert (command.wait(), command.last()) == (0, ("programmed", "ok", 1)), command.said()
    steps = "\n".join(command.out)
    assert re.search("Job 1: write, [0-9]+% of 292 KiB, 3 sectors", steps), steps
    assert len(set(command.out)) == len(command.out), steps


def test_time_left(bench, on_bus, upload):
    """Estimated from how long it took before."""
    sketch = sketches.good("slow")
    bench.standin.set_mode("success", delay=0.5)
    check(bench, 0, ("programmed", "ok", 1), *upload(sketch))
    command = check(bench, 0, ("programmed", "ok", 2), *upload(sketch, "--force"))
    assert any(" s left" in line for line in command.out), command.said()


def test_unchanged_and_forced(bench, on_bus, upload):
    sketch = sketches.good("again")
    check(bench, 0, ("programmed", "ok", 1), *upload(sketch))
    check(bench, 0, ("unchanged", "ok", 2), *upload(sketch))
    check(bench, 0, ("programmed", "ok", 3), *upload(sketch, "--force"))


def test_failed(bench, on_bus, upload):
    bench.standin.set_mode("verify-failed")
    command = check(bench, 1, ("failed", "verify-failed", 1), *upload(sketches.good("fails")))
    assert command.out[-3].startswith("Job 1: failed: verify-failed: The flash does not hold")
    assert command.out[-2].startswith("  Upload again")


def test_refused_before_it_is_sent(bench, on_bus, upload):
    arguments = upload(sketches.not_elf("no sketch"), counted=False)
    command = check(bench, 1, ("rejected", "not-elf", 0), *arguments)
    assert command.out[0].startswith(f"{arguments[3]}: rejected: not-elf: ")
    assert command.out[1].startswith("  Upload the .elf file of the build")
    assert bench.history() == []


def test_refused_without_a_service(bench, upload):
    check(bench, 1, ("rejected", "not-elf", 0), *upload(sketches.not_elf("x"), counted=False))


def test_two_at_once(bench, on_bus, upload):
    """Each follows his own."""
    bench.standin.close_gate()
    commands = []
    for number in (1, 2, 3):
        arguments = upload(sketches.good(number), name=f"{number}.elf")
        commands.append(Command(bench, *arguments))
        on_bus.wait_line(f"Job {number}: accepted")
        if number == 1:
            on_bus.wait_openocd()
    assert (commands[1].wait(), commands[1].last()) == (1, ("superseded", "superseded", 2))
    bench.standin.open_gate()
    assert (commands[0].wait(), commands[0].last()) == (0, ("programmed", "ok", 1))
    assert (commands[2].wait(), commands[2].last()) == (0, ("programmed", "ok", 3))


def test_same_sketch_as_another_upload(bench, on_bus, upload):
    """It is the job that counts: who handed it over first does not get the second one's outcome."""
    sketch = sketches.good("the same")
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    first = Command(bench, *upload(sketch))
    on_bus.wait_line("Job 2: accepted")
    second = Command(bench, *upload(sketch))
    on_bus.wait_line("Job 3: accepted")
    assert (first.wait(), first.last()) == (1, ("superseded", "superseded", 2))
    bench.standin.open_gate()
    assert (second.wait(), second.last()) == (0, ("programmed", "ok", 3))


def test_timeout(bench, on_bus, upload):
    bench.standin.close_gate()
    check(bench, 3, ("timeout", "no-outcome", 1), *upload(sketches.good("slow"), "-t", "200ms"))
    bench.standin.open_gate()
    assert bench.wait_outcome()["result"] == "programmed"


def test_daemon_killed_and_restarted(bench, on_bus, upload):
    bench.standin.close_gate()
    command = Command(bench, *upload(sketches.good("interrupted")))
    on_bus.wait_openocd()
    on_bus.wait_quiet()
    bench.kill()
    command.wait_line("The service has stopped; waiting for its next start.")
    bench.standin.open_gate()
    bench.start()
    assert (command.wait(), command.last()) == (0, ("recovered", "ok", 1)), command.said()


def test_daemon_killed_before_it_was_on_record(bench, on_bus, upload):
    """Nobody will ever end that job: that is said, and not waited for."""
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    command = Command(bench, *upload(sketches.good("lost"), counted=False))
    command.wait_line("Job 2: waiting for its turn")
    bench.kill()
    command.wait_line("The service has stopped")
    bench.standin.open_gate()
    bench.start()
    assert (command.wait(), command.last()) == (2, ("error", "lost", 2)), command.said()


def test_daemon_stopped_before_its_turn(bench, on_bus, upload):
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    command = Command(bench, *upload(sketches.good("waiting")))
    command.wait_line("Job 2: waiting for its turn")
    on_bus.signal(15)
    assert (command.wait(), command.last()) == (1, ("aborted", "stopped", 2)), command.said()
    bench.standin.open_gate()
    assert on_bus.wait_end() == 0


def test_json(bench, on_bus, upload):
    status, command = run(bench, *upload(sketches.good("as JSON"), "--json"))
    assert (status, command.objects()[-1]) == (0, bench.history()[0])
    assert command.err == []
    arguments = upload(sketches.not_elf("no sketch"), "--json", counted=False)
    status, command = run(bench, *arguments)
    (told,) = command.objects()
    assert (status, told["id"], told["result"], told["code"]) == (1, 0, "rejected", "not-elf")
    assert told["hint"].startswith("Upload the .elf file of the build")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("policy", ["ours", "open"])
def test_not_permitted(bench, bus, upload, policy):
    bus.start(**({"policy": OPEN} if policy == "open" else {}))
    bench.start()
    bus.wait_owner()
    arguments = upload(sketches.good("not for you"), counted=False)
    command = check(bench, 2, ("error", "not-permitted", 0), *arguments, prefix=NOBODY)
    assert command.err[0] == "m4flash: This is for root and the members of the group m4flash."
    assert bench.history() == []


def test_no_bus_and_no_service(bench, bus, upload):
    arguments = upload(sketches.good("nowhere"), counted=False)
    check(bench, 2, ("error", "no-bus", 0), *arguments)
    bus.start()
    check(bench, 2, ("error", "no-service", 0), *arguments)


def test_service_is_stopping(bench, on_bus, upload):
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    on_bus.signal(15)
    on_bus.wait_line("Stopping")
    command = check(
        bench, 2, ("error", "refused", 0), *upload(sketches.good("late"), counted=False))
    assert "The service is stopping" in command.err[0]
    bench.standin.open_gate()
    assert on_bus.wait_end() == 0


def test_no_file_and_no_board(bench, upload):
    command = check(bench, 2, ("error", "no-file", 0), "upload", "--board=portenta-x8", "/nowhere")
    assert command.err == ["m4flash: /nowhere: No such file or directory"]
    arguments = upload(sketches.good("x"), "--board", "unheard-of", counted=False)
    command = check(bench, 2, ("error", "no-board", 0), *arguments)
    assert "unheard-of" in command.said()


@pytest.mark.parametrize("arguments, reason", [
    ([], "a FILE is missing"),
    (["a", "b"], "one FILE at a time"),
    (["--adb", "--ssh", "x", "a"], "one is enough"),
    (["--adb", "--force", "a"], "--force is for the board itself"),
    (["--ssh", "x", "-f", "a"], "--force is for the board itself"),
    (["--ssh", "-oProxyCommand=x", "a"], "no board has a name like that"),
    (["--adb=-x", "a"], "no board has a name like that"),
    (["--adb=", "a"], "no board has a name like that"),
    (["--adb", "x", "a", "b"], "one FILE at a time"),
    (["--timeout", "x", "a"], "--timeout needs a time"),
    (["--nonsense"], "unrecognized option")])
def test_usage(bench, arguments, reason):
    status, command = run(bench, "upload", *arguments)
    assert (status, command.out) == (2, [])
    assert reason in command.err[0]
    assert command.err[-1] == "Try 'm4flash upload --help'."
