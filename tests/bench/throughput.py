"""How quickly the checker goes through a large file, beside reading it and computing its SHA-256,
which it does too."""

import os
import subprocess
import time

from comparison import Comparison, Spread

ROUNDS = 20
CASE = "m4flash check, 30 MB"
AGAINST = "read and SHA-256"


def milliseconds(*command):
    start = time.perf_counter_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter_ns() - start) / 1e6


def measure():
    path = os.path.join(os.environ["SKETCHES"], "debug-30m.elf")
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        ours.append(milliseconds(os.environ["M4FLASH_COMMAND"], "check", path))
        theirs.append(milliseconds(os.environ["READ_AND_DIGEST"], path))
    # The first ones fill the page cache.
    ours, theirs = Spread.of(ours[1:]), Spread.of(theirs[1:])
    yield Comparison(
        part="checker", case=CASE, against=AGAINST, ratios={"median": ours.median / theirs.median},
        ours=ours.text("ms"), theirs=theirs.text("ms"), target=1.5,
        data={"ours_ms": ours, "theirs_ms": theirs})
