"""Nothing lost: after a failure, a crash or on a bad disk the chip holds a whole sketch wherever
there is one to be had, and where there is none the daemon waits and does not loop.
"""

import os
import subprocess

import pytest

from harness import sketches
from harness.pushes import OLD_TIME, adb_push, touch
from harness.waiting import wait_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
AFTER_ERASE = ["erase-failed", "write-failed", "verify-failed", "crash"]
OUT_OF_REACH = ["no-adapter-open", "no-target", "halt-timeout"]
ATTEMPTS = 3


def push(bench, stamp, result="programmed", code="ok"):
    upload = sketches.good(stamp, size=140_000)
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == (result, code), bench.log()
    if result == "programmed":
        bench.check_programmed(upload)
    return upload


def push_and_fail(bench, stamp, code, restored):
    upload = push(bench, stamp, "failed", code)
    assert bench.history()[-1]["restored"] is restored
    return upload


def idle_start(bench):
    """A start with nothing to do; its daemon."""
    if bench.daemon:
        bench.daemon.wait_quiet()
        bench.stop()
    runs = bench.standin.runs()
    daemon = bench.start()
    daemon.wait_quiet()
    bench.wait_outcomes()
    assert bench.standin.runs() == runs
    return daemon


def kept(bench):
    return {"installed", "previous", "pending", "intent"} & set(os.listdir(bench.state))


@pytest.fixture
def old(bench, daemon):
    """What is installed."""
    upload = push(bench, "old")
    daemon.wait_quiet()
    assert kept(bench) == {"installed"}
    return upload


# ---- A failure after an erase -------------------------------------------------------------------


@pytest.mark.parametrize("mode", AFTER_ERASE)
def test_installed_one_is_put_back(bench, old, mode):
    code = "openocd-crashed" if mode == "crash" else mode
    bench.standin.fail_once(mode)
    push_and_fail(bench, "new", code, restored=True)
    bench.check_programmed(old)
    release = ["release"] if mode == "crash" else []
    assert bench.standin.runs() == ["update", "update", *release, "program"]
    assert "put back" in bench.history()[-1]["message"]
    bench.daemon.wait_quiet()
    assert kept(bench) == {"installed"}
    idle_start(bench)
    push(bench, "newer")


def test_hanging_one_is_put_back(bench):
    bench.settings["OpenOCD"]["TimeoutSec"] = "2"
    bench.start()
    old = push(bench, "old")
    bench.standin.fail_once("hang-at-stage", stage="write")
    push_and_fail(bench, "new", "timeout", restored=True)
    bench.check_programmed(old)
    push(bench, "newer")


def test_nothing_is_put_back_before_an_erase(bench, old):
    """The chip has never stopped holding it."""
    bench.standin.set_mode("missing-bank")
    push_and_fail(bench, "new", "internal", restored=False)
    assert bench.standin.runs() == ["update"] * 2
    bench.standin.set_mode("success")
    bench.check_programmed(old)
    idle_start(bench)


def test_failing_way_back_is_told_and_tried_at_the_next_start(bench, old):
    bench.standin.set_mode("write-failed")
    push_and_fail(bench, "new", "write-failed", restored=False)
    bench.daemon.wait_line("holds no whole sketch")
    assert "no sketch now" in bench.history()[-1]["message"]
    bench.standin.set_mode("success")
    bench.daemon.wait_quiet()
    bench.stop()
    bench.uploads += 1
    bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    bench.check_programmed(old)
    idle_start(bench)


def test_way_back_can_be_turned_off(bench):
    bench.settings["Sketch"] = {"RestoreOnFailure": "no"}
    bench.start()
    old = push(bench, "old")
    bench.standin.fail_once("write-failed")
    push_and_fail(bench, "new", "write-failed", restored=False)
    assert bench.standin.runs() == ["update"] * 2
    assert bench.sketch_in_flash(4) != old.image[:4]
    bench.daemon.wait_line("holds no whole sketch")
    idle_start(bench).wait_line("holds no whole sketch")
    bench.standin.set_mode("success")
    push(bench, "old")


def test_same_image_is_not_put_back(bench, old):
    """What is wrong with the chip then, the same bytes do not mend."""
    bench.standin.wipe_flash()
    bench.standin.set_mode("write-failed")
    push_and_fail(bench, "old", "write-failed", restored=False)
    assert bench.standin.runs() == ["update"] * 2
    bench.standin.set_mode("success")
    idle_start(bench)
    push(bench, "old")


