"""units/m4flash.tcl by the real OpenOCD on the simulated chip: what is in the flash afterwards,
what it costs on the wire, and that the chip runs again after every failure that it survives.
"""

import random

import pytest

from real import BANK, CHIP_CONFIG, SECTOR, START, Chip, needs_openocd, program_call
from real import release_call, write_image

pytestmark = needs_openocd

SIZES = {"4-KiB": 4096, "odd": 33_801, "300-KiB": 300 << 10}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


class Bench:
    def __init__(self, folder):
        self.folder, self.flash, self.images = folder, folder / "flash", folder / "images"
        self.firmware = random.Random(7).randbytes(BANK)
        self.old = random.Random(8).randbytes(BANK)
        self.flash.write_bytes(self.firmware + self.old)

    def image(self, size, n=None, seed=1):
        image = random.Random(seed).randbytes(size)
        write_image(self.images, image, n)
        return image

    def program(self, n, *faults, config=CHIP_CONFIG, **keys):
        with Chip(self.folder, self.flash, *faults) as chip:
            result = chip.run(program_call(config, self.images, n, **keys))
        self.stats = chip.stats
        assert chip.flash.read_bytes()[:BANK] == self.firmware
        return result

    def stock(self, image):
        """Clocks of OpenOCD's own way, with a chip of its own."""
        path = self.folder / "image.bin"
        path.write_bytes(image)
        with Chip(self.folder, self.folder / "stock-flash") as chip:
            chip.openocd(["-f", str(CHIP_CONFIG),
                          "-c", f"program {path} verify reset exit {START:#x}"])
        return chip.stats["clocks"]

    def bank2(self):
        return self.flash.read_bytes()[BANK:]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_programs(bench, size):
    """The flash as it should be, for no more clocks than OpenOCD's own way needs."""
    n = -(-size // SECTOR)
    image = bench.image(size)
    result = bench.program(n)
    assert result.done()
    flash = bench.bank2()
    assert flash[:n * SECTOR] == image.ljust(n * SECTOR, b"\xff")
    assert flash[n * SECTOR:] == bench.old[n * SECTOR:]
    assert bench.stats["state"] == "running"
    assert bench.stats["erases"]["bank2"] == [1] * n + [0] * (8 - n)
    assert bench.stats["words"]["bank2"] == -(-size // 32)
    assert bench.stats["clocks"] <= bench.stock(image)


def test_tells_each_step(bench):
    bench.image(33_801, n=2)
    lines = bench.program(2).ours()
    assert lines == [
        "stage connect", "connected",
        "stage erase", "sector 0", "sector 1",
        "stage write", "progress 0 33801", "progress 33769 33801", "progress 33801 33801",
        "stage verify", "stage reset", "released", "stage done",
    ]


@pytest.mark.parametrize("image", [b"", b"\xff" * 100, b"x", b"x" * 31, b"x" * 32, b"x" * 33,
                                   b"x" + b"\xff" * (2 * SECTOR - 2) + b"y",
                                   b"\xff" * SECTOR + b"y"],
                         ids=["empty", "blank", "1", "31", "32", "33", "gap", "blank-sector"])
def test_shapes(bench, image):
    write_image(bench.images, image, 2)
    assert bench.program(2).done()
    assert bench.bank2()[:2 * SECTOR] == image.ljust(2 * SECTOR, b"\xff")


def test_sector_without_a_file_is_erased(bench):
    bench.image(100, n=1)
    assert bench.program(3).done()
    assert set(bench.bank2()[SECTOR:3 * SECTOR]) == {0xFF}


def test_image_in_the_middle_of_a_bank(bench):
    image = bench.image(5000)
    assert bench.program(1, start=START + 3 * SECTOR).done()
    assert bench.bank2()[3 * SECTOR:][:5000] == image
    assert bench.bank2()[:3 * SECTOR] == bench.old[:3 * SECTOR]


# ---- Failures -----------------------------------------------------------------------------------

# fault: the stage that fails, the last thing said of progress
SURVIVED = {
    "erase-fail:1": ("erase", "sector 1"),
    "write-protect:0": ("erase", "sector 0"),
    "write-error:0x08100400": ("write", "progress 0 140000"),
    "write-error:0x08100000": ("write", "progress 139968 140000"),
    "corrupt-word:0x08100000": ("verify", "sector 0"),
    "corrupt-word:0x08120010": ("verify", "sector 1"),
}


@pytest.mark.parametrize("fault", SURVIVED)
def test_chip_runs_after_a_failure(bench, fault):
    stage, progress = SURVIVED[fault]
    bench.image(140_000)
    result = bench.program(2, fault)
    assert result.status == 1
    assert result.ours()[-3:] == [progress, f"error {stage}", "released"]
    assert bench.stats["state"] == "running"


def test_stuck_bit_is_found(bench):
    image = bytearray(bench.image(140_000))
    image[130_000] &= ~1
    write_image(bench.images, bytes(image))
    result = bench.program(2, f"stuck-bit:{START + 130_000:#x}:0")
    assert result.ours()[-3:] == ["sector 0", "error verify", "released"]


def test_old_bytes_behind_the_image_are_found(bench):
    """As if a sector had not been erased: the checksum covers what no file speaks of."""
    bench.old = b"x" * 100 + b"\xff" * (2 * SECTOR - 101) + b"y" + bench.old[2 * SECTOR:]
    bench.flash.write_bytes(bench.firmware + bench.old)
    with Chip(bench.folder, bench.flash) as chip:
        verify = f"m4flash_verify {START:#x} {bench.folder} {'x' * 100} {SECTOR}"
        result = chip.run(f"m4flash_connect {CHIP_CONFIG}; {verify} 1; {verify} 2")
    assert result.ours()[2:] == ["stage verify", "stage verify", "sector 0", "sector 1"]
    assert result.status == 1


@pytest.mark.parametrize("fault", ["no-target-high", "no-target-low", "die-after:300",
                                   "die-after:665", "die-after:3000", "wait-forever:300"])
def test_chip_that_is_gone(bench, fault):
    bench.image(140_000)
    result = bench.program(2, fault)
    assert result.status == 1
    assert "released" not in result.ours()
    assert [line for line in result.ours() if line.startswith("error ")]


@pytest.mark.parametrize("word", [1, 2, 1000, 4374, 4375])
def test_interrupted_sketch_is_never_started(bench, word):
    """4375 flash words: the one with the stack pointer is the last."""
    bench.image(140_000)
    assert bench.program(2, f"power-cut-word:{word}").status != 0
    assert bench.bank2()[:4] == b"\xff\xff\xff\xff" or word == 4375


# ---- The board's configuration ------------------------------------------------------------------


def variant(bench, *changes):
    """The chip's configuration with (old, new) texts replaced."""
    text = CHIP_CONFIG.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = bench.folder / "variant.cfg"
    path.write_text(text)
    return path


END = "init\ntargets\nreset halt\n"
CONFIGS = {
    "nothing": "", "init": "init\n", "reset-init": "init\nreset init\n", "all": END,
}


@pytest.mark.parametrize("end", CONFIGS.values(), ids=CONFIGS)
def test_what_the_configuration_leaves_undone_is_done(bench, end):
    image = bench.image(4096)
    assert bench.program(1, config=variant(bench, (END, end))).done()
    assert bench.bank2()[:4096] == image
    assert bench.stats["resets"] == 4  # OpenOCD pulses SRST twice: halt once, run once


def test_configuration_that_lets_the_chip_run(bench):
    bench.image(4096)
    assert bench.program(1, config=variant(bench, ("reset halt", "reset run"))).done()


def test_missing_bank_is_an_error(bench):
    """OpenOCD itself only warns, and exits with 0."""
    bench.image(4096)
    result = bench.program(1, config=variant(bench, ("stm32h7x_dual_bank", "stm32h7x")))
    assert result.status == 1
    assert result.ours()[-2:] == ["error connect no flash bank holds 0x08100000 to 0x0811ffff",
                                  "released"]


@pytest.mark.parametrize("start, n", [(0x081E0000, 2), (0x20000000, 1), (0x07FE0000, 1)])
def test_range_outside_of_flash(bench, start, n):
    bench.image(4096)
    result = bench.program(n, start=start)
    assert result.ours()[-2].startswith("error connect no flash bank holds")
    assert sum(bench.stats["erases"]["bank1"] + bench.stats["erases"]["bank2"]) == 0


@pytest.mark.parametrize("keys", [{"start": START + 4096}, {"sector_size": SECTOR // 2}], ids=str)
def test_sectors_that_are_not_the_chips(bench, keys):
    bench.image(4096)
    result = bench.program(1, **keys)
    assert result.status == 1
    assert bench.bank2() == bench.old


def test_file_larger_than_its_sector(bench):
    bench.image(4096)
    (bench.images / "sector-0.bin").write_bytes(b"x" * (SECTOR + 1))
    result = bench.program(1)
    assert "is larger than a sector" in result.ours()[-2]
    assert bench.bank2() == bench.old


def test_chip_that_does_not_halt(bench):
    """Without SRST nothing resets this core, so it does not stop at the reset vector either."""
    result = bench.program(1, config=variant(
        bench, ("reset_config srst_only srst_push_pull",
                "reset_config none\nstm32h7x.cpu0 cortex_m reset_config vectreset")))
    assert "Error: timed out while waiting for target halted" in result.lines
    assert result.ours()[-2:] == ["error connect TARGET: stm32h7x.cpu0 - Not halted", "released"]


def test_release(bench):
    with Chip(bench.folder, bench.flash) as chip:
        result = chip.run(release_call(CHIP_CONFIG))
    assert result.done()
    assert result.ours() == ["stage connect", "connected", "stage reset", "released", "stage done"]
    assert chip.stats["state"] == "running"
    assert sum(chip.stats["erases"]["bank2"]) == 0


def test_stock_way_leaves_the_chip_halted(bench):
    """Why there is a procedure of ours: this is what it does better."""
    path = bench.folder / "image.bin"
    path.write_bytes(b"x" * 4096)
    with Chip(bench.folder, bench.flash, "write-error:0x08100400") as chip:
        chip.openocd(["-f", str(CHIP_CONFIG), "-c", f"program {path} verify reset exit {START:#x}"])
    assert chip.stats["state"] == "halted"
