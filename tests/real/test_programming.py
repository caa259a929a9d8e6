"""Sketches of several sizes, built by the real tool chain, programmed by the real OpenOCD."""

import json
import os
import pathlib
import subprocess

import pytest
from chip import objcopy
from simulator import BANK_SIZE, SECTOR_SIZE

from harness import sketches
from harness.pushes import adb_push, cp

FOLDER = os.environ.get("SKETCHES", ".")
C = ["size-4k", "blink", "size-1m"]
CPLUSPLUS = ["pulse", "size-300k"]


def built(name):
    path = os.path.join(FOLDER, name + ".elf")
    return path, pathlib.Path(path).read_bytes()


def push_built(bench, name):
    path, elf = built(name)
    image = objcopy(path, bench.folder)
    upload = sketches.Upload(elf, image)
    return upload, bench.programmed(adb_push, upload)


def program_as_before(chip, path):
    """What the board's stock service does."""
    status, output = chip.openocd(f"program {path} verify reset exit")
    assert status == 0, output


@pytest.mark.parametrize("name", C + CPLUSPLUS)
def test_sketch(bench, daemon, name):
    """The flash afterwards is what objcopy makes of the ELF file, and no byte else has changed."""
    before = sketches.make_image("of somebody else", BANK_SIZE)
    bench.chip.set_bank2(before)
    upload, outcome = push_built(bench, name)
    sectors = -(-len(upload.image) // SECTOR_SIZE)
    bank2 = bench.chip.bank(2)
    assert bank2[: len(upload.image)] == upload.image
    assert set(bank2[len(upload.image) : sectors * SECTOR_SIZE]) <= {0xFF}
    assert bank2[sectors * SECTOR_SIZE :] == before[sectors * SECTOR_SIZE :]
    assert outcome["healthy"] is True
    counters = bench.chip.counters()
    assert counters["erases"]["bank1"] == [0] * 8 and counters["words"]["bank1"] == 0
    assert counters["erases"]["bank2"] == [1] * sectors + [0] * (8 - sectors)


@pytest.mark.parametrize("name", ["size-4k", "size-300k", "size-1m"])
def test_cost(bench, daemon, name):
    """No more clocks on the wire than stock `program FILE verify reset exit` of the same file."""
    path, _ = built(name)
    chip = bench.chip

    def cost(run):
        chip.set_bank2(b"")
        before = chip.counters()["clocks"]
        run()
        return chip.counters()["clocks"] - before, chip.bank(2)

    stock, stock_flash = cost(lambda: program_as_before(chip, path))
    ours, our_flash = cost(lambda: push_built(bench, name))
    print(f"{name}: {ours} clocks, stock {stock}")
    assert our_flash == stock_flash
    assert ours <= stock


def test_one_after_the_other(bench, daemon):
    """Smaller over larger, the same again by touch's kin, larger over smaller."""
    for number, size in enumerate([200_000, 4096, 4096, 140_000]):
        bench.programmed(cp, sketches.good(number // 2 * 2, size=size))


def check(bench, upload):
    """What `m4flash check` says that an upload of these bytes would change."""
    path = os.path.join(bench.folder, "to-check.elf")
    pathlib.Path(path).write_bytes(upload.data)
    done = subprocess.run(
        [os.environ["M4FLASH_COMMAND"], "check", "--json", "--board", str(bench.chip.board),
         "--state-dir", bench.state, path],
        stdout=subprocess.PIPE, timeout=60, check=True)
    return json.loads(done.stdout)


def test_changes_are_foretold(bench, daemon):
    """The sectors of which the check says so are erased by the upload that follows, no others."""
    image = bytearray(sketches.make_image("first", 300_000))
    before = sketches.Upload(sketches.make_elf(image), bytes(image))
    image[SECTOR_SIZE + 1000] ^= 1
    after = sketches.Upload(sketches.make_elf(image), bytes(image))
    assert check(bench, before)["changes_unknown"]
    bench.programmed(cp, before)
    erased = bench.chip.counters()["erases"]["bank2"]
    assert not any(check(bench, before)["sector_changes"])
    foretold = check(bench, after)["sector_changes"]
    assert foretold == [number == 1 for number in range(8)]
    bench.programmed(cp, after)
    now = bench.chip.counters()["erases"]["bank2"]
    assert [a - b for a, b in zip(now, erased)] == [int(change) for change in foretold]


# ---- Health -------------------------------------------------------------------------------------


def test_bridge_that_stays_away(bench):
    """One more reset, by a run of its own, then the truth."""
    bench.settings["Board"]["HealthTimeoutSec"] = "300ms"
    bench.start()
    bench.programmed(adb_push, sketches.good("first"))
    good_run = bench.chip.counters()
    assert good_run["clients"] == 1
    bench.chip.restart("--bridge", bench.chip.file("elsewhere"))

    upload = sketches.good("second")
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("programmed", "no-health")
    assert outcome["healthy"] is False
    assert "off and on" in outcome["hint"]
    bench.check_programmed(upload)
    counters = bench.chip.counters()
    assert counters["clients"] == 2
    assert counters["resets"] > good_run["resets"]
    assert (counters["state"], counters["m4_started"]) == ("running", True)

    bench.chip.restart()
    bench.programmed(adb_push, sketches.good("third"))
