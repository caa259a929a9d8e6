"""Options and configuration files: what is wrong is told, with its place, and stops nobody."""

import os
import subprocess

import pytest

from harness import sketches
from harness.daemon import PROGRAM
from harness.pushes import adb_push


def run(*options):
    return subprocess.run(
        [PROGRAM, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=60,
    )


def check_works(bench):
    upload = sketches.good("works")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_help():
    done = run("--help")
    assert done.returncode == 0
    for option in ("--config", "--inbox", "--state-dir", "--runtime-dir", "--openocd",
                   "--openocd-config", "--board", "--version"):
        assert option in done.stdout


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("m4flashd ")


@pytest.mark.parametrize("options", [
    ["--no-such-option"], ["--inbox"], ["left-over"], ["--config"], ["-x"],
], ids=" ".join)
def test_bad_options(options):
    done = run(*options)
    assert done.returncode not in (0, -6, -11)
    assert done.stdout == ""
    assert "--help" in done.stderr or "usage" in done.stderr.lower()


def test_config_file_that_is_missing(bench):
    missing = os.path.join(bench.folder, "missing.conf")
    done = run("--config", missing)
    assert done.returncode > 0
    assert missing in done.stderr


def test_board_that_is_unknown(bench):
    done = run(*bench.options(), "--board", "no-such-board")
    assert done.returncode > 0
    assert "no-such-board" in done.stderr


def test_board_profile_of_ones_own(bench, daemon):
    profile = os.path.join(os.environ["M4FLASH_BOARDS_DIR"], "portenta-x8.conf")
    bench.restart("--board", profile)
    check_works(bench)


def test_board_with_a_routine_that_nobody_built(bench):
    with open(os.path.join(os.environ["M4FLASH_BOARDS_DIR"], "portenta-x8.conf")) as file:
        text = file.read()
    profile = os.path.join(bench.folder, "own.conf")
    adb_push(profile, text.replace("Routine=stm32h7", "Routine=stm32h9").encode())
    daemon = bench.start("--board", profile)
    assert "Routine=stm32h9, which this m4flashd was built without" in daemon.log()
    check_works(bench)


@pytest.mark.parametrize("line, text", [
    (2, "[Inbox]\nNoSuchKey=1\n"),
    (1, "[NoSuchSection]\n[Inbox]\n"),
    (2, "[Inbox]\nMaxSize=lots\n"),
    (3, "[OpenOCD]\n\nTimeoutSec=-1\n"),
    (2, "[Inbox]\nneither key nor section\n"),
    (2, "[Inbox]\nFileName=../../etc/passwd\n"),
    (2, "[Inbox]\nDirectory=relative/path\n"),
], ids=["key", "section", "size", "time", "line", "name", "directory"])
def test_mistake_is_a_warning_with_its_place(bench, line, text):
    bench.raw_config = text + "[Board]\nHealthFile=\n"
    daemon = bench.start()
    assert f"{bench.config}:{line}: " in daemon.log()
    check_works(bench)


def test_garbage_as_configuration(bench):
    """A NUL hides what stands behind it: it may have been what keeps others out."""
    bench.raw_config = "[Board]\nHealthFile=\n" + "\0\xff[[[=\n" * 100
    bench.start()
    assert f"{bench.config}:3: " in bench.log()
    bench.push(adb_push, sketches.good("of root's, but not signed"))
    assert bench.wait_outcome()["code"] == "signature"
    bench.stop()
    bench.raw_config = "[Board]\nHealthFile=\n" + "\xff[[[=\n" * 100
    bench.start()
    assert f"{bench.config}:3: " in bench.log()
    check_works(bench)


def test_timeout_of_the_configuration(bench):
    bench.settings["OpenOCD"]["TimeoutSec"] = "1"
    bench.start()
    bench.standin.set_mode("hang")
    bench.push(adb_push, sketches.good("hangs"))
    assert bench.wait_outcome()["code"] == "timeout"


def test_file_name_of_the_configuration(bench):
    bench.settings["Inbox"]["FileName"] = "other.elf"
    bench.start()
    adb_push(bench.path, sketches.good("not this").data)
    bench.path = os.path.join(bench.inbox, "other.elf")
    check_works(bench)


def test_options_override_the_configuration(bench):
    bench.settings["Inbox"]["Directory"] = os.path.join(bench.folder, "elsewhere")
    bench.settings["OpenOCD"]["Program"] = "/bin/false"
    bench.settings["OpenOCD"]["Config"] = "/dev/null"
    bench.start()
    check_works(bench)


def test_configuration_alone(bench):
    """Without options but those for the folders that a service manager would give."""
    bench.settings["Inbox"]["Directory"] = bench.inbox
    bench.settings["OpenOCD"]["Program"] = bench.program
    bench.settings["OpenOCD"]["Config"] = bench.standin.control
    bench.settings["Board"]["Name"] = "portenta-x8"
    bench.options = bench.options_of_a_service
    bench.start(env={"STATE_DIRECTORY": bench.state, "RUNTIME_DIRECTORY": bench.runtime})
    check_works(bench)


@pytest.mark.parametrize("option", ["--state-dir", "--runtime-dir"])
def test_folder_that_cannot_be_had(bench, option):
    file = os.path.join(bench.folder, "file")
    adb_push(file, b"not a folder")
    done = run(*bench.options(), option, os.path.join(file, "below"))
    assert done.returncode > 0
    assert file in done.stderr
