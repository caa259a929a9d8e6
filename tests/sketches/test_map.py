"""What m4flash check says of RAM and symbols, held against what binutils say of the same sketches."""

import json
import os
import re
import subprocess

import pytest
from sketches.variants import ACCEPTED

SHOWN = 8
FLASH, FLASH_END = 0x08100000, 0x08200000
COMPILED = [variant.name for variant in ACCEPTED]


def path_of(name):
    return os.path.join(os.environ["SKETCHES"], name + ".elf")


def check(name):
    done = subprocess.run([os.environ["M4FLASH_COMMAND"], "check", "--board", "portenta-x8",
                           "--json", path_of(name)],
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def readelf(option, name):
    done = subprocess.run(["arm-none-eabi-readelf", option, path_of(name)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, timeout=60, check=True)
    return done.stdout


def symbols(name):
    """Address and size -> all names, of functions and objects."""
    found = {}
    row = re.compile(r"^ *\d+: ([0-9a-f]{8}) +(\d+|0x[0-9a-f]+) (FUNC|OBJECT) +\S+ +\S+ +\S+ (\S+)$", re.M)
    for address, size, kind, symbol in row.findall(readelf("-sW", name)):
        place = int(address, 16) & (~1 if kind == "FUNC" else ~0), int(size, 0)
        if place[1]:
            found.setdefault(place, set()).add(symbol)
    return found


def sections(name):
    """Name, type, address, size, and whether it is loaded, of each."""
    row = re.compile(r"^ *\[ *\d+\] (\S+) +([A-Z_]+) +([0-9a-f]{8}) [0-9a-f]{6} ([0-9a-f]{6}) [0-9a-f]{2}(.{4})", re.M)
    return [(own, kind, int(address, 16), int(size, 16), "A" in flags)
            for own, kind, address, size, flags in row.findall(readelf("-SW", name))]


@pytest.mark.parametrize("name", COMPILED)
def test_symbols(name):
    expected = symbols(name)
    biggest = sorted(expected, key=lambda place: (-place[1], place[0]))[:SHOWN]
    shown = check(name)["symbols"]
    assert [(symbol["address"], symbol["size"]) for symbol in shown] == biggest
    for symbol, place in zip(shown, biggest):
        assert symbol["name"] in expected[place]
    assert biggest or name != "blink"


@pytest.mark.parametrize("name", [name for name in COMPILED if not name.endswith("-bare")])
def test_ram(name):
    expected = {"D2 SRAM": dict.fromkeys(("data", "bss", "heap", "stack"), 0)}
    expected["D3 SRAM"] = dict(expected["D2 SRAM"])
    for own, kind, address, size, loaded in sections(name):
        memory = expected["D3 SRAM" if address >= 0x38000000 else "D2 SRAM"]
        if own == ".heap":
            memory["heap"] += size
        elif own == ".stack_dummy":
            memory["stack"] += size
        elif loaded and not FLASH <= address < FLASH_END:
            memory["bss" if kind == "NOBITS" else "data"] += size
    shown = {memory["name"]: memory for memory in check(name)["ram"]}
    for memory, uses in expected.items():
        assert {use: shown[memory][use] for use in uses} == uses
    assert expected["D2 SRAM"]["stack"] == 1024
