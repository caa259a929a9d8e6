"""Every way in which OpenOCD or the chip can fail: the right code, a chip that is let run again,
and a next upload that succeeds without anybody's help.
"""

import os
import signal

import pytest

from harness import processes, sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

# mode of the stand-in: outcome code
BEFORE_CONNECT = {
    "no-adapter-open": "no-adapter",
    "no-adapter-mmap": "no-adapter",
    "no-target": "no-target",
    "no-target-ones": "no-target",
    "no-target-zeroes": "no-target",
    "halt-timeout": "halt-timeout",
}
# The procedure itself lets the chip run again: it lives to do so.
RELEASED_BY_PROCEDURE = {
    "erase-failed": "erase-failed",
    "write-protected": "erase-failed",
    "write-failed": "write-failed",
    "verify-failed": "verify-failed",
    "missing-bank": "internal",
}
# The procedure cannot: it needs a run of its own.
NEEDS_RELEASE = {"crash": "openocd-crashed", "crash-signal": "openocd-crashed"}
STAGES_AFTER_CONNECT = ["erase", "write", "verify", "reset"]


def push_and_fail(bench, code):
    upload = sketches.good("fails", size=300_000)
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("failed", code)
    assert outcome["hint"]
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)


def check_next_push(bench):
    bench.standin.set_mode("success")
    upload = sketches.good("next", size=150_000)
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


@pytest.mark.parametrize("mode, code", BEFORE_CONNECT.items(), ids=BEFORE_CONNECT)
def test_chip_out_of_reach(bench, daemon, mode, code):
    bench.standin.set_mode(mode)
    push_and_fail(bench, code)
    check_next_push(bench)


@pytest.mark.parametrize("mode, code", RELEASED_BY_PROCEDURE.items(), ids=RELEASED_BY_PROCEDURE)
def test_chip_is_released_by_the_procedure(bench, daemon, mode, code):
    bench.standin.set_mode(mode)
    push_and_fail(bench, code)
    assert bench.standin.runs() == ["update"]
    check_next_push(bench)


@pytest.mark.parametrize("sector", [0, 2])
def test_failing_sector(bench, daemon, sector):
    bench.standin.set_mode("write-failed", sector=sector)
    push_and_fail(bench, "write-failed")
    check_next_push(bench)


@pytest.mark.parametrize("mode, code", NEEDS_RELEASE.items(), ids=NEEDS_RELEASE)
def test_chip_is_released_by_a_second_run(bench, daemon, mode, code):
    bench.standin.set_mode(mode)
    push_and_fail(bench, code)
    assert bench.standin.runs() == ["update", "release"]
    check_next_push(bench)


def test_release_that_fails_too(bench, daemon):
    bench.standin.set_mode("crash", release="no-target")
    push_and_fail(bench, "openocd-crashed")
    check_next_push(bench)


def test_release_that_hangs(bench):
    bench.settings["OpenOCD"]["TimeoutSec"] = "1"
    bench.start()
    bench.standin.set_mode("crash", release="hang")
    push_and_fail(bench, "openocd-crashed")
    check_next_push(bench)


def test_exit_0_proves_nothing(bench, daemon):
    bench.standin.set_mode("exit-0-without-done")
    push_and_fail(bench, "internal")
    check_next_push(bench)


def test_openocd_that_does_not_exist(bench):
    bench.program = os.path.join(bench.folder, "no-such-openocd")
    bench.start()
    push_and_fail(bench, "openocd-missing")
    os.symlink(bench.standin.program, bench.program)
    check_next_push(bench)


def test_openocd_that_is_no_program(bench):
    bench.program = os.path.join(bench.folder, "not-a-program")
    with open(bench.program, "w", encoding="utf-8") as file:
        file.write("hello\n")
    os.chmod(bench.program, 0o755)
    bench.start()
    push_and_fail(bench, "openocd-missing")


def test_openocd_configuration_that_does_not_exist(bench, daemon):
    os.unlink(bench.standin.control)
    push_and_fail(bench, "internal")
    check_next_push(bench)


# ---- Time runs out ------------------------------------------------------------------------------


@pytest.fixture
def impatient(bench):
    bench.settings["OpenOCD"]["TimeoutSec"] = "1"
    return bench.start()


def test_hang_before_connecting(bench, impatient):
    bench.standin.set_mode("hang")
    push_and_fail(bench, "timeout")
    check_next_push(bench)


@pytest.mark.parametrize("stage", STAGES_AFTER_CONNECT)
def test_hang_with_a_halted_chip(bench, impatient, stage):
    bench.standin.set_mode("hang-at-stage", stage=stage)
    push_and_fail(bench, "timeout")
    assert bench.standin.runs() == ["update", "release"]
    check_next_push(bench)


def test_hang_ends_the_whole_process_group(bench, impatient):
    """The gate is a shell that waits for its own children, over and over."""
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("hangs"))
    group = processes.process_group(impatient.wait_openocd())
    assert group not in (None, os.getpgid(0), os.getpgid(impatient.pid))
    assert bench.wait_outcome()["code"] == "timeout"
    wait_for(lambda: not processes.reap(impatient.pid) and not processes.group_exists(group),
             "the group gone")
    bench.standin.open_gate()
    check_next_push(bench)


def test_silence_is_no_failure(bench, daemon):
    bench.standin.set_mode("silence", silence=2)
    upload = sketches.good("quiet")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


# ---- Output -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["split", "flood", "forged"])
def test_nuisance_on_stderr(bench, daemon, mode):
    before = processes.resident_kib(daemon.pid)
    bench.standin.set_mode(mode)
    upload = sketches.good(mode, size=300_000)
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    assert processes.resident_kib(daemon.pid) - before < 32 * 1024


def test_descendant_that_keeps_the_output_open(bench, daemon):
    """It left the group and will not end: its pipe must not hold up the outcome."""
    bench.standin.set_mode("grandchild", grandchild=600)
    upload = sketches.good("leaves a child")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    for pid in processes.children(os.getpid()):
        if processes.command_line(pid)[1:] == ["600"]:
            os.kill(pid, signal.SIGKILL)


# ---- The bridge ---------------------------------------------------------------------------------


def test_bridge_that_does_not_come_back(bench):
    """The sketch is on the chip; that the bridge is dead is told, and a second reset was tried."""
    bench.settings["Board"]["HealthFile"] = os.path.join(bench.folder, "version")
    bench.settings["Board"]["HealthTimeoutSec"] = "1"
    bench.start()
    upload = sketches.good("bridge is gone")
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("programmed", "no-health")
    assert outcome["healthy"] is False and outcome["hint"]
    assert bench.standin.runs() == ["update", "release"]
    bench.check_programmed(upload)


def test_bridge_that_is_back(bench):
    bench.settings["Board"]["HealthFile"] = os.path.join(bench.folder, "version")
    with open(os.path.join(bench.folder, "version"), "w", encoding="utf-8") as file:
        file.write("0.0.6\n")
    bench.start()
    check_next_push(bench)


def test_bridge_that_takes_its_time(bench):
    path = os.path.join(bench.folder, "version")
    bench.settings["Board"]["HealthFile"] = path
    daemon = bench.start()
    upload = sketches.good("slow bridge")
    bench.push(adb_push, upload)
    wait_for(lambda: bench.sketch_in_flash(len(upload.image)) == upload.image, daemon.log)
    wait_for(lambda: not daemon.workers(), daemon.log)
    with open(path, "w", encoding="utf-8") as file:
        file.write("0.0.6\n")
    assert bench.wait_outcome()["result"] == "programmed"
