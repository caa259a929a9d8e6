"""scripts/arduino/install: our recipe in every core that is there and out again, and nothing of
anybody else's touched.
"""

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "scripts" / "arduino"
OURS = {"m4flash-upload", "m4flash-upload.bat"}
PLATFORM = 'name=Boards\ntools.adb.upload.pattern="{path}/{cmd}" push\n'
USER = "compiler.cpp.extra_flags=-DMINE\n"  # in somebody's platform.local.txt


@pytest.fixture
def home(tmp_path):
    return tmp_path / "a home"


def make_core(folder):
    folder.mkdir(parents=True)
    (folder / "platform.txt").write_text(PLATFORM)
    return folder


@pytest.fixture
def core(home):
    return make_core(home / ".arduino15/packages/arduino/hardware/mbed_portenta/4.2.1")


def install(home, *arguments, **environment):
    """Its exit status, output and error output."""
    environment |= {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run(
        [FOLDER / "install", *arguments], env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def listing(core):
    return {path.name: path.read_bytes() for path in core.iterdir()}


def check_installed(core, before=""):
    block = (FOLDER / "platform.local.txt").read_text()
    assert (core / "platform.local.txt").read_text() == before + block
    for name in OURS:
        assert (core / name).read_bytes() == (FOLDER / name).read_bytes()
        assert os.access(core / name, os.X_OK)
    assert set(listing(core)) == OURS | {"platform.txt", "platform.local.txt"}


def test_in_and_out_again(home, core):
    before = listing(core)
    assert install(home) == (0, f"{core}: uploads wait for the outcome\n", "")
    check_installed(core)
    assert install(home, "--remove") == (0, f"{core}: as Arduino made it\n", "")
    assert listing(core) == before


def test_twice(home, core):
    for _ in range(2):
        assert install(home)[0] == 0
        check_installed(core)
    for _ in range(2):
        assert install(home, "--remove")[0] == 0
    assert set(listing(core)) == {"platform.txt"}


def test_newer_over_older(home, core):
    install(home)
    path = core / "platform.local.txt"
    path.write_text(path.read_text().replace("tools.adb", "tools.older", 1))
    (core / "m4flash-upload").write_text("#!/bin/sh\n# Uploads a sketch to a Portenta X8, badly\n")
    assert install(home)[0] == 0
    check_installed(core)


@pytest.mark.parametrize("place", [
    ".arduino15/packages/arduino/hardware/mbed_portenta/4.0.0",
    ".arduino15/packages/somebody/hardware/mbed_portenta/1.0.0",
    ".arduino15/packages/arduino/hardware/mbed/9.9.9",
    "Library/Arduino15/packages/arduino/hardware/mbed_portenta/4.0.0",
    "snap/arduino/current/.arduino15/packages/arduino/hardware/mbed_portenta/4.0.0",
    ".var/app/cc.arduino.IDE2/.arduino15/packages/arduino/hardware/mbed_portenta/4.0.0",
    "Arduino/hardware/arduino-git/mbed",
    "Documents/Arduino/hardware/mine/mbed_portenta",
])
def test_places(home, core, place):
    """Each in addition to the usual one."""
    if (home / place) != core:
        make_core(home / place)
    assert install(home)[0] == 0
    check_installed(core)
    check_installed(home / place)
    assert install(home, "--remove")[0] == 0
    assert set(listing(home / place)) == set(listing(core)) == {"platform.txt"}


@pytest.mark.parametrize("variable, below", [
    ("ARDUINO_DIRECTORIES_DATA", "packages/arduino/hardware/mbed_portenta/4.0.0"),
    ("ARDUINO_DIRECTORIES_USER", "hardware/arduino/mbed_portenta"),
    ("LOCALAPPDATA", "Arduino15/packages/arduino/hardware/mbed_portenta/4.0.0"),
])
def test_places_by_environment(home, tmp_path, variable, below):
    core = make_core(tmp_path / "else where" / below)
    assert install(home, **{variable: str(tmp_path / "else where")})[0] == 0
    check_installed(core)


def test_named_core(home, core, tmp_path):
    """That one and no other."""
    named = make_core(tmp_path / "named core")
    assert install(home, named)[0] == 0
    check_installed(named)
    assert set(listing(core)) == {"platform.txt"}


def test_other_cores_are_no_concern(home, core):
    other = home / ".arduino15/packages/arduino/hardware/mbed_portenta/1.0.0"
    other.mkdir()
    (other / "platform.txt").write_text("name=Before the X8\n")
    assert install(home)[0] == 0
    assert set(listing(other)) == {"platform.txt"}


# ---- What is somebody else's --------------------------------------------------------------------


def test_lines_of_the_user_stay(home, core):
    (core / "platform.local.txt").write_text(USER)
    assert install(home)[0] == 0
    check_installed(core, before=USER)
    with open(core / "platform.local.txt", "a", encoding="utf-8") as file:
        file.write("later=1\n")
    assert install(home, "--remove")[0] == 0
    assert (core / "platform.local.txt").read_text() == USER + "later=1\n"


def test_without_a_last_newline(home, core):
    (core / "platform.local.txt").write_text(USER.rstrip())
    assert install(home)[0] == 0
    check_installed(core, before=USER)


def check_refused(home, core, *arguments, text):
    before = listing(core)
    status, output, error = install(home, *arguments)
    last = error.splitlines()[-1]  # after what cp has to say
    assert (status, output) == (1, "") and last.startswith(f"{core}: left as it is: "), error
    assert text in last
    assert listing(core) == before


def test_upload_of_the_users_own(home, core):
    (core / "platform.local.txt").write_text(USER + "tools.adb.upload.pattern=mine\n")
    check_refused(home, core, text="tools.adb.upload.pattern")


def test_program_of_somebody_else(home, core):
    (core / "m4flash-upload").write_text("#!/bin/sh\necho mine\n")
    check_refused(home, core, text="m4flash-upload")
    check_refused(home, core, "--remove", text="m4flash-upload")


@pytest.mark.parametrize("damage", [
    lambda text: text.replace("# <<< m4flash", "#"),
    lambda text: text.replace("# >>> m4flash", "#"),
    lambda text: text + text,
])
def test_damaged_marks(home, core, damage):
    """Whose lines are they?"""
    install(home)
    path = core / "platform.local.txt"
    path.write_text(damage(path.read_text()) + USER)
    for arguments in [], ["--remove"]:
        check_refused(home, core, *arguments, text="marks of m4flash are damaged")


def test_link(home, core):
    elsewhere = home / "elsewhere"
    elsewhere.write_text(USER)
    (core / "platform.local.txt").symlink_to(elsewhere)
    check_refused(home, core, text="a link?")
    assert elsewhere.read_text() == USER


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_core(home, core):
    core.chmod(0o555)
    check_refused(home, core, text="cannot be written")


def test_one_that_is_refused_of_two(home, core):
    other = make_core(home / "Arduino/hardware/mine/mbed_portenta")
    (core / "platform.local.txt").write_text("tools.adb.upload.pattern=mine\n")
    assert install(home)[0] == 1
    check_installed(other)


# ---- Mistakes -----------------------------------------------------------------------------------


def test_no_core(home):
    status, output, error = install(home)
    assert (status, output) == (2, "") and "board manager" in error


def test_folder_that_is_none(home, tmp_path):
    check_refused(home, tmp_path, str(tmp_path), text="no core for the Portenta X8")


def test_usage(home, core):
    status, output, error = install(home, "--wrong")
    assert (status, output) == (2, "") and error.startswith("usage: install")
    status, output, error = install(home, "--help")
    assert (status, error) == (0, "") and "install [--remove] [CORE...]" in output
    assert set(listing(core)) == {"platform.txt"}
