"""What people do today: Debian's real adb pushes to the board's inbox, or is kept from it."""

import errno
import os
import signal
import stat

import pytest
from adb import SKETCH

from harness import pushes, sketches

BIG = {"size": 300_000, "debug": 3_000_000}  # more than adb's pipes hold
SOME = 1_000_000  # bytes of it


@pytest.fixture
def upload():
    return sketches.good("over adb", **BIG)


def push(board, upload):
    board.bench.uploads += 1
    status, output = board.adb.run("push", board.file(upload), SKETCH)
    assert status == 0 and "1 file pushed" in output, output


def wait_programmed(board, upload):
    outcome = board.bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
    board.bench.check_programmed(upload)


def check_runs(board, count):
    assert board.bench.standin.runs() == ["update"] * count


# ---- The stand-in itself: what was seen of the board's adbd -------------------------------------


def test_file_on_the_board(board, upload):
    """Everybody may write it, and it has the time that it has on this side."""
    path = board.file(upload)
    os.utime(path, (pushes.OLD_TIME, pushes.OLD_TIME))
    board.adb.run("push", path, SKETCH)
    found = os.lstat(board.bench.path)
    assert stat.filemode(found.st_mode) == "-rw-rw-rw-"
    assert found.st_mtime == pushes.OLD_TIME
    with open(board.bench.path, "rb") as file:
        assert file.read() == upload.data


def test_missing_folder_is_made(board, upload):
    os.rmdir(board.bench.inbox)
    status, output = board.adb.run("push", board.file(upload), SKETCH)
    assert status == 0, output
    assert stat.filemode(os.stat(board.bench.inbox).st_mode) == "drwxr-xr-x"  # our umask
    assert os.path.getsize(board.bench.path) == len(upload.data)


def test_link_is_replaced_and_folder_is_not(board, upload):
    os.symlink("/etc/hostname", board.bench.path)
    assert board.adb.run("push", board.file(upload), SKETCH)[0] == 0
    assert not os.path.islink(board.bench.path)
    os.unlink(board.bench.path)
    os.mkdir(board.bench.path)
    board.adb.run("push", board.file(upload), SKETCH)
    assert os.listdir(board.bench.path) == ["sketch.elf"]  # adb itself looks, and pushes into it


def test_shell_loses_the_exit_status(board):
    status, output = board.adb.run("shell", "echo out; echo err >&2; test -t 1 && exit 3")
    assert (status, output) == (0, "out\r\nerr\r\n")


# ---- Pushes -------------------------------------------------------------------------------------


def test_push_is_programmed_once(board, daemon, upload):
    push(board, upload)
    wait_programmed(board, upload)
    check_runs(board, 1)


def test_push_over_an_earlier_one(board, daemon, upload):
    for stamp in range(3):
        next_one = sketches.good(stamp, **BIG)
        push(board, next_one)
        wait_programmed(board, next_one)
    check_runs(board, 3)


def test_slow_push_is_programmed_once(board, daemon, upload):
    """It stops in the middle until the daemon has seen all that there is to see, and goes on."""
    board.device.hold_after(SOME)
    client = board.adb.start("push", board.file(upload), SKETCH)
    board.device.wait_held()
    daemon.wait_quiet()
    board.bench.uploads += 1
    board.device.go_on()
    assert board.adb.end(client)[0] == 0
    wait_programmed(board, upload)
    check_runs(board, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_push_is_never_programmed(board, daemon, upload, number):
    """Somebody gives up: adbd closes what it has, and deletes it."""
    board.device.hold_after(SOME)
    client = board.adb.start("push", board.file(upload), SKETCH)
    board.device.wait_held()
    client.send_signal(number)
    board.bench.uploads += 1
    board.device.go_on()
    assert board.adb.end(client)[0] == -number
    check_aborted(board)
    push(board, upload)
    wait_programmed(board, upload)


def test_unplugged_push_is_never_programmed(board, daemon, upload):
    board.device.hold_after(SOME)
    client = board.adb.start("push", board.file(upload), SKETCH)
    board.device.wait_held()
    board.device.drop()
    board.bench.uploads += 1
    board.device.go_on()
    assert board.adb.end(client)[0] == 1
    check_aborted(board)


def check_aborted(board):
    outcome = board.bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("aborted", "deleted")
    assert not os.path.exists(board.bench.path)
    check_runs(board, 0)


def test_no_space(board, daemon, upload):
    """adb says so, and the daemon sees nothing but a file that came and went."""
    board.device.fail_after(SOME, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    board.bench.uploads += 1
    status, output = board.adb.run("push", board.file(upload), SKETCH)
    assert status == 1 and "remote No space left on device" in output, output
    check_aborted(board)
    board.device.fail_after(0, None)
    push(board, upload)
    wait_programmed(board, upload)


def test_two_at_once(board, daemon, upload):
    """Both write, each to a file of its own: the one that took the name last is programmed."""
    first, second = sketches.good("first", **BIG), sketches.good("second", **BIG)
    board.device.hold_after(SOME)
    clients = [board.adb.start("push", board.file(first, "first"), SKETCH)]
    board.device.wait_held()
    board.device.is_held.clear()
    clients.append(board.adb.start("push", board.file(second, "second"), SKETCH))
    board.device.wait_held()
    board.bench.uploads += 1
    board.device.go_on()
    for client in clients:
        assert board.adb.end(client)[0] == 0
    wait_programmed(board, second)
    check_runs(board, 1)


def test_touch_through_the_shell(board, daemon, upload):
    push(board, upload)
    wait_programmed(board, upload)
    for _ in range(2):
        board.bench.standin.wipe_flash()
        board.bench.uploads += 1
        assert board.adb.run("shell", f"touch {SKETCH}") == (0, "")
        wait_programmed(board, upload)


def test_history_through_the_shell(board, daemon, upload):
    """What there is to see is the same as on the board, but for the ends of the lines."""
    board.install_m4flash()
    push(board, upload)
    wait_programmed(board, upload)
    status, output = board.adb.run(
        "shell", f"m4flash history --json --state-dir {board.bench.state}; echo $?")
    assert status == 0
    assert upload.sha256 in output
    assert output.endswith("\r\n0\r\n")
