"""How the installed programs were built, by what can be seen in their files."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PROGRAMS = [Path(path) for path in os.environ["M4FLASH_PROGRAMS"].split(":")]
MACHINE = os.uname().machine

pytestmark = [
    pytest.mark.skipif(os.environ["M4FLASH_SANITIZED"] == "1", reason="sanitizers have their own ways"),
    pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name),
]


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, program], env=os.environ | {"LC_ALL": "C"},
                          stdout=subprocess.PIPE, text=True, check=True).stdout


def test_position_independent(program):
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", readelf(program, "-h"))


def test_everything_is_bound_and_made_read_only_at_start(program):
    assert "GNU_RELRO" in readelf(program, "-l")
    flags = re.findall(r"\((FLAGS\w*)\)\s+(.*)", readelf(program, "-d"))
    assert any("NOW" in value for _, value in flags), flags


def test_stack_cannot_be_run(program):
    stack = re.search(r"GNU_STACK.*\s(\S+)\s+0x\w+$", readelf(program, "-l"), flags=re.MULTILINE)
    assert stack[1] == "RW"


def test_nothing_is_both_written_and_run(program):
    segments = re.findall(r"^\s+LOAD\s+(?:0x\w+\s+){5}([RWE ]+?)\s+0x", readelf(program, "-l"),
                          flags=re.MULTILINE)
    assert segments and not [flags for flags in segments if "W" in flags and "E" in flags]


def symbols(program):
    return set(re.findall(r"UND (\w+)", readelf(program, "--dyn-syms")))


def test_stack_protector(program):
    assert "__stack_chk_fail" in symbols(program)


def test_fortified(program):
    assert [name for name in symbols(program) if name.endswith("_chk")]


LANDINGS = {"x86_64": r"\bendbr64\b", "aarch64": r"\b(bti\s+j?c|paciasp)\b"}


@pytest.mark.skipif(MACHINE not in LANDINGS, reason=f"{MACHINE} has no such thing")
def test_no_jump_into_the_middle(program):
    """CET on x86, BTI and PAC on arm64: more places to land than the C library's few start files
    bring. (Debian 12's do not, so its linker does not mark the whole.)"""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", program],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    assert len(re.findall(LANDINGS[MACHINE], code)) > 20