def test_first_upload_that_fails_leaves_nothing_and_no_loop(bench, daemon):
    bench.standin.set_mode("write-failed")
    push_and_fail(bench, "first", "write-failed", restored=False)
    daemon.wait_line("holds no whole sketch.*upload one")
    bench.standin.set_mode("success")
    for _ in range(2):
        idle_start(bench).wait_line("holds no whole sketch.*upload one")
    push(bench, "second")
    bench.daemon.wait_quiet()
    assert kept(bench) == {"installed"}
    assert "no whole sketch" not in idle_start(bench).log()


def test_many_failures_in_a_row(bench, old):
    for number in range(4):
        bench.standin.fail_once(AFTER_ERASE[number])
        upload = sketches.good(f"fails {number}")
        bench.push(adb_push, upload)
        assert bench.wait_outcome()["restored"] is True
        bench.check_programmed(old)
    assert bench.standin.runs().count("update") == 1 + 4
    assert bench.standin.runs().count("program") == 4


# ---- A chip out of reach ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", OUT_OF_REACH)
def test_connecting_is_tried_three_times(bench, old, mode):
    code = "no-adapter" if mode.startswith("no-adapter") else mode
    bench.standin.set_mode(mode)
    push_and_fail(bench, "new", code, restored=False)
    assert bench.standin.runs() == ["update"] * (1 + ATTEMPTS)
    bench.check_programmed(old)
    bench.daemon.wait_quiet()
    assert kept(bench) == {"installed"}
    bench.standin.set_mode("success")
    idle_start(bench)


@pytest.mark.parametrize("failures", [1, 2])
def test_chip_that_is_back_in_time(bench, daemon, failures):
    bench.standin.set_mode("no-target", fail_runs=failures)
    push(bench, "in the end")
    assert bench.standin.runs() == ["update"] * (failures + 1)
    assert len(bench.history()) == 1


def test_stop_between_two_tries(bench, daemon):
    """Programming is begun, so it ends first: one outcome, of the last try."""
    bench.standin.set_mode("no-target", fail_runs=1)
    upload = sketches.good("stopped")
    bench.push(adb_push, upload)
    daemon.wait_line("cannot read IDR")
    bench.stop()
    assert [entry["result"] for entry in bench.history()] == ["programmed"]
    bench.check_programmed(upload)


# ---- Killed again and again ---------------------------------------------------------------------


def kill_in(bench, stage, job):
    bench.daemon.wait_line(f"Job {job}: {stage}$")
    bench.kill()


def start_held_up(bench):
    """The start of a daemon whose OpenOCD hangs: there is no idle state to wait for."""
    return bench.start(expect_ready=False)


def interrupt(bench, upload, stage, job):
    """One programming and as many recoveries as there are, each of them killed."""
    bench.standin.set_mode("hang-at-stage", stage=stage)
    bench.push(adb_push, upload)
    kill_in(bench, stage, job)
    for _ in range(ATTEMPTS):
        start_held_up(bench)
        kill_in(bench, stage, job)


@pytest.mark.parametrize("stage", ["connect", "erase", "verify"])
def test_killed_three_times_falls_back(bench, old, stage):
    interrupt(bench, sketches.good("new", size=200_000), stage, job=2)
    assert len(bench.history()) == 1
    bench.standin.set_mode("success")
    daemon = bench.start()
    outcome = bench.wait_outcome()
    assert (outcome["id"], outcome["result"], outcome["code"]) == (2, "recovered", "ok")
    assert "sketch before it was put back" in outcome["message"]
    bench.check_programmed(old)
    daemon.wait_quiet()
    assert kept(bench) == {"installed"}
    idle_start(bench)
    push(bench, "newer")


@pytest.mark.parametrize("kills", [1, 2])
def test_killed_less_often_is_completed(bench, old, kills):
    upload = sketches.good("new", size=140_000)
    bench.standin.set_mode("hang-at-stage", stage="write")
    bench.push(adb_push, upload)
    kill_in(bench, "write", 2)
    for _ in range(kills):
        start_held_up(bench)
        kill_in(bench, "write", 2)
    bench.standin.set_mode("success")
    daemon = bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    bench.check_programmed(upload)
    daemon.wait_quiet()
    assert kept(bench) == {"installed", "previous"}


def test_file_is_known_again_by_the_time_that_adb_set_late(bench, old):
    """OpenOCD may be at work already when adb sets the time: the record of it follows."""
    upload = sketches.good("new", size=140_000)
    bench.standin.set_mode("hang-at-stage", stage="write")
    bench.push(adb_push, upload, utime=False)
    bench.daemon.wait_line("Job 2: write$")
    os.utime(bench.path, (OLD_TIME, OLD_TIME))

    def noted():
        with open(os.path.join(bench.state, "intent"), "rb") as file:
            return f":{OLD_TIME}000000000:".encode() in file.read()

    wait_for(noted, "the new time on record")
    bench.kill()
    bench.standin.set_mode("success")
    daemon = bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    daemon.wait_quiet()
    assert [entry["result"] for entry in bench.history()] == ["programmed", "recovered"]


