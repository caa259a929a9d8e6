#!/usr/bin/python3
"""What programming costs on the wire: clocks, erases and written words, counted by the simulated
chip. Stock is OpenOCD's `program FILE verify reset exit`; ours is m4flashd with the real OpenOCD,
every run of it counted. Both begin with the same flash. Deterministic, so once is enough.

    wire.py     prints the comparisons as JSON
"""

import json
import os
import pathlib
import sys
import tempfile
from dataclasses import asdict, dataclass

import edits
from chip import Chip, objcopy
from comparison import Comparison
from simulator import SECTOR_SIZE, share_one_cpu
from world import World

from harness import processes
from harness.pushes import adb_push
from harness.sketches import Upload, good

FOLDER = pathlib.Path(os.environ.get("SKETCHES", "."))
AGAINST = "stock"


@dataclass(frozen=True)
class Cost:
    clocks: int
    erases: int
    words: int  # of 32 bytes, written to flash
    runs: int  # of OpenOCD

    @classmethod
    def so_far(cls, chip):
        counters = chip.counters()
        assert counters["erases"]["bank1"] == [0] * 8 and counters["words"]["bank1"] == 0
        return cls(counters["clocks"], sum(counters["erases"]["bank2"]),
                   counters["words"]["bank2"], counters["clients"])

    def __sub__(self, before):
        return Cost(*(now - then for now, then in zip(self.values(), before.values())))

    def values(self):
        return asdict(self).values()

    def text(self):
        return (f"{self.clocks:,} clocks, {self.erases} erase{'s' * (self.erases != 1)}, "
                f"{self.words:,} words")


class Stock:
    """A chip that is programmed as the board's stock service does it."""

    def __init__(self, folder):
        self.chip = Chip(folder)

    def cost(self, before, new):
        self.chip.set_bank2(before)
        start = Cost.so_far(self.chip)
        with tempfile.NamedTemporaryFile(suffix=".elf") as file:
            file.write(new.data)
            file.flush()
            status, output = self.chip.openocd(f"program {file.name} verify reset exit")
        assert status == 0, output
        return Cost.so_far(self.chip) - start

    def end(self):
        self.chip.stop()


class Ours:
    """A board of its own with m4flashd on it."""

    def __init__(self):
        self.world = World()
        self.world.start()

    def bring(self, upload):
        self.world.push(adb_push, upload)
        outcome = self.world.wait_outcome()
        assert outcome["result"] in ("programmed", "unchanged"), self.world.log()
        self.world.check_programmed(upload)
        self.world.chip.check_running()

    def cost(self, new):
        start = Cost.so_far(self.world.chip)
        self.bring(new)
        return Cost.so_far(self.world.chip) - start

    def end(self):
        try:
            self.world.finish()
        finally:
            self.world.discard()


def read(path):
    with tempfile.TemporaryDirectory() as folder:
        return Upload(pathlib.Path(path).read_bytes(), objcopy(path, folder))


def compare(case, stock, ours, target=None):
    return Comparison(
        part="wire", case=case, against=AGAINST, target=target,
        ratios={"clocks": ours.clocks / stock.clocks, "erases": ours.erases / stock.erases},
        ours=ours.text(), theirs=stock.text(), data={"ours": asdict(ours), "stock": asdict(stock)})


def on_a_blank_board(stock, name, upload, identical_target):
    """The first programming, and where wanted the same file once more."""
    ours = Ours()
    try:
        yield compare(f"first programming, {name}", stock.cost(b"", upload), ours.cost(upload), 1.0)
        if identical_target:
            yield compare(f"identical again, {name}", stock.cost(upload.image, upload),
                          ours.cost(upload), identical_target)
    finally:
        ours.end()


def after(stock, base, changes):
    """changes: (case, upload, target); each is programmed over the base."""
    ours = Ours()
    try:
        for case, upload, target in changes:
            ours.bring(base)
            yield compare(case, stock.cost(base.image, upload), ours.cost(upload), target)
    finally:
        ours.end()


def one_byte_changed(base, sector):
    place = sector * SECTOR_SIZE + 0x8000
    changed = edits.with_byte_flipped(base, place)
    return f"one byte of 300 KiB changed, sector {sector + 1} of 3", changed, 0.20


def measure(stock):
    small, middle, big = (read(FOLDER / f"size-{size}.elf") for size in ("4k", "300k", "1m"))
    yield from on_a_blank_board(stock, "4 KiB", small, None)
    yield from on_a_blank_board(stock, "300 KiB", middle, 0.04)
    yield from on_a_blank_board(stock, "1 MiB", big, 0.012)
    changes = [one_byte_changed(middle, sector) for sector in range(3)]
    another = "another sketch over it, 300 KiB", good("another", len(middle.image)), 1.0
    yield from after(stock, middle, [*changes, another])
    for base, rounds in edits.rounds(pathlib.Path(os.environ["ROUNDS"]), read):
        yield from after(stock, base, rounds)


def main():
    processes.become_subreaper()
    share_one_cpu()
    with tempfile.TemporaryDirectory(prefix="m4flash-wire-") as folder:
        stock = Stock(folder)
        processes.companions.add(stock.chip.process.pid)
        try:
            found = [comparison.as_dict() for comparison in measure(stock)]
        finally:
            stock.end()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
