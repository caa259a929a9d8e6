"""Uploads that are no files, or too big ones: none may hang the daemon, be followed, or be read."""

import os
import socket
import stat

import pytest

from harness import processes, sketches
from harness.pushes import adb_push, cp

MEBIBYTE = 1 << 20
LIMIT = 64 * MEBIBYTE  # [Inbox] MaxSize='s default


@pytest.fixture
def secret(bench):
    """A good sketch outside of the inbox: it must not matter that it would pass."""
    upload = sketches.good("secret")
    path = os.path.join(bench.folder, "secret")
    cp(path, upload.data)
    return path


def check_next_push(bench):
    """The daemon is not impressed: what is pushed next is programmed."""
    if os.path.isdir(bench.path):
        os.rmdir(bench.path)
    elif not stat.S_ISREG(os.lstat(bench.path).st_mode):
        os.unlink(bench.path)
    upload = sketches.good("next")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def check_not_regular(bench):
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "not-regular")
    assert (outcome["sha256"], outcome["bytes"]) == ("", 0)
    assert bench.standin.runs() == []
    check_next_push(bench)


def test_symlink_to_a_secret(bench, daemon, secret):
    os.symlink(secret, bench.path)
    check_not_regular(bench)


def test_symlink_to_a_secret_moved_into_place(bench, daemon, secret):
    os.symlink(secret, bench.path + ".part")
    os.rename(bench.path + ".part", bench.path)
    check_not_regular(bench)


def test_symlink_that_leads_nowhere(bench, daemon):
    os.symlink(os.path.join(bench.folder, "nowhere"), bench.path)
    check_not_regular(bench)


def test_symlink_to_itself(bench, daemon):
    os.symlink(bench.path, bench.path)
    check_not_regular(bench)


def test_fifo(bench, daemon):
    os.mkfifo(bench.path)
    check_not_regular(bench)


def test_directory(bench, daemon):
    os.mkdir(bench.path)
    check_not_regular(bench)


def test_socket(bench, daemon):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(bench.path)
        check_not_regular(bench)


def test_device(bench, daemon):
    try:
        os.mknod(bench.path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero: without end
    except PermissionError:
        pytest.skip("device nodes need privileges")
    check_not_regular(bench)


def link_to_shadow(path):
    os.symlink("/etc/shadow", path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, link_to_shadow], ids=lambda m: m.__name__)
def test_there_at_start(bench, make):
    make(bench.path)
    bench.start()
    check_not_regular(bench)


def test_sparse_gibibyte(bench, daemon):
    """Rejected by its size alone: its holes are neither read nor held in memory."""
    before = processes.resident_kib(daemon.pid)
    with open(bench.path, "wb") as file:
        file.truncate(1 << 30)
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "too-large")
    assert processes.peak_resident_kib(daemon.pid) - before < 32 * 1024
    check_next_push(bench)


def test_one_byte_too_large(bench, daemon):
    with open(bench.path, "wb") as file:
        file.truncate(LIMIT + 1)
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "too-large"
    check_next_push(bench)


def test_as_large_as_may_be(bench, daemon):
    bare = len(sketches.good("large", debug=0).data)
    upload = sketches.good("large", debug=LIMIT - bare)
    assert len(upload.data) == LIMIT
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_limit_of_the_configuration(bench):
    bench.settings["Inbox"]["MaxSize"] = "1M"
    bench.start()
    bare = len(sketches.good("limit").data)
    bench.push(adb_push, sketches.good("limit", debug=MEBIBYTE - bare))
    assert bench.wait_outcome()["result"] == "programmed"
    bench.push(adb_push, sketches.good("limit", debug=MEBIBYTE - bare + 4))
    assert bench.wait_outcome()["code"] == "too-large"


NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def test_unreadable(bench):
    """Root reads everything, so for root's tests the daemon gives up its privileges first."""
    prefix = AS_NOBODY if os.geteuid() == 0 else []
    if prefix:
        for path, _, names in os.walk(bench.folder):
            for name in [path, *(os.path.join(path, name) for name in names)]:
                os.chown(name, NOBODY, NOBODY)
        if not bench.can_run(prefix):
            pytest.skip("the build is in a folder that only root may enter")
    bench.start(prefix=prefix)
    fd = os.open(bench.path, os.O_WRONLY | os.O_CREAT, 0)
    os.write(fd, sketches.good("unreadable").data)
    os.close(fd)
    bench.uploads += 1
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", "unreadable")
    os.chmod(bench.path, 0o644)
    bench.push(adb_push, sketches.good("readable"))
    assert bench.wait_outcome()["result"] == "programmed"