def test_killed_without_an_installed_one_gives_up(bench, daemon):
    interrupt(bench, sketches.good("first", size=140_000), "erase", job=1)
    bench.standin.set_mode("success")
    runs = bench.standin.runs()
    daemon = bench.start()
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"], outcome["restored"]) == (
        "failed", "interrupted", False)
    daemon.wait_line("holds no whole sketch.*upload one")
    assert bench.standin.runs() == runs
    idle_start(bench)
    push(bench, "second")


def test_given_up_one_is_named(bench, daemon):
    upload = sketches.good("first", size=140_000)
    interrupt(bench, upload, "erase", job=1)
    bench.start()
    outcome = bench.wait_outcome()
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)


def test_killed_in_the_fallback_too_gives_up(bench, old):
    interrupt(bench, sketches.good("new", size=140_000), "erase", job=2)
    for _ in range(ATTEMPTS):
        start_held_up(bench)
        kill_in(bench, "erase", 2)
    bench.standin.set_mode("success")
    runs = bench.standin.runs()
    bench.start()
    outcome = bench.wait_outcome()
    assert (outcome["id"], outcome["code"]) == (2, "interrupted")
    assert bench.standin.runs() == runs
    idle_start(bench)
    push(bench, "newer")


def test_killed_while_putting_back(bench, old):
    """The record says by then that the old one is wanted: it is not the new one's turn again."""
    bench.standin.fail_once("verify-failed", delay=0.3)
    bench.push(adb_push, sketches.good("new", size=140_000))
    bench.daemon.wait_line("putting back the sketch before it")
    bench.daemon.wait_openocd()
    bench.kill()
    bench.standin.set_mode("success")
    bench.start()
    outcome = bench.wait_outcome()
    assert (outcome["id"], outcome["result"]) == (2, "recovered")
    bench.check_programmed(old)
    idle_start(bench)


def test_recovery_that_fails_three_times_falls_back(bench, old):
    """Without a kill: OpenOCD itself fails, in one start."""
    bench.standin.set_mode("hang-at-stage", stage="erase")
    bench.push(adb_push, sketches.good("new", size=140_000))
    kill_in(bench, "erase", 2)
    done = len(bench.standin.runs())
    bench.standin.set_mode("write-failed", fail_runs=done + ATTEMPTS)
    bench.start(expect_ready=False)
    outcome = bench.wait_outcome()
    assert (outcome["id"], outcome["result"], outcome["restored"]) == (2, "failed", True)
    bench.check_programmed(old)
    assert len(bench.standin.runs()) == done + ATTEMPTS + 1
    bench.daemon.wait_line("Job 2: failed: ")
    idle_start(bench)


# ---- Known again --------------------------------------------------------------------------------


def kill_before_time_stamps(bench):
    """adb's, which it sets last."""
    upload = sketches.good("pushed", size=140_000)
    bench.standin.set_mode("hang-at-stage", stage="write")
    bench.push(adb_push, upload, utime=False)
    kill_in(bench, "write", 2)
    bench.standin.set_mode("success")
    return upload


def outcomes_after_start(bench):
    bench.start().wait_quiet()
    return [outcome["result"] for outcome in bench.wait_outcomes()]


def test_time_stamps_after_a_kill(bench, old):
    upload = kill_before_time_stamps(bench)
    os.utime(bench.path, (OLD_TIME, OLD_TIME))
    assert outcomes_after_start(bench) == ["programmed", "recovered"]
    bench.check_programmed(upload)
    idle_start(bench)


def test_touch_after_a_kill(bench, old):
    """It asks for the sketch once more."""
    upload = kill_before_time_stamps(bench)
    touch(bench.path)
    bench.uploads += 1
    assert len(outcomes_after_start(bench)) == 3
    bench.check_programmed(upload)


def test_another_upload_after_a_kill(bench, old):
    """In the same file, of the same size, and with time stamps that adb could have set."""
    kill_before_time_stamps(bench)
    newer = sketches.good("newer", size=140_000)
    with open(bench.path, "r+b") as file:
        file.write(newer.data)
    os.utime(bench.path, (OLD_TIME, OLD_TIME))
    bench.uploads += 1
    assert len(outcomes_after_start(bench)) == 3
    bench.check_programmed(newer)


# ---- A bad disk ---------------------------------------------------------------------------------


