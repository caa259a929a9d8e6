"""The upload button of the real Arduino IDE 1.8.19: it compiles a sketch, and our recipe takes that to
the daemon, the real OpenOCD and the simulated chip. The outcome is the IDE's own.
"""

import os
import re

import pytest
from chip import objcopy
from simulator import SECTOR_SIZE

from harness import sketches

quietly_or_not = pytest.mark.parametrize(
    "options", [[], ["--verbose-upload"]], ids=["quiet", "verbose"])


def built(ide, board):
    """What the IDE has compiled."""
    with open(ide.sketchbook.elf, "rb") as file:
        return sketches.Upload(file.read(), objcopy(ide.sketchbook.elf, board.bench.folder))


def check_programmed(ide, board):
    upload = built(ide, board)
    outcome = board.bench.wait_outcome()
    assert outcome["sha256"] == upload.sha256
    board.bench.check_programmed(upload)
    board.bench.chip.check_running()


def lines(console, start):
    return [line for line in console.splitlines() if line.startswith(start)]


@quietly_or_not
def test_programmed(board, ide, options):
    """The steps, one a line, and last the outcome; nothing that is only for a terminal."""
    board.bench.uploads += 1
    status, console = ide.upload(*options)
    assert status == 0, console
    last = lines(console, "Blink.ino: ")
    assert len(last) == 1 and re.fullmatch(
        r"Blink\.ino: programmed: \d+ bytes in 1 sector, verified and running after \d+\.\d s\. "
        r"\(\d+ bytes sent, \d+ s in all\)", last[0]), console
    assert lines(console, "Job 1: ") and not set("\r\033█") & set(console), console
    check_programmed(ide, board)


def test_again(board, ide):
    for result in ["programmed", "unchanged"]:
        board.bench.uploads += 1
        status, console = ide.upload()
        assert status == 0 and lines(console, f"Blink.ino: {result}: "), console
    check_programmed(ide, board)


def test_with_m4flash(board, ide):
    """The computer has it too: the same words."""
    ide.install_m4flash()
    board.bench.uploads += 1
    status, console = ide.upload()
    assert status == 0 and lines(console, "Blink.ino: programmed: "), console
    check_programmed(ide, board)


def check_rejected(board, status, console):
    """The wrong board was selected."""
    assert status == 1, console
    assert lines(console, "Blink.ino: rejected: protected-flash: The sketch would overwrite"), console
    assert lines(console, "  The sketch was built for the Portenta H7's M7 core: "), console
    assert board.bench.chip.counters()["clients"] == 0


@quietly_or_not
def test_rejected(board, ide, options):
    board.bench.uploads += 1
    check_rejected(board, *ide.upload(*options, board="portenta_h7"))


def test_rejected_before_it_is_sent(board, ide):
    ide.install_m4flash()
    check_rejected(board, *ide.upload(board="portenta_h7"))
    assert not os.path.exists(board.bench.path)


@pytest.mark.parametrize("fault, code", [
    ("erase-fail:0", "erase-failed"), ("stuck-bit:0x08100043:0", "verify-failed"),
])
def test_failed(board, ide, fault, code):
    board.bench.chip.set_bank2(bytes(SECTOR_SIZE))
    board.bench.chip.faults(fault)
    board.bench.uploads += 1
    status, console = ide.upload()
    assert status == 1, console
    assert lines(console, f"Blink.ino: failed: {code}: "), console
    assert lines(console, "  Upload again; if the same sector fails each time"), console


def test_no_adapter(board, ide):
    """Nothing answers OpenOCD."""
    board.bench.chip.stop()
    board.bench.uploads += 1
    status, console = ide.upload()
    assert status == 1, console
    assert lines(console, "Blink.ino: failed: no-adapter: "), console
    board.bench.chip.start()


def test_bridge_that_stays_away(board, ide):
    """The sketch is programmed, and the console tells what is amiss all the same."""
    board.bench.settings["Board"]["HealthTimeoutSec"] = "300ms"
    board.bench.restart()
    board.bus.wait_owner()
    board.bench.chip.restart("--bridge", board.bench.chip.file("elsewhere"))
    board.bench.uploads += 1
    status, console = ide.upload()
    assert status == 0, console
    assert lines(console, "Blink.ino: programmed: "), console
    assert "off and on" in console, console


def test_no_board(board, ide):
    board.adb.run("disconnect")
    status, console = ide.upload()
    assert status == 1, console
    assert lines(console, "No board is connected."), console
    assert "USB cable" in console


def test_several_boards(board, ide):
    """Nobody knows which is meant, until it is said."""
    board.plug_in_another()
    status, console = ide.upload()
    assert status == 1, console
    assert lines(console, "Several boards are connected: "), console
    ide.environment["ANDROID_SERIAL"] = board.device.serial
    board.bench.uploads += 1
    status, console = ide.upload()
    assert status == 0, console
    check_programmed(ide, board)


def test_board_without_m4flash(board, ide):
    os.unlink(os.path.join(board.commands, "m4flash"))
    board.bench.uploads += 1
    status, console = ide.upload()
    assert status == 1, console
    assert "the board has no m4flash" in console, console
    check_programmed(ide, board)
