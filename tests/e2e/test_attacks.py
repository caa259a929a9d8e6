"""Attacks from all sides: by who may write to the inbox, by an upload that has taken over the
checker, by an OpenOCD that lies. Links, FIFOs, devices and sizes are in test_not_files.py, the bus in
test_bus_access.py, a full disk in tests/real/test_disk.py; SECURITY.md has the list.
"""

import collections
import os
import random
import re
import socket
import time

import pytest

from harness import processes, sketches
from harness.pushes import adb_push
from harness.waiting import wait_for
from test_not_files import check_next_push

CAPTIVE = os.environ.get("CAPTIVE_CHECKER", "")  # tests/unit/checker/captive.c
caged = pytest.mark.skipif(os.environ.get("M4FLASH_CAGE") != "1", reason="this build has no cage")


def assert_untouched(bench):
    assert set(bench.sketch_in_flash(sketches.FLASH_SIZE)) == {0xFF}
    assert bench.standin.runs() == []


# ---- Files --------------------------------------------------------------------------------------


def test_hard_link_to_a_secret(bench, daemon):
    """It is read, as any file that is there; but not a byte of it is told to anybody."""
    secret = os.path.join(bench.folder, "secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write("root:$6$hunter2hunter2:19000::\n" * 40)
    os.chmod(secret, 0o600)
    os.link(secret, bench.path)
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "not-elf")
    assert "hunter2" not in bench.log() and "hunter2" not in str(bench.history())
    assert_untouched(bench)
    check_next_push(bench)


def test_sparse_tebibyte(bench, daemon):
    """By its size alone, unless not even the file system takes it."""
    with open(bench.path, "wb") as file:
        try:
            file.truncate(1 << 40)
        except OSError:
            file.truncate(1 << 36)
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "too-large"
    assert_untouched(bench)
    check_next_push(bench)


SWAPS = 600
RACE_SEC = float(os.environ.get("M4FLASH_RACE_SEC", "0"))
RACED = [sketches.good(f"raced {number}", size=100_000, debug=400_000) for number in range(8)]


def swap(path, secret, number):
    """Something else takes the place of what is there; a file is cut off as it may be being read."""
    other = path + ".other"
    kind = number % 5
    if kind == 0:
        os.symlink(secret, other)
    elif kind == 1:
        os.mkfifo(other)
    elif kind == 2:
        os.mkdir(other)
    else:
        adb_push(other, RACED[number % len(RACED)].data)
    if os.path.isdir(path) != (kind == 2):
        os.rmdir(path) if os.path.isdir(path) else os.path.lexists(path) and os.unlink(path)
    os.rename(other, path)
    if kind == 4:
        os.truncate(path, 77 * number % 500_000)


class Race:
    """Swaps one after the other, as many as SWAPS and for as long as RACE_SEC, whichever is more;
    and what the history says meanwhile, which forgets."""

    def __init__(self, bench, secret):
        self.bench, self.secret = bench, secret
        self.breaks = random.Random(1)
        self.swaps = 0
        self.outcomes = {}  # by the job's number

    def note(self):
        self.outcomes |= {outcome["id"]: outcome for outcome in self.bench.history()}

    def run(self):
        end = time.monotonic() + RACE_SEC
        while self.swaps < SWAPS or time.monotonic() < end:
            swap(self.bench.path, self.secret, self.swaps)
            self.swaps += 1
            # Without a break nothing is ever read: there is always something newer. Not every so
            # many that it would always be the same kind that is there meanwhile.
            time.sleep(0.25 if self.swaps % 11 == 0 else self.breaks.choice([0, 0.001, 0.003, 0.01]))
            if self.swaps % 50 == 0:
                self.note()


def test_swapped_and_cut_off_while_it_is_read(bench, daemon):
    """Between any two of the daemon's calls something else may be there: nothing but what was
    uploaded whole is ever programmed, nothing is followed, and the last upload counts.

    M4FLASH_RACE_SEC makes it go on for so many seconds."""
    secret = sketches.good("secret", size=200_000)
    path = os.path.join(bench.folder, "secret")
    adb_push(path, secret.data)
    bench.uploads = None
    race = Race(bench, path)
    race.run()
    last = sketches.good("last", size=50_000)
    adb_push(bench.path, last.data)
    wait_for(lambda: last.sha256 in [o["sha256"] for o in bench.history()], "the last outcome")
    bench.check_programmed(last)
    race.note()
    outcomes = race.outcomes.values()
    print(race.swaps, "swaps:", collections.Counter((o["result"], o["code"]) for o in outcomes))
    programmed = {o["sha256"] for o in outcomes if o["result"] in ("programmed", "unchanged")}
    assert programmed <= {upload.sha256 for upload in [*RACED, last]}
    assert secret.sha256 not in [o["sha256"] for o in outcomes]


# ---- The checker --------------------------------------------------------------------------------