class Disk:
    """The state folder as a small file system of its own."""

    def __init__(self, bench):
        self.bench, self.path = bench, bench.state
        self.mount("-t", "tmpfs", "-o", "size=4m,mode=700", "m4flash-test", self.path)

    @staticmethod
    def mount(*arguments):
        if subprocess.run(["mount", *arguments], check=False).returncode != 0:
            pytest.skip("nothing can be mounted here")

    def make_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.path], check=True)

    def make_writable(self):
        subprocess.run(["mount", "-o", "remount,rw", self.path], check=True)

    def fill(self):
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as file:
            piece = bytes(65536)
            try:
                while file.write(piece) > 0:
                    pass
            except OSError:
                pass

    def clear(self):
        os.unlink(os.path.join(self.path, "filler"))

    def make_read_only_while_down(self):
        """A file system with a file open for writing stays writable: the lock is one."""
        self.bench.stop()
        self.make_read_only()
        self.bench.start()

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture
def disk(bench):
    volume = Disk(bench)
    yield volume
    if bench.daemon:
        bench.daemon.discard()
    volume.unmount()


SPOILT = {"read-only": (Disk.make_read_only, Disk.make_writable), "full": (Disk.fill, Disk.clear)}
every_disk = pytest.mark.parametrize("spoil, mend", SPOILT.values(), ids=SPOILT)


def push_unrecorded(bench, stamp):
    """Its outcome is in no history: the line is all there is."""
    upload = sketches.good(stamp, size=140_000)
    daemon = bench.daemon
    told = len(daemon.outcome_lines())
    adb_push(bench.path, upload.data)

    def look():
        assert daemon.running(), f"ended with {daemon.status()}: {daemon.log()}"
        return daemon.outcome_lines()[told:]

    assert wait_for(look, daemon.log)[0][1] == "programmed"
    bench.check_programmed(upload)
    return upload


@needs_root
@every_disk
def test_bad_disk_from_the_start(bench, disk, spoil, mend):
    bench.uploads = None
    spoil(disk)
    daemon = bench.start()
    push_unrecorded(bench, "first")
    daemon.wait_line("not protected against a power cut")
    push_unrecorded(bench, "second")
    daemon.wait_quiet()
    mend(disk)
    last = push_unrecorded(bench, "third")
    daemon.wait_quiet()
    assert {"pending", "intent"}.isdisjoint(kept(bench))
    assert bench.history()[-1]["sha256"] == last.sha256
    bench.restart().wait_quiet()
    bench.check_programmed(last)
    assert len(bench.standin.runs()) == 3


@needs_root
def test_disk_that_becomes_full(bench, disk):
    bench.uploads = None
    daemon = bench.start()
    push_unrecorded(bench, "first")
    daemon.wait_quiet()
    disk.fill()
    push_unrecorded(bench, "second")
    daemon.wait_line("not protected against a power cut")
    daemon.wait_quiet()
    disk.clear()
    push_unrecorded(bench, "third")
    daemon.wait_quiet()
    assert {"pending", "intent"}.isdisjoint(kept(bench))


@needs_root
def test_stale_record_is_not_trusted_about_the_chip(bench, disk):
    """What is installed could not be recorded: the old one, pushed again, is programmed."""
    bench.uploads = None
    bench.start()
    push_unrecorded(bench, "first")
    bench.daemon.wait_quiet()
    disk.make_read_only_while_down()
    push_unrecorded(bench, "second")
    bench.daemon.wait_quiet()
    push_unrecorded(bench, "first")
    assert bench.standin.runs() == ["update"] * 3
    disk.make_writable()


@needs_root
@every_disk
def test_start_on_a_bad_disk_with_a_record(bench, disk, spoil, mend):
    """Interrupted, and then the disk went bad: it is recovered all the same."""
    bench.uploads = None
    bench.start()
    bench.standin.set_mode("hang-at-stage", stage="write")
    upload = sketches.good("interrupted", size=140_000)
    adb_push(bench.path, upload.data)
    kill_in(bench, "write", 1)
    spoil(disk)
    bench.standin.set_mode("success")
    daemon = bench.start(expect_ready=False)
    daemon.wait_line("Job 1: recovered: ")
    bench.check_programmed(upload)
    daemon.wait_quiet()
    mend(disk)


@needs_root
@every_disk
def test_failure_on_a_bad_disk_has_its_way_back(bench, disk, spoil, mend):
    bench.uploads = None
    bench.start()
    old = push_unrecorded(bench, "old")
    bench.daemon.wait_quiet()
    bench.stop()
    spoil(disk)
    daemon = bench.start()
    bench.standin.fail_once("write-failed")
    adb_push(bench.path, sketches.good("new").data)
    daemon.wait_line("Job 2: failed: write-failed: .*put back")
    bench.check_programmed(old)
    mend(disk)
