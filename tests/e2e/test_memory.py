"""A daemon that runs for months keeps its memory: no upload leaves anything behind.

M4FLASH_UPLOADS=10000 for the full count.
"""

import os
import re

import pytest

from harness import processes, sketches
from harness.bench import Bench
from harness.pushes import adb_push, cp
from harness.waiting import wait_for

UPLOADS = int(os.environ.get("M4FLASH_UPLOADS", "300"))
FIRST = 100  # until every buffer has had its largest size
NOISE_KIB = 32  # which pages of the heap are whole and empty is a matter of luck


def anonymous_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Anonymous: +(\d+) kB$", file.read(), re.M)[1])


def upload(bench, number):
    """Sketches and rejects of several sizes, in both ways in which files are replaced."""
    kind = sketches.BAD[number % 4] if number % 5 == 0 else sketches.good
    sizes = {} if number % 5 == 0 else {"size": 3000 + number % 7 * 50_000}
    [adb_push, cp][number % 2](bench.path, kind(f"number {number}", **sizes).data)
    bench.daemon.wait_line(rf"Job {bench.oldest_id + number + 1}: (programmed|unchanged|rejected)")
    bench.daemon.lines.clear()


def settled_kib(daemon):
    """When nothing is under way."""
    wait_for(lambda: not daemon.workers(), "no child")
    wait_for(lambda: processes.state(daemon.pid) == "S", "a daemon at rest")
    return anonymous_kib(daemon.pid)


@pytest.mark.skipif(os.environ.get("M4FLASH_SANITIZED") == "1", reason="a sanitizer keeps memory")
def test_many_uploads(bench: Bench):
    bench.uploads = None  # the history is too short for all of them
    bench.fill_history()
    bench.program = os.environ["INSTANT_OPENOCD"]
    daemon = bench.start()
    for number in range(FIRST):
        upload(bench, number)
    before = settled_kib(daemon)
    for number in range(FIRST, FIRST + UPLOADS):
        upload(bench, number)
    after = settled_kib(daemon)
    print(f"{UPLOADS} uploads: {before} KiB before, {after} KiB after")
    assert after <= before + NOISE_KIB