@caged
@pytest.mark.parametrize("attempt", ["open", "socket", "fork", "execve", "ptrace", "unlink"])
def test_checker_that_was_taken_over(bench, attempt):
    """It is killed before it has said a word, and the next upload gets another one."""
    daemon = bench.start(env={"M4FLASH_CHECKER": CAPTIVE})
    upload = sketches.Upload(f"!{attempt}".encode())
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "elf-corrupt")
    assert outcome["sha256"] == upload.sha256
    assert_untouched(bench)
    check_next_push(bench)
    assert not [line for line in daemon.lines if "The checker does without" in line and "filter" in line]


def test_checker_that_takes_over_and_survives_is_told(bench):
    """What the last test sees is the cage's doing: the same checker answers if it tries nothing."""
    bench.start(env={"M4FLASH_CHECKER": CAPTIVE})
    bench.push(adb_push, sketches.Upload(b"!nothing"))
    assert bench.wait_outcome()["code"] == "no-code"


LIAR = r"""#!/usr/bin/python3
import array, os, socket, sys, time
channel = socket.socket(fileno=3)
if not channel.recv(1):
    sys.exit(0)
how = os.path.basename(sys.argv[0])
try:
    if how == "endless":
        while True:
            channel.sendall(bytes(65536))
    if how == "garbage":
        channel.sendall(os.urandom(4096))
    if how == "magic":
        channel.sendall(b"m4flash\1" + b"\xff" * 4096)
except OSError:
    pass
if how == "signal":
    os.kill(os.getpid(), 11)
sys.exit(how == "failing")
"""
LIES = {"endless": "internal", "garbage": "internal", "magic": "internal", "silent": "internal",
        "failing": "internal", "signal": "elf-corrupt"}


@pytest.mark.parametrize("lie, code", LIES.items())
def test_checker_that_lies(bench, lie, code):
    """tests/unit/job/test_check.c has lies about each field; here is what becomes of the upload."""
    path = os.path.join(bench.folder, lie)
    with open(path, "w", encoding="ascii") as file:
        file.write(LIAR)
    os.chmod(path, 0o755)
    bench.start(env={"M4FLASH_CHECKER": path})
    upload = sketches.good("believed by nobody")
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert outcome["code"] == code
    assert outcome["sha256"] == upload.sha256
    assert outcome["result"] == ("rejected" if code == "elf-corrupt" else "failed")
    assert_untouched(bench)


# ---- What others could see ------------------------------------------------------------------------


def test_all_that_is_written_is_private(bench):
    """Whatever umask it was started with, and while OpenOCD reads what was laid out for it."""
    bench.start(prefix=["sh", "-c", 'umask 0; exec "$@"', "sh"])
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("private", size=200_000))
    bench.daemon.wait_openocd()
    found = {}
    for folder in (bench.state, bench.runtime):
        for path, folders, files in os.walk(folder):
            for name in [*folders, *files]:
                found[name] = os.lstat(os.path.join(path, name)).st_mode & 0o777
    bench.standin.open_gate()
    assert {"sector-0.bin", "lock", "control"} <= set(found)
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}


# ---- OpenOCD, and the requests ------------------------------------------------------------------

FORGER = """#!/bin/sh
for line in connect erase 'sector 0' 'progress 100 100' write verify reset done; do
    echo "m4flash: stage $line" >&2
    echo "m4flash: $line" >&2
done
echo "m4flash: released" >&2
echo "** Verified OK **" >&2
%s
"""


@pytest.mark.parametrize("end", ["exit 1", "exit 134", "kill -SEGV $$", "kill -KILL $$"])
def test_openocd_that_forges_its_lines(bench, end):
    """All the lines of a success are no success if the process does not end in one."""
    bench.program = os.path.join(bench.folder, "forger")
    with open(bench.program, "w", encoding="ascii") as file:
        file.write(FORGER % end)
    os.chmod(bench.program, 0o755)
    bench.start()
    bench.push(adb_push, sketches.good("forged"))
    assert bench.wait_outcome()["result"] == "failed"


BURGLAR = r"""#!/usr/bin/python3
import errno, os, socket, sys
image_dir = sys.argv[-1].split()[2]
def attempt(name, function, *arguments):
    try:
        function(*arguments)
        result = "done"
    except OSError as error:
        result = errno.errorcode[error.errno]
    print("tried", name, result, file=sys.stderr)
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as end:
        end.connect(address)
def write(path, flags=os.O_CREAT):
    os.close(os.open(path, os.O_WRONLY | flags, 0o600))
attempt("image", write, image_dir + "/part.bin")
attempt("null", write, "/dev/null", 0)
attempt("zero", write, "/dev/zero", 0)
attempt("read", open, {inbox!r})
attempt("inbox", write, {inbox!r} + ".new")
attempt("state", write, {state!r} + "/installed")
attempt("lock", os.unlink, {state!r} + "/lock")
attempt("job", os.mkdir, {runtime!r} + "/job-99")
attempt("etc", write, {folder!r} + "/m4flash.conf", 0)
attempt("tmp", write, {folder!r} + "/new")
attempt("shm", os.symlink, "to nowhere", "/dev/shm/" + os.path.basename({folder!r}))
attempt("local", connect, socket.AF_UNIX, {listener!r})
attempt("inet", connect, socket.AF_INET, ("127.0.0.1", {port}))
attempt("inet6", socket.socket, socket.AF_INET6, socket.SOCK_DGRAM)
sys.exit(1)
"""
NOT_CHANGED = {name: "EACCES" for name in ("inbox", "state", "lock", "job", "etc", "tmp", "shm")}
NO_SOCKET = {name: "EAFNOSUPPORT" for name in ("local", "inet", "inet6")}
GRANTED = {name: "done" for name in ("image", "null", "zero", "read")}


