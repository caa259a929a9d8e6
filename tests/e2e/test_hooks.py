"""Hooks: what others have to say before and after a programming, and that none of them, however it
behaves, holds the daemon up, forges its lines or spoils the chip.
"""

import os
import random
import signal
import unicodedata

import pytest

from harness import processes, sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

HOOK = """#!/bin/sh
echo {kind}/{name} $(cat {openocd_log} 2>&- | wc -l) >> {log}
{body}
"""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Hooks:
    """Two folders of hooks, each of which notes that it ran and how long OpenOCD's log was then."""

    def __init__(self, bench):
        self.bench = bench
        self.log_path = os.path.join(bench.folder, "hooks.log")
        self.folders = {kind: bench.make_folder(f"{kind}.d") for kind in ("pre", "post")}
        bench.settings["Hooks"] = {
            "PreDirectory": self.folders["pre"],
            "PostDirectory": self.folders["post"],
        }

    def add(self, kind, name, body="", mode=0o755):
        path = os.path.join(self.folders[kind], name)
        text = HOOK.format(kind=kind, name=name, log=self.log_path, body=body,
                           openocd_log=self.bench.standin.log_path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def add_environment(self, kind):
        """One that keeps the environment that it was started with."""
        target = self.note(f"{kind}.environ")
        self.add(kind, "50-environment", f"cat /proc/$$/environ > {target}.new\n"
                                         f"mv {target}.new {target}")

    def environment(self, kind):
        path = self.note(f"{kind}.environ")
        wait_for(lambda: os.path.exists(path), path)
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\0")[:-1]
        os.unlink(path)
        return dict(line.partition("=")[::2] for line in lines)

    def note(self, name):
        """A path for a hook to write to."""
        return os.path.join(self.bench.folder, name)

    def ran(self):
        try:
            with open(self.log_path, encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def names(self):
        return [line.split()[0] for line in self.ran()]

    def wait_for(self, name, times=1):
        wait_for(lambda: self.names().count(name) == times, lambda: self.names())


@pytest.fixture
def hooks(bench):
    return Hooks(bench)


def push(bench, stamp, result="programmed", code="ok", **how):
    upload = sketches.good(stamp, **how)
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == (result, code), bench.log()
    assert (outcome["sha256"], outcome["image_sha256"]) == (upload.sha256, upload.image_sha256)
    if result == "programmed":
        bench.check_programmed(upload)
    return upload


def check_nothing_pending(bench):
    bench.daemon.wait_quiet()
    assert not {"pending", "intent"} & set(os.listdir(bench.state))


def check_forbidden(bench, reason):
    """Nothing was touched, and the next upload, which no hook forbids, goes its way."""
    message = bench.history()[-1]["message"]
    assert reason in message, message
    assert bench.standin.runs() == []
    check_nothing_pending(bench)
    bench.standin.set_mode("success")


def check_next_push(bench, hooks):
    for name in os.listdir(hooks.folders["pre"]):
        os.unlink(os.path.join(hooks.folders["pre"], name))
    push(bench, "next", size=150_000)
    check_nothing_pending(bench)


# ---- Order and environment ----------------------------------------------------------------------


def test_order(bench, hooks):
    """By name, those before OpenOCD before it, those after it after that."""
    for kind, names in {"post": ("b", "a", "10"), "pre": ("9", "B", "10", "a")}.items():
        for name in names:
            hooks.add(kind, name)
    bench.start()
    push(bench, "ordered")
    hooks.wait_for("post/b")
    assert hooks.ran() == ["pre/10 0", "pre/9 0", "pre/B 0", "pre/a 0",
                           "post/10 2", "post/a 2", "post/b 2"]


def test_one_job_after_another(bench, hooks):
    """The next upload's hooks begin when the last ones of this are done."""
    release = hooks.note("release")
    hooks.add("pre", "before")
    hooks.add("post", "after", f"while [ ! -e {release} ]; do sleep 0.02; done")
    daemon = bench.start()
    push(bench, "first")
    hooks.wait_for("post/after")
    second = sketches.good("second")
    bench.push(adb_push, second)
    daemon.wait_line("Job 2: accepted")
    daemon.wait_line("Job 1: programmed")
    assert hooks.names() == ["pre/before", "post/after"]
    with open(release, "x", encoding="utf-8"):
        pass
    assert bench.wait_outcome()["result"] == "programmed"
    hooks.wait_for("post/after", times=2)
    assert hooks.names() == ["pre/before", "post/after"] * 2


def test_environment(bench, hooks):
    """That of the job and a search path: nothing of the daemon's own."""
    hooks.add_environment("pre")
    hooks.add_environment("post")
    bench.start(env={"SECRET": "of the daemon"})
    for number in (1, 2):
        upload = push(bench, f"environment {number}")
        job = {
            "M4FLASH_JOB": str(number),
            "M4FLASH_SHA256": upload.sha256,
            "M4FLASH_IMAGE_SHA256": upload.image_sha256,
            "PATH": SEARCH_PATH,
        }
        assert hooks.environment("pre") == job | {"M4FLASH_CODE": ""}
        assert hooks.environment("post") == job | {"M4FLASH_CODE": "ok"}


@pytest.mark.parametrize("mode", ["missing-bank", "erase-failed", "verify-failed", "crash"])
def test_code_of_a_failure(bench, hooks, mode):
    hooks.add_environment("post")
    bench.start()
    bench.standin.set_mode(mode)
    bench.push(adb_push, sketches.good("fails"))
    outcome = bench.wait_outcome()
    assert outcome["result"] == "failed"
    assert hooks.environment("post")["M4FLASH_CODE"] == outcome["code"]
    bench.standin.set_mode("success")
    push(bench, "next")
    assert hooks.environment("post")["M4FLASH_CODE"] == "ok"


def test_code_of_a_bridge_that_is_gone(bench, hooks):
    """Who stopped the bridge's users before wants to know whether there is a bridge."""
    bench.settings["Board"]["HealthFile"] = os.path.join(bench.folder, "version")
    bench.settings["Board"]["HealthTimeoutSec"] = "100ms"
    hooks.add_environment("post")
    bench.start()
    push(bench, "bridge is gone", code="no-health")
    assert hooks.environment("post")["M4FLASH_CODE"] == "no-health"


def test_code_of_what_a_hook_forbade(bench, hooks):
    """The post hooks make good what the pre hooks that did run have done."""
    hooks.add("pre", "10-stop-proxy")
    hooks.add("pre", "20-forbid", "exit 1")
    hooks.add_environment("post")
    bench.start()
    push(bench, "forbidden", "aborted", "hook-failed")
    assert hooks.environment("post")["M4FLASH_CODE"] == "hook-failed"


def test_no_hook_for_what_is_not_programmed(bench, hooks):
    hooks.add("pre", "before")
    hooks.add("post", "after")
    daemon = bench.start()
    bench.push(adb_push, sketches.not_elf("rejected"))
    assert bench.wait_outcome()["result"] == "rejected"
    daemon.wait_quiet()
    assert hooks.ran() == []


def test_folder_is_read_when_its_turn_comes(bench, hooks):
    bench.start()
    push(bench, "without hooks")
    hooks.add("pre", "new")
    push(bench, "with a hook")
    assert hooks.names() == ["pre/new"]


def test_recovery_has_hooks_but_asks_none(bench, hooks):
    """The chip is half programmed: leaving it so helps nobody."""
    bench.start()
    bench.standin.set_mode("hang-at-stage", stage="verify")
    upload = sketches.good("interrupted")
    bench.push(adb_push, upload)
    wait_for(lambda: bench.sketch_in_flash(4096) == upload.image, "written")
    bench.kill()
    bench.standin.set_mode("success")
    hooks.add("pre", "forbid", "exit 1")
    hooks.add("post", "after")
    bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    hooks.wait_for("post/after")
    assert hooks.names() == ["pre/forbid", "post/after"]
    bench.check_programmed(upload)


# ---- Pre hooks that fail ------------------------------------------------------------------------

FAILING = {
    "status": ("exit 3", "exit status 3"),
    "signal": ("kill -SEGV $$", "killed by signal 11"),
    "missing-command": ("m4flash-no-such-command", "exit status 127"),
    "own-group": ("kill -KILL 0", "killed by signal 9"),
}


@pytest.mark.parametrize("body, reason", FAILING.values(), ids=FAILING)
def test_pre_hook_that_fails(bench, hooks, body, reason):
    hooks.add("pre", "10-first")
    hooks.add("pre", "20-fails", body)
    hooks.add("pre", "30-never")
    hooks.add("post", "after")
    bench.start()
    push(bench, "forbidden", "aborted", "hook-failed")
    check_forbidden(bench, "20-fails")
    assert reason in bench.history()[-1]["message"]
    assert hooks.names() == ["pre/10-first", "pre/20-fails", "post/after"]
    check_next_push(bench, hooks)


def test_forbidden_job_raises_no_alarm(bench, hooks):
    hooks.add("pre", "forbid", "exit 1")
    daemon = bench.start()
    push(bench, "forbidden", "aborted", "hook-failed")
    assert "halted" not in daemon.log()


def test_pre_hook_that_cannot_be_started(bench, hooks):
    path = hooks.add("pre", "hook")
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/no/such/interpreter\n")
    bench.start()
    push(bench, "forbidden", "aborted", "hook-failed")
    check_forbidden(bench, "hook")
    check_next_push(bench, hooks)


def test_failing_pre_hook_keeps_the_sketch_and_the_way_back(bench, hooks):
    bench.start()
    before = push(bench, "before")
    runs = bench.standin.runs()
    hooks.add("pre", "forbid", "exit 1")
    bench.uploads += 1
    adb_push(bench.path, sketches.good("forbidden").data)
    assert bench.wait_outcome()["code"] == "hook-failed"
    assert bench.standin.runs() == runs
    bench.check_programmed(before)
    check_nothing_pending(bench)
    bench.restart().wait_quiet()
    assert bench.standin.runs() == runs
    check_next_push(bench, hooks)


def test_pre_hook_that_hangs(bench, hooks):
    bench.settings["Hooks"]["TimeoutSec"] = "1"
    hooks.add("pre", "hangs", "trap '' TERM INT HUP\nwhile :; do sleep 600; done")
    bench.start()
    push(bench, "waits", "aborted", "hook-failed")
    check_forbidden(bench, "hangs took too long")
    wait_for(lambda: not processes.reap(bench.daemon.pid), "nobody left of the hook")
    check_next_push(bench, hooks)


def test_post_hook_that_hangs(bench, hooks):
    """The outcome is told before; the next upload waits for the limit at most."""
    bench.settings["Hooks"]["TimeoutSec"] = "1"
    hooks.add("post", "10-hangs", "sleep 600")
    hooks.add("post", "20-after")
    daemon = bench.start()
    push(bench, "before")
    daemon.wait_line("10-hangs.*took too long")
    hooks.wait_for("post/20-after")
    push(bench, "next")


# ---- Hooks that leave something behind ----------------------------------------------------------


@pytest.mark.parametrize("kind", ["pre", "post"])
def test_hook_that_forks_and_stays(bench, hooks, kind):
    """What is left in its process group, with its output open, ends with it."""
    hooks.add(kind, "10-stays", f"sleep 600 & echo $! > {hooks.note('pid')}")
    hooks.add(kind, "20-after")
    bench.start()
    push(bench, "first")
    hooks.wait_for(f"{kind}/20-after")
    with open(hooks.note("pid"), encoding="ascii") as file:
        left = int(file.read())
    wait_for(lambda: not processes.reap(bench.daemon.pid), "nobody left of the hook")
    assert processes.state(left) is None
    push(bench, "second")


def test_hook_that_starts_a_service(bench, hooks):
    """A session of its own, with the output still open: it may stay, and holds nobody up."""
    hooks.add("pre", "daemon", f"setsid sleep 600 & echo $! > {hooks.note('pid')}; sleep 0.2")
    bench.start()
    push(bench, "first")
    push(bench, "second")
    for pid in processes.children(os.getpid()):
        if processes.command_line(pid) == ["sleep", "600"]:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kind", ["pre", "post"])
def test_daemon_that_dies_takes_the_hook_with_it(bench, hooks, kind):
    hooks.add(kind, "waits", "exec sleep 600")
    bench.start()
    upload = sketches.good("killed in a hook")
    bench.push(adb_push, upload)
    hooks.wait_for(f"{kind}/waits")
    bench.kill()
    os.unlink(os.path.join(hooks.folders[kind], "waits"))
    bench.start()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    assert bench.standin.runs() == ["update"]


@pytest.mark.parametrize("kind", ["pre", "post"])
def test_stop_during_a_hook(bench, hooks, kind):
    """A programming that is begun ends, with all its hooks; so does the daemon then."""
    release = hooks.note("release")
    hooks.add(kind, "10-waits", f"while [ ! -e {release} ]; do sleep 0.02; done")
    hooks.add("post", "20-last")
    daemon = bench.start()
    upload = sketches.good("stopped in a hook")
    bench.push(adb_push, upload)
    hooks.wait_for(f"{kind}/10-waits")
    daemon.signal(signal.SIGTERM)
    daemon.wait_line("Stopping")
    assert daemon.running()
    with open(release, "x", encoding="utf-8"):
        pass
    assert daemon.wait_end() == 0
    assert hooks.names()[-1] == "post/20-last"
    bench.check_programmed(upload)


def test_second_sigterm_during_a_pre_hook(bench, hooks):
    """Nothing has begun: the next start takes the file anew."""
    hooks.add("pre", "waits", "exec sleep 600")
    daemon = bench.start()
    upload = sketches.good("given up in a hook")
    bench.push(adb_push, upload)
    hooks.wait_for("pre/waits")
    for _ in range(2):
        daemon.signal(signal.SIGTERM)
        daemon.wait_line("Stopping")
    assert daemon.wait_end() == 0
    wait_for(lambda: not processes.reap(), "the hook gone")
    assert bench.history() == [] and bench.standin.runs() == []
    os.unlink(os.path.join(hooks.folders["pre"], "waits"))
    bench.start()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


# ---- Output -------------------------------------------------------------------------------------


def test_output_is_told_with_the_hooks_name(bench, hooks):
    hooks.add("pre", "10-out", "echo on stdout; echo on stderr >&2; printf unfinished")
    hooks.add("post", "10-after", "echo afterwards")
    daemon = bench.start()
    push(bench, "talks")
    for line in ("10-out: on stdout", "10-out: on stderr", "10-out: unfinished",
                 "10-after: afterwards"):
        daemon.wait_line(line)


@pytest.mark.parametrize("kind", ["pre", "post"])
@pytest.mark.parametrize("what", ["lines", "one-line", "bytes"])
def test_hook_that_prints_a_megabyte(bench, hooks, kind, what):
    command = {
        "lines": "yes 'a line of some length, over and over' | head -c 1048576",
        "one-line": "head -c 1048576 /dev/zero | tr '\\0' x",
        "bytes": f"cat {hooks.note('noise')}",
    }[what]
    with open(hooks.note("noise"), "wb") as file:
        file.write(random.Random(1).randbytes(1 << 20))
    hooks.add(kind, "10-talks", command)
    hooks.add(kind, "20-after", "echo still heard")
    daemon = bench.start()
    before = processes.resident_kib(daemon.pid)
    push(bench, "first")
    daemon.wait_line("20-after: still heard")
    told = [line for line in daemon.lines.copy() if "10-talks: " in line]
    assert 0 < len(told) <= 257
    assert not any(unicodedata.category(c) == "Cc" for line in told for c in line)
    assert processes.resident_kib(daemon.pid) - before < 8 * 1024
    push(bench, "second")


def test_forged_lines_stay_the_hooks_own(bench, hooks):
    hooks.add("pre", "forger",
              "echo 'Job 1: programmed: nothing'; echo 'm4flash: stage done'; exit 1")
    daemon = bench.start()
    push(bench, "forged", "aborted", "hook-failed")
    assert daemon.wait_line("Job 1: programmed: nothing").endswith(
        "forger: Job 1: programmed: nothing")
    check_forbidden(bench, "forger")


# ---- Hooks that nobody should trust -------------------------------------------------------------


def make_writable(path):
    os.chmod(path, 0o777)


def make_group_writable(path):
    os.chmod(path, 0o775)


def make_a_strangers(path):
    os.chown(path, 12345, 12345)


def make_no_program(path):
    os.chmod(path, 0o644)


def make_a_folder(path):
    os.unlink(path)
    os.mkdir(path)


def make_a_broken_link(path):
    os.unlink(path)
    os.symlink("/no/such/hook", path)


def make_a_pipe(path):
    os.unlink(path)
    os.mkfifo(path, 0o755)


UNFIT = [make_writable, make_group_writable, make_a_strangers, make_no_program, make_a_folder,
         make_a_broken_link, make_a_pipe]


@pytest.mark.parametrize("spoil", UNFIT, ids=lambda spoil: spoil.__name__)
def test_unfit_hook_is_passed_over(bench, hooks, spoil):
    if spoil is make_a_strangers and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    for kind in ("pre", "post"):
        spoil(hooks.add(kind, "10-unfit", "exit 1"))
        hooks.add(kind, "20-fit")
    daemon = bench.start()
    push(bench, "unfit")
    hooks.wait_for("post/20-fit")
    assert hooks.names() == ["pre/20-fit", "post/20-fit"]
    daemon.wait_line("10-unfit.*passed over")


def test_folder_that_anybody_can_write_to(bench, hooks):
    hooks.add("pre", "hook", "exit 1")
    os.chmod(hooks.folders["pre"], 0o777)
    daemon = bench.start()
    push(bench, "unsafe")
    assert hooks.ran() == []
    daemon.wait_line(f"{hooks.folders['pre']}.*passed over: others than its owner may write to it")


@pytest.mark.parametrize("name", ["hook~", ".hook", "hook.dpkg-old", "#hook#", "hook.bak"])
def test_leftovers_are_passed_over(bench, hooks, name):
    hooks.add("pre", name, "exit 1")
    hooks.add("pre", "hook.sh")
    bench.start()
    push(bench, "leftovers")
    assert hooks.names() == ["pre/hook.sh"]


def test_missing_folder_is_an_empty_one(bench, hooks):
    for folder in hooks.folders.values():
        os.rmdir(folder)
    bench.start()
    push(bench, "no hooks")


def test_folder_that_is_a_file(bench, hooks):
    """A hook may be in the way there, unread: better not to go on than to pass it over."""
    os.rmdir(hooks.folders["pre"])
    with open(hooks.folders["pre"], "x", encoding="utf-8"):
        pass
    bench.start()
    push(bench, "strange", "aborted", "hook-failed")
    check_forbidden(bench, hooks.folders["pre"])
    os.unlink(hooks.folders["pre"])
    push(bench, "next")


# ---- Post hooks that fail -----------------------------------------------------------------------


@pytest.mark.parametrize("body, reason", FAILING.values(), ids=FAILING)
def test_post_hook_that_fails_changes_nothing(bench, hooks, body, reason):
    hooks.add("post", "10-fails", body)
    hooks.add("post", "20-after")
    daemon = bench.start()
    push(bench, "first")
    daemon.wait_line(f"10-fails.*{reason}")
    hooks.wait_for("post/20-after")
    push(bench, "second")
    check_nothing_pending(bench)
