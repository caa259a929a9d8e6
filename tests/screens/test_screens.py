"""What people see: real terminals, compared with the screens in expected/ (\\e stands for ESC).

After a wanted change WRITE_SCREENS=1 writes them anew; look at the difference before committing it.
"""

import hashlib
import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from sketch import D2, FLASH, HOSTILE, SECTOR, image, sketch
from terminal import environment, show

M4FLASH = os.environ["M4FLASH_COMMAND"]
EXPECTED = Path(__file__).parent / "expected"


def check(folder, *options, **terminal):
    argv = [M4FLASH, "check", "--board", "portenta-x8", "--state-dir", "state", *options, "sketch.elf"]
    status, shown = show(argv, folder, **terminal)
    return status, shown.decode()


def assert_screen(name, shown):
    path = EXPECTED / (name + ".txt")
    shown = shown.replace("\033", "\\e")
    if os.environ.get("WRITE_SCREENS"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sketch.elf").write_bytes(sketch())
    return tmp_path


def install(folder, content):
    """The daemon's record that this image is on the chip."""
    digest = hashlib.sha256(content).hexdigest()
    head = {"id": 1, "time": 0, "sha256": "", "image_sha256": digest, "image_size": len(content)}
    payload = json.dumps(head).encode() + b"\n" + content
    (folder / "state").mkdir()
    (folder / "state" / "installed").write_bytes(hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)


@pytest.mark.parametrize("locale, characters", [("C.UTF-8", "utf8"), ("C", "ascii")])
@pytest.mark.parametrize("colour, colours", [(True, "colours"), (False, "plain")])
def test_picture(folder, locale, characters, colour, colours):
    status, shown = check(folder, locale=locale, colour=colour)
    assert status == 0
    assert_screen(f"check-{characters}-{colours}", shown)


def test_changes(folder):
    installed = bytearray(image())
    installed[SECTOR + 5] ^= 1
    del installed[3 * SECTOR :]
    install(folder, bytes(installed))
    status, shown = check(folder)
    assert status == 0
    assert_screen("check-changes", shown)


def test_no_changes(folder):
    install(folder, image())
    status, shown = check(folder, colour=False)
    assert status == 0
    assert_screen("check-no-changes", shown)


def test_narrow(folder):
    status, shown = check(folder, columns=40, colour=False)
    assert status == 0
    assert_screen("check-narrow", shown)


def test_no_sections(folder):
    (folder / "sketch.elf").write_bytes(sketch(sections=False))
    status, shown = check(folder, colour=False)
    assert status == 0
    assert_screen("check-no-sections", shown)


@pytest.mark.parametrize("locale, characters", [("C.UTF-8", "utf8"), ("C", "ascii")])
def test_hostile_names(folder, locale, characters):
    (folder / "sketch.elf").write_bytes(sketch(HOSTILE))
    status, shown = check(folder, locale=locale, colour=False)
    assert status == 0
    assert "\033" not in shown and "\r" not in shown
    assert_screen(f"check-hostile-{characters}", shown)


def test_rejected(folder):
    (folder / "sketch.elf").write_bytes(sketch()[:2000])
    status, shown = check(folder)
    assert status == 1
    assert_screen("check-rejected", shown)


def test_overlapping_sections(folder):
    """The heap claims the whole address space, the stack all but .data."""
    (folder / "sketch.elf").write_bytes(sketch(reserves=[(".heap", 0, 0xFFFFFFFF), (".stack", 0, 0x40000)]))
    status, shown = check(folder, colour=False)
    assert status == 0
    assert_screen("check-overlaps", shown)


def test_a_million_symbols(folder):
    """Each as large as may be, at an address of its own, with a name that begins anywhere."""
    table = b"".join(struct.pack("<IIIBBH", i % 500, D2 + i % 4096, 4096, 1, 0, 1) for i in range(1_000_000))
    (folder / "sketch.elf").write_bytes(sketch(table=table))
    status, shown = check(folder, colour=False)
    assert status == 0
    assert_screen("check-million", shown)


def pipe(folder, **changes):
    argv = [M4FLASH, "check", "--board", "portenta-x8", "--state-dir", "state", "sketch.elf"]
    return subprocess.run(argv, cwd=folder, env={**environment("xterm", "C.UTF-8", True), **changes},
                          stdout=subprocess.PIPE, check=True).stdout.decode()


def test_pipe_gets_no_picture(folder):
    shown = pipe(folder)
    assert_screen("check-pipe", shown)
    assert shown.isascii()


def test_dumb_terminal_gets_what_a_pipe_gets(folder):
    assert check(folder, term="dumb")[1] == pipe(folder)


def test_picture_can_be_refused_and_asked_for(folder):
    assert check(folder, "--picture", "never")[1] == pipe(folder)
    asked = check(folder, "--picture", "always", term="dumb", colour=False)[1]
    assert asked == check(folder, colour=False)[1]
