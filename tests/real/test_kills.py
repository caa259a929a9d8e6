"""The simulated chip or OpenOCD is killed at random moments of a programming run: one and the same
daemon lives through all of it, and each time the next push is programmed.

M4FLASH_KILLS says how many times (30), M4FLASH_SEED at which moments.
"""

import os
import random
import signal
import time

from harness import sketches
from harness.pushes import adb_push

KILLS = int(os.environ.get("M4FLASH_KILLS", "30"))
SEED = int(os.environ.get("M4FLASH_SEED", "747"))
SIZE = 4096


def undisturbed(bench, name):
    """A run that goes well. Returns the seconds that it took."""
    return bench.programmed(adb_push, sketches.good(name, size=SIZE))["duration_ms"] / 1000


def kill_openocd(bench):
    pid = bench.daemon.openocd()
    if pid:
        os.kill(pid, signal.SIGKILL)


def kill_chip(bench):
    bench.chip.restart()


def test_kills(bench, daemon):
    chance = random.Random(SEED)
    duration = undisturbed(bench, "first")
    print(f"seed {SEED}, {KILLS} kills, the first in a run of {duration:.2f} s")
    ends = {}
    for number in range(KILLS):
        victim = chance.choice([kill_openocd, kill_chip])
        moment = chance.random()
        bench.push(adb_push, sketches.good(f"victim {number}", size=SIZE))
        daemon.wait_openocd()
        time.sleep(moment * duration)
        victim(bench)
        outcome = bench.wait_outcome()
        assert outcome["result"] in ("programmed", "failed"), outcome
        end = f"{victim.__name__}: {outcome['code']}"
        ends[end] = ends.get(end, 0) + 1
        duration = undisturbed(bench, f"next {number}")
    print(ends)
    assert sum(count for end, count in ends.items() if not end.endswith(": ok")) > KILLS // 3
