"""Words and configurations that reach the real OpenOCD, without a chip."""

import os

import pytest

from real import OPENOCD, SCRIPT, arguments, needs_openocd, program_call, quote, release_call, run

pytestmark = needs_openocd

NAMES = {
    "blank": "a b",
    "braces": "{a}} {",
    "brackets": "[shutdown]",
    "dollar": "$argv ${x} $::env(HOME)",
    "quotes": "\"a' `",
    "backslashes": "a\\b\\\\n\\",
    "semicolon": "a;shutdown;#",
    "newline": "a\nshutdown\nb",
    "backslash-newline": "a\\\n  b",
    "tab": "a\tb\rc",
    "list": "{*}a -b",
    "utf-8": "größe-€-😀",
    "bytes": os.fsdecode(b"\xff\xfe\x80"),
    "all-ascii": "".join(map(chr, range(1, 128))).replace("/", ""),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_words_arrive_unchanged(tmp_path, name):
    """The configuration's and the script's names, and what an evaluated word would have done."""
    config, script = tmp_path / (name + ".cfg"), tmp_path / (name + ".tcl")
    config.write_text("echo {configuration was read}\nerror enough\n")
    os.symlink(SCRIPT, script)
    result = run(OPENOCD, arguments(program_call(config, tmp_path / name, 1), script))
    assert result.status == 1
    assert "configuration was read" in result.lines
    assert result.ours() == ["stage connect", "error connect enough"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_image_folder_is_found(tmp_path, name):
    """No chip is needed to see that the name of a file in it comes out as it went in."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "sector-0.bin").write_bytes(b"x")
    check = f"m4flash_image {quote(str(folder))} 16 1"
    result = run(OPENOCD, arguments(f"echo \"got [{check}]\"; shutdown"))
    assert "got x" in result.lines


CONFIGS = {
    "garbage": ("no such command", 'invalid command name "no"'),
    "open-brace": ("proc x {", "missing close-brace"),
    "undefined": ("echo $nothing", 'can\'t read "nothing": no such variable'),
    "own-words": ("error {it\nis so}", "it"),
    "binary": ("\x7fELF\x01\x01", 'invalid command name "\x7fELF\x01\x01"'),
}


@pytest.mark.parametrize("call", [lambda config: program_call(config, "/nowhere", 1), release_call],
                         ids=["program", "release"])
@pytest.mark.parametrize("text, message", CONFIGS.values(), ids=CONFIGS)
def test_wrong_configuration(tmp_path, call, text, message):
    config = tmp_path / "wrong.cfg"
    config.write_text(text)
    result = run(OPENOCD, arguments(call(config)))
    assert result.status == 1
    assert result.ours() == ["stage connect", "error connect " + message]


def test_missing_configuration():
    result = run(OPENOCD, arguments(release_call("/no/such.cfg")))
    assert result.status == 1
    assert result.ours() == ["stage connect", "error connect Can't find /no/such.cfg"]


def test_no_configuration():
    result = run(OPENOCD, arguments(release_call("")))
    assert result.status == 1
    assert 'Error: Debug Adapter has to be specified, see "adapter driver" command' in result.lines
    assert result.ours() == ["stage connect", "error connect"]


@pytest.mark.parametrize("text", ["shutdown", "exit", "return", "init", "error {}"])
def test_configuration_that_ends_early_is_no_success(tmp_path, text):
    config = tmp_path / "ends.cfg"
    config.write_text(text)
    result = run(OPENOCD, arguments(release_call(config)))
    assert not result.done()
    assert "released" not in result.ours()


def test_missing_script():
    result = run(OPENOCD, arguments(release_call("x"), "/no/such.tcl"))
    assert result.status == 1
    assert result.ours() == []
