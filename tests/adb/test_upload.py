"""m4flash upload --adb: the real command, the real adb, the board's own m4flash beyond it."""

import os
import re
import subprocess

import pytest
from adb import SKETCH
from attached import M4FLASH, wait_asked

from harness import processes, sketches
from harness.waiting import LIMIT, wait_for


@pytest.fixture
def pc(board):
    board.install_m4flash()
    return Pc(board)


class Pc:
    """The computer that the board is connected to: it has m4flash, adb, and a bus of its own."""

    def __init__(self, board):
        self.board = board
        self.environment = board.adb.environment | {
            "M4FLASH_BOARDS_DIR": os.environ["M4FLASH_BOARDS_DIR"],
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
        }

    def start(self, upload, *options, name="sketch.elf"):
        """A sketch is taken for an upload in any case: whoever knows better says so."""
        path = self.board.file(upload, name)
        process = subprocess.Popen(
            [M4FLASH, "upload", "--adb", *options, path], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.companions.add(process.pid)
        return process

    def end(self, process):
        """Its exit status, all it said, and the last line's three words."""
        output, _ = process.communicate(timeout=2 * LIMIT)
        processes.companions.discard(process.pid)
        last = re.fullmatch(r"m4flash: (\S+) (\S+) id=(\d+)", output.splitlines()[-1])
        assert last and "\r" not in output, output
        return process.returncode, output, last.groups()

    def upload(self, upload, *options, completed=1):
        self.board.bench.uploads += completed
        return self.end(self.start(upload, *options))


def test_programmed(board, daemon, pc):
    upload = sketches.good("by upload", size=200_000, debug=500_000)
    status, output, last = pc.upload(upload)
    assert (status, last) == (0, ("programmed", "ok", "1")), output
    assert "200000 bytes in 2 sectors, verified and running" in output
    board.bench.check_programmed(upload)


def test_again(board, daemon, pc):
    """The outcome is this upload's, and not that of the same sketch before."""
    upload = sketches.good("twice")
    assert pc.upload(upload)[2] == ("programmed", "ok", "1")
    assert pc.upload(upload)[2] == ("unchanged", "ok", "2")


def test_again_to_a_busy_board(board, daemon, pc):
    """The upload and the question arrive before the daemon has looked at either."""
    upload = sketches.good("twice")
    pc.upload(upload)
    daemon.pause()
    board.bench.uploads += 1
    process = pc.start(upload)
    wait_asked(upload)
    daemon.resume()
    assert pc.end(process)[2] == ("unchanged", "ok", "2")


def test_serial_number(board, daemon, pc):
    """Of two boards the named one; without a name none."""
    board.plug_in_another()
    upload = sketches.good("to one of two")
    status, output, last = pc.upload(upload, completed=0)
    assert (status, last) == (2, ("error", "no-copy", "0")), output
    assert "more than one device" in output
    status, output, last = pc.upload(upload, f"--adb={board.device.serial}")
    assert (status, last) == (0, ("programmed", "ok", "1")), output


@pytest.mark.parametrize("make", sketches.BAD, ids=lambda make: make.__name__)
def test_rejected_before_it_is_sent(board, daemon, pc, make):
    upload = make("bad")
    status, output, last = pc.upload(upload, completed=0)
    assert (status, last) == (1, ("rejected", upload.code, "0")), output
    assert not os.path.exists(board.bench.path)


def test_failed(board, daemon, pc):
    board.bench.standin.set_mode("verify-failed")
    upload = sketches.good("fails")
    status, output, last = pc.upload(upload)
    assert (status, last) == (1, ("failed", "verify-failed", "1")), output
    assert "worn out" in output  # the hint
    assert board.bench.wait_outcome()["result"] == "failed"


def test_two_at_once(board, daemon, pc):
    """Each is told what became of its own."""
    board.bench.standin.close_gate()
    uploads = [sketches.good("mine"), sketches.good("yours")]
    board.bench.uploads += 2
    first = pc.start(uploads[0], name="mine")
    daemon.wait_openocd()
    second = pc.start(uploads[1], name="yours")
    wait_for(lambda: len(daemon.accepted_jobs()) == 2, daemon.log)
    board.bench.standin.open_gate()
    assert pc.end(first)[2] == ("programmed", "ok", "1")
    assert pc.end(second)[2] == ("programmed", "ok", "2")
    board.bench.check_programmed(uploads[1])


def test_superseded(board, daemon, pc):
    """Somebody else's upload takes the place of one that waits."""
    board.bench.standin.close_gate()
    board.bench.uploads += 3
    ends = []
    for number, stamp in enumerate(["first", "second", "third"], 1):
        ends.append(pc.start(sketches.good(stamp), name=stamp))
        wait_for(lambda n=number: len(daemon.accepted_jobs()) == n, daemon.log)
    board.bench.standin.open_gate()
    found = [pc.end(process) for process in ends]
    assert [status for status, _, _ in found] == [0, 1, 0]
    assert found[1][2] == ("superseded", "superseded", "2")


# ---- Boards that cannot tell --------------------------------------------------------------------


def test_no_board(board, daemon, pc):
    pc.environment["ADB_SERVER_SOCKET"] = board.adb.environment["ADB_SERVER_SOCKET"]
    board.adb.run("disconnect")
    status, output, last = pc.upload(sketches.good("nowhere"), completed=0)
    assert (status, last) == (2, ("error", "no-copy", "0")), output
    assert "no devices" in output


def test_board_without_m4flash(board, daemon, pc):
    """It gets the sketch all the same."""
    os.unlink(os.path.join(board.commands, "m4flash"))
    upload = sketches.good("untold")
    status, output, last = pc.upload(upload)
    assert (status, last) == (2, ("error", "no-m4flash", "0")), output
    board.bench.wait_outcome()
    board.bench.check_programmed(upload)


def test_unplugged_while_it_is_programmed(board, daemon, pc):
    """The board goes on, and the PC says that it does not know."""
    board.bench.standin.close_gate()
    board.bench.uploads += 1
    upload = sketches.good("unplugged")
    process = pc.start(upload)
    daemon.wait_openocd()
    wait_asked(upload)
    board.device.drop()
    status, output, last = pc.end(process)
    assert (status, last) == (2, ("error", "disconnected", "0")), output
    board.bench.standin.open_gate()
    board.bench.wait_outcome()
    board.bench.check_programmed(upload)


def test_pushed_by_others(board, daemon, pc):
    """What adb push has sent can be waited for by its digest, from the PC."""
    upload = sketches.never_starts("somebody's")
    board.bench.uploads += 1
    board.adb.run("push", board.file(upload), SKETCH)
    _, output = board.adb.run(
        "shell", f"m4flash wait --timeout {LIMIT} --sha256 {upload.sha256}; echo $?")
    assert output.endswith("m4flash: rejected stack-pointer id=1\r\n1\r\n"), output