def burgle(bench, chip_dir):
    """What an OpenOCD that does as it likes could do, by its own account; and the daemon's log."""
    listener = os.path.join(bench.folder, "listener")
    bench.program = os.path.join(bench.folder, "burglar")
    with socket.socket(socket.AF_UNIX) as local, socket.create_server(("127.0.0.1", 0)) as remote:
        local.bind(listener)
        local.listen()
        with open(bench.program, "w", encoding="utf-8") as file:
            text = BURGLAR.format(folder=bench.folder, inbox=bench.path, state=bench.state,
                                  runtime=bench.runtime, listener=listener,
                                  port=remote.getsockname()[1])
            file.write(text)
        os.chmod(bench.program, 0o755)
        daemon = bench.start(env={"M4FLASH_CHIP_DIR": chip_dir})
        bench.push(adb_push, sketches.good("burgled"))
        assert bench.wait_outcome()["result"] == "failed"
        daemon.wait_quiet()
    if os.path.lexists(shared := "/dev/shm/" + os.path.basename(bench.folder)):
        os.unlink(shared)
    if os.path.lexists(job := os.path.join(bench.runtime, "job-99")):
        os.rmdir(job)
    return dict(re.findall(r"openocd: tried (\S+) (\S+)", daemon.log())), daemon.log()


def test_openocd_that_was_taken_over(bench):
    """It can read, write to devices and to its image's folder, and nothing else; where a kernel has
    no wall for one or the other, the daemon says so."""
    tried, log = burgle(bench, "")
    told = re.search("OpenOCD could (.*): this kernel", log)
    lacks = told[1] if told else ""
    if "files" not in lacks:
        assert tried.items() >= (GRANTED | NOT_CHANGED).items()
    if "sockets" not in lacks:
        assert tried.items() >= NO_SOCKET.items()
    assert set(tried) == set(GRANTED | NOT_CHANGED | NO_SOCKET)
    if lacks:
        pytest.skip(f"here OpenOCD could {lacks}")


def test_openocd_of_a_simulated_chip(bench):
    """The folder that the chip is in, and local sockets, but no network."""
    tried, log = burgle(bench, bench.runtime)
    if "OpenOCD could" in log:
        pytest.skip("this kernel has not all walls")
    assert tried.items() >= (GRANTED | NOT_CHANGED | NO_SOCKET |
                             {"job": "done", "local": "done"}).items()


HOSTILE = "a'b \"c $(touch pwned) `id` [exit] {d} $e \\f;|&<>#~"


def test_names_that_shell_and_tcl_would_act_on(bench):
    """In each path that the configuration may name."""
    folder = bench.make_folder(HOSTILE)
    for name in ("inbox", "state", "runtime"):
        setattr(bench, name, os.path.join(folder, f"{name} {HOSTILE}"))
        os.mkdir(getattr(bench, name))
    bench.path = os.path.join(bench.inbox, f"{HOSTILE}.elf")
    bench.settings["Inbox"]["FileName"] = f"{HOSTILE}.elf"
    for attribute, file in (("control", bench.standin.control), ("program", bench.program)):
        path = os.path.join(folder, f"{attribute} {HOSTILE}")
        os.rename(file, path)
        setattr(bench.standin, attribute, path)
    bench.program = bench.standin.program
    bench.start()
    upload = sketches.good("hostile")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    assert not [names for _, _, names in os.walk(bench.folder) if "pwned" in names]
    assert not os.path.exists("/pwned")


def test_a_thousand_connections(bench, daemon):
    """To the socket of `m4flash rollback`: uploads are programmed meanwhile, and none stays."""
    before = len(processes.descriptors(daemon.pid))
    clients = []
    for _ in range(1000):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        clients.append(client)
        try:
            client.connect(os.path.join(bench.runtime, "control"))
        except BlockingIOError:
            pass  # the kernel lets no more of them wait
    upload = sketches.good("among a thousand")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    assert len(processes.descriptors(daemon.pid)) < before + 64
    for client in clients:
        client.close()
    wait_for(lambda: len(processes.descriptors(daemon.pid)) <= before, "the connections' ends")
