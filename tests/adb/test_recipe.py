"""scripts/arduino/m4flash-upload, which the Arduino IDE runs, with the tools that it may use and no
others. What is wrong goes to standard error, which an IDE shows in red; all else does not.
"""

import errno
import os
import pty
import re
import shutil
import subprocess

import pytest
from attached import M4FLASH, ROOT, wait_asked

from harness import processes, sketches
from harness.waiting import LIMIT

SCRIPT = os.path.join(ROOT, "scripts", "arduino", "m4flash-upload")
TOOLS = "sh adb awk cat cut date dirname grep ps sleep tr wc".split()
UNKNOWN = ["{serial.port.iserial}", "{upload.port.properties.serialNumber}"]


class Recipe:
    def __init__(self, board):
        self.board = board
        self.tools = board.bench.make_folder("tools")
        self.adb = self.tool("adb")
        self.environment = board.adb.environment | {"PATH": self.tools}
        for name in [*TOOLS, "sha256sum"]:
            self.provide(name)

    def tool(self, name):
        return os.path.join(self.tools, name)

    def provide(self, name, program=None):
        os.symlink(program or shutil.which(name), self.tool(name))

    def install_m4flash(self):
        self.provide("m4flash", M4FLASH)
        self.environment["M4FLASH_BOARDS_DIR"] = os.environ["M4FLASH_BOARDS_DIR"]

    def replace(self, name, text):
        """A tool that is a shell script of the test's."""
        if os.path.lexists(self.tool(name)):
            os.unlink(self.tool(name))
        with open(self.tool(name), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(self.tool(name), 0o755)

    def start(self, upload, *serials, name="Blink.ino.elf", stderr=subprocess.PIPE):
        path = self.board.file(upload, name)
        process = subprocess.Popen(
            [SCRIPT, self.adb, path, *(serials or UNKNOWN)], env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        processes.companions.add(process.pid)
        return process

    def end(self, process):
        """Its exit status, and the lines of its output and of its error output."""
        output, error = process.communicate(timeout=2 * LIMIT)
        processes.companions.discard(process.pid)
        error = error or b""
        assert b"\r" not in output + error
        return process.returncode, output.decode().splitlines(), error.decode().splitlines()

    def run(self, upload, *serials, completed=1, **how):
        self.board.bench.uploads += completed
        return self.end(self.start(upload, *serials, **how))


@pytest.fixture
def recipe(board):
    board.install_m4flash()
    return Recipe(board)


@pytest.fixture(params=["adb alone", "m4flash"])
def either(request, recipe):
    """The recipe at a computer without and with m4flash."""
    if request.param == "m4flash":
        recipe.install_m4flash()
    return recipe


def check_programmed(board, upload, status, output, error, name="Blink.ino"):
    assert (status, error) == (0, []), output
    assert re.fullmatch(
        re.escape(name) + r": programmed: \d+ bytes in \d+ sectors?, verified and running after "
        rf"\d+\.\d s\. \({len(upload.data)} bytes sent, \d+ s in all\)", output[-1])
    board.bench.check_programmed(upload)


def check_wrong(found, status, text, hint):
    """Nothing of it is on standard output."""
    assert found[0] == status, found
    assert len(found[2]) == 2 and re.match(text, found[2][0]), found
    assert found[2][1].startswith("  ") and re.search(hint, found[2][1]), found
    assert not any(line in found[1] for line in found[2])


# ---- Outcomes -----------------------------------------------------------------------------------


def test_programmed(board, daemon, either):
    upload = sketches.good("by recipe", size=200_000, debug=500_000)
    found = either.run(upload)
    check_programmed(board, upload, *found)
    assert found[1][0] == f"Uploading Blink.ino to the board {board.device.serial}."


def test_progress(board, daemon, either):
    """A line for each step; what is for a terminal only would be none in an IDE's console."""
    board.device.environment["TERM"] = "linux"
    upload = sketches.good("step by step")
    board.bench.standin.close_gate()
    board.bench.uploads += 1
    process = either.start(upload)
    wait_asked(upload)
    board.bench.standin.open_gate()
    status, output, error = either.end(process)
    check_programmed(board, upload, status, output, error)
    assert any(line.startswith("Job 1: ") for line in output), output
    assert not set("\033█[") & set("".join(output)), output


def test_again(board, daemon, either):
    upload = sketches.good("twice")
    either.run(upload)
    status, output, error = either.run(upload)
    assert (status, error) == (0, [])
    assert output[-1].startswith("Blink.ino: unchanged: ")


@pytest.mark.parametrize("make", sketches.BAD, ids=lambda make: make.__name__)
def test_rejected(board, daemon, recipe, make):
    upload = make("bad")
    check_wrong(recipe.run(upload), 1, rf"Blink\.ino: rejected: {upload.code}: .", ".")
    assert board.bench.wait_outcome()["sha256"] == upload.sha256


def test_rejected_before_it_is_sent(board, daemon, recipe):
    recipe.install_m4flash()
    upload = sketches.never_starts("bad")
    check_wrong(recipe.run(upload, completed=0), 1, r"Blink\.ino: rejected: stack-pointer: .", ".")
    assert not os.path.exists(board.bench.path)


def test_failed(board, daemon, either):
    board.bench.standin.set_mode("verify-failed")
    check_wrong(either.run(sketches.good("fails")), 1,
                r"Blink\.ino: failed: verify-failed: .", "worn out")


def test_superseded(board, daemon, either):
    """By the upload of somebody else, who is told of his own."""
    board.bench.standin.close_gate()
    board.bench.uploads += 3
    found = []
    for stamp in ["first", "second", "third"]:
        upload = sketches.good(stamp)
        found.append(either.start(upload, name=stamp))
        wait_asked(upload)
    board.bench.standin.open_gate()
    found = [either.end(process) for process in found]
    assert [status for status, _, _ in found] == [0, 1, 0], found
    assert found[1][2][0].startswith("second: superseded: ")


def test_no_outcome_in_time(board, daemon, either):
    either.environment["M4FLASH_TIMEOUT"] = "1"
    board.bench.standin.close_gate()
    check_wrong(either.run(sketches.good("late")), 3, "Blink.ino: timeout: .*no outcome", "history")
    board.bench.standin.open_gate()


def test_name_with_everything(board, daemon, either):
    name = "a 'b' \"c\" $(d) %e \\n: failed: .ino"
    upload = sketches.good(name)
    check_programmed(board, upload, *either.run(upload, name=name + ".elf"), name=name)


@pytest.mark.parametrize("tool", ["shasum", "openssl"])
def test_other_digest_tools(board, daemon, recipe, tool):
    if not shutil.which(tool):
        pytest.skip(f"no {tool}")
    os.unlink(recipe.tool("sha256sum"))
    recipe.provide(tool)
    upload = sketches.good(tool)
    check_programmed(board, upload, *recipe.run(upload))


def test_red_on_a_terminal(board, daemon, recipe):
    here, there = pty.openpty()
    status, output, _ = recipe.run(sketches.not_elf("bad"), stderr=there)
    os.close(there)
    error = os.read(here, 4096)
    os.close(here)
    assert status == 1
    assert error.startswith(b"\033[31mBlink.ino: rejected: not-elf") and b"\033[0m\r\n  " in error


# ---- Boards -------------------------------------------------------------------------------------


def test_port_of_one_of_two_boards(board, daemon, recipe):
    board.plug_in_another()
    upload = sketches.good("to one of two")
    check_programmed(board, upload, *recipe.run(upload, "", board.device.serial))


def test_several_boards(board, daemon, either):
    other = board.plug_in_another()
    found = either.run(sketches.good("to whom"), completed=0)
    check_wrong(found, 2, f"Several boards are connected: .*{other.serial}", "ANDROID_SERIAL")
    assert board.device.serial in found[2][0]


def test_android_serial(board, daemon, either):
    other = board.plug_in_another()
    either.environment["ANDROID_SERIAL"] = board.device.serial
    upload = sketches.good("to one of two")
    check_programmed(board, upload, *either.run(upload, other.serial))
    either.environment["ANDROID_SERIAL"] = "elsewhere"
    check_wrong(either.run(upload, completed=0), 2, ".*not connected: elsewhere", other.serial)


@pytest.mark.parametrize("state, text, hint", [
    ("", "No board is connected", "USB cable"),
    ("0123\\toffline", "The board is connected, but does not answer", "half a minute"),
    ("0123\\tunauthorized", "The board is connected, but does not trust", "plug it in again"),
    ("0123\\tno permissions (user in plugdev group; are your udev rules wrong?); see [http://x]",
     "The board is connected, but this user may not", "post_install.sh"),
], ids=["none", "offline", "unauthorized", "permissions"])
def test_no_board(board, daemon, recipe, state, text, hint):
    recipe.replace("adb", f"printf 'List of devices attached\\n{state}\\n\\n'\n")
    check_wrong(recipe.run(sketches.good("nowhere"), completed=0), 2, text, hint)


def test_board_without_m4flash(board, daemon, either):
    """It gets the sketch all the same."""
    os.unlink(os.path.join(board.commands, "m4flash"))
    upload = sketches.good("untold")
    found = either.run(upload)
    assert found[0] == 2 and "the board has no m4flash" in "\n".join(found[2]), found
    board.bench.wait_outcome()
    board.bench.check_programmed(upload)


def test_board_with_another_m4flash(board, daemon, recipe):
    """One that knows no wait."""
    program = os.path.join(board.commands, "m4flash")
    os.unlink(program)
    with open(program, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho 'm4flash: there is no such command' >&2; exit 2\n")
    os.chmod(program, 0o755)
    check_wrong(recipe.run(sketches.good("untold")), 2, "there is no such command", "history")


def test_board_without_service(board, daemon, either):
    """What is in the inbox waits for its next start."""
    board.bench.stop()
    board.bench.uploads += 1
    found = either.end(either.start(sketches.good("early")))
    assert found[0] == 2 and found[2] and found[2][-1].startswith("  "), found
    board.bench.start()


def test_unplugged_while_it_is_programmed(board, daemon, either):
    board.bench.standin.close_gate()
    board.bench.uploads += 1
    upload = sketches.good("unplugged")
    process = either.start(upload)
    wait_asked(upload)
    board.device.drop()
    found = either.end(process)
    assert found[0] == 2 and "before the outcome was known" in found[2][0], found
    board.bench.standin.open_gate()


def test_no_space(board, daemon, either):
    upload = sketches.good("too much", debug=3_000_000)
    board.device.fail_after(1_000_000, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    found = either.run(upload)
    assert found[0] == 2, found
    assert "No space left on device" in "\n".join(found[1] + found[2]), found
    assert found[2], found
    assert board.bench.wait_outcome()["code"] == "deleted"


# ---- Mistakes -----------------------------------------------------------------------------------


def test_no_adb(board, daemon, recipe):
    recipe.adb = "/usr/nowhere/adb"
    check_wrong(recipe.run(sketches.good("nowhere"), completed=0), 2,
                "adb is not there: /usr/nowhere/adb", "board manager")


def test_no_digest_tool(board, daemon, recipe):
    os.unlink(recipe.tool("sha256sum"))
    found = recipe.run(sketches.good("nameless"), completed=0)
    assert found[0] == 2 and "SHA-256" in found[2][-2], found
    assert not os.path.exists(board.bench.path)


def test_usage(board, daemon, recipe):
    done = subprocess.run([SCRIPT, recipe.adb], env=recipe.environment, capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: m4flash-upload ADB SKETCH.elf")


# ---- The IDE that ends too soon -----------------------------------------------------------------


@pytest.mark.parametrize("options, waits", [("--upload Blink.ino", True), ("", False)],
                         ids=["from a shell", "in its window"])
@pytest.mark.parametrize("upload, status", [
    (sketches.good("to the end"), 0), (sketches.not_elf("at all"), 1),
], ids=["programmed", "rejected"])
def test_last_line_is_waited_for(board, daemon, recipe, options, waits, upload, status):
    """The shell stands for IDE 1.8: it is the recipe's parent, and ps shows its arguments."""
    asked = recipe.tool("asked")
    recipe.replace("sleep", f": >{asked}\n")
    path = board.file(upload, "Blink.ino.elf")
    board.bench.uploads += 1
    done = subprocess.run(
        ["sh", "-c", '"$0" "$1" "$2" "$3"; exit $?', SCRIPT, recipe.adb, path, UNKNOWN[0],
         *options.split()],
        env=recipe.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, timeout=2 * LIMIT, check=False)
    assert done.returncode == status
    assert os.path.exists(asked) == waits
