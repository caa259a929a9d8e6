#!/usr/bin/python3
"""Compares two opinions on mutated sketches: the C checker's and opinion.py's.

By hand, in a build folder's environment:
meson devenv -C build ../tests/opinion/compare.py COUNT [--first N] [--objcopy N] [--openocd N]

--objcopy: of so many accepted ones the image must be what `objcopy -O binary` makes of the file.
--openocd: of so many, what the real OpenOCD's ELF loader leaves in the simulated chip's flash.
"""

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections import Counter

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "sketches"), str(TESTS / "h7sim")]

import opinion  # noqa: E402
from loaders import Flash, objcopy  # noqa: E402
from mutants import mutant  # noqa: E402

BATCH = 1000
BASE_SIZE_MAX = 8 * 1024

# Judged by who opens the file, and asks for a signature.
NOT_JUDGED_HERE = {"not-regular", "unreadable", "too-large", "owner", "signature"}


def board():
    return opinion.Board(os.environ["BOARD"])


def ask_the_checker(files):
    """(code, needed size, SHA-256 of the image or "-") of each, from the C checker."""
    stream = b"".join(len(file).to_bytes(4, "little") + file for file in files)
    done = subprocess.run([os.environ["JUDGE"], os.environ["BOARD"]], input=stream, check=True,
                          stdout=subprocess.PIPE)
    answers = [line.split() for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(files)
    return [(code, int(needed), digest) for code, needed, digest in answers]


def as_answer(said):
    digest = hashlib.sha256(said.image).hexdigest() if said.code == "accepted" else "-"
    return said.code, said.needed, digest


def bases():
    """Small sketches and what the corpus makes of them. Sound ones have every second turn."""
    with open(os.environ["CORPUS"], encoding="utf-8") as manifest:
        records = json.load(manifest)
    small = [r for r in records if os.path.getsize(r["file"]) <= BASE_SIZE_MAX]
    accepted = [pathlib.Path(r["file"]).read_bytes() for r in small if r["code"] == "accepted"]
    rejected = [pathlib.Path(r["file"]).read_bytes() for r in small if r["code"] != "accepted"]
    return accepted * (3 * len(rejected) // len(accepted)) + rejected


class Difference(Exception):
    pass


class Comparison:
    def __init__(self, openocd=0, objcopies=0):
        self.board, self.bases = board(), bases()
        self.codes = Counter()
        self.objcopies_left, self.objcopies = objcopies, Counter()
        self.openocd_left, self.flash, self.flashed = openocd, None, 0
        self.seen = set()  # images that OpenOCD has loaded

    def run(self, first, count):
        with tempfile.TemporaryDirectory(prefix="opinion-") as folder:
            self.folder = pathlib.Path(folder)
            if self.openocd_left:
                self.flash = Flash(self.folder)
            try:
                for start in range(first, first + count, BATCH):
                    self.compare(range(start, min(start + BATCH, first + count)))
            finally:
                if self.flash:
                    self.flash.stop()

    def compare(self, numbers):
        files = [mutant(self.bases, number) for number in numbers]
        for number, file, answer in zip(numbers, files, ask_the_checker(files)):
            said = opinion.judge(file, self.board)
            if as_answer(said) != answer:
                raise Difference(f"mutant {number}: the checker says {answer}, the opinion is "
                                 f"{as_answer(said)}")
            self.codes[said.code] += 1
            if said.code == "accepted":
                self.load(number, file, said)

    def load(self, number, file, said):
        if self.objcopies_left:
            self.objcopies_left -= 1
            image, how = objcopy(file, said, self.folder)
            self.objcopies[how] += 1
            if image != said.image:
                raise Difference(f"mutant {number}: objcopy makes another image ({how})")
        digest = hashlib.sha256(said.image).digest()
        # One in a few, each with another image.
        if self.openocd_left and number % 7 == 0 and digest not in self.seen:
            if self.flash.is_an_exception(file):
                return
            self.seen.add(digest)
            self.openocd_left -= 1
            self.flashed += 1
            if self.flash.load(file) != said.image.ljust(self.flash.size, b"\xff"):
                raise Difference(f"mutant {number}: OpenOCD leaves something else in flash")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--objcopy", type=int, default=0)
    parser.add_argument("--openocd", type=int, default=0)
    options = parser.parse_args()
    comparison = Comparison(options.openocd, options.objcopy)
    try:
        comparison.run(options.first, options.count)
    except Difference as difference:
        sys.exit(str(difference))
    print(f"{comparison.codes.total()} mutants, no difference")
    for code, n in comparison.codes.most_common():
        print(f"  {code:<16} {n:7}")
    for how, n in comparison.objcopies.items():
        print(f"objcopy on {how}: {n}, no difference")
    print(f"OpenOCD on the simulated chip: {comparison.flashed}, no difference")


if __name__ == "__main__":
    main()
