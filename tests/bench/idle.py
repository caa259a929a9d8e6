"""What each rival costs while nothing is uploaded: memory that is its alone, and how often it wakes
up. After the race, so everybody has been at work before."""

import os
import re
import time

from comparison import Comparison
from rivals import LOOP, OURS, RIVALS, STOCK

SECONDS = 60
CALM = "calm.service"  # m4flash without the watchdog


def private_kib(pid):
    """The unique set size."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(kib) for kib in re.findall(r"^Private_\w+: +(\d+) kB$", file.read(), re.M))


def wake_ups(pid):
    """Each switch to another process is a return from one, wanted or not."""
    number = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
            number += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", file.read()))
    return number


def run(arena):
    """{unit: {"kib", "wake_ups", "processes"}}"""
    units = [unit for unit, _, _ in RIVALS.values()] + [CALM]
    pids = {unit: arena.container.processes(unit) for unit in units}
    before = {unit: sum(map(wake_ups, pids[unit])) for unit in units}
    time.sleep(SECONDS)
    return {unit: {"kib": sum(map(private_kib, pids[unit])), "processes": len(pids[unit]),
                   "wake_ups": sum(map(wake_ups, pids[unit])) - before[unit]} for unit in units}


def text(found):
    return f"{found['kib']:,} KiB, {found['wake_ups']} wake-ups in {SECONDS} s"


def measure(arena):
    found = run(arena)
    stock, loop, ours = (found[RIVALS[name][0]] for name in (STOCK, LOOP, OURS))
    assert stock["processes"] == 0 and min(loop["kib"], ours["kib"]) > 0, found
    ours_text = f"{text(ours)} ({found[CALM]['wake_ups']} without the watchdog)"
    data = {"ours": ours, "ours_without_watchdog": found[CALM]}
    yield Comparison(
        part="idle", case="own memory and wake-ups", against=LOOP,
        ratios={"memory": ours["kib"] / loop["kib"]}, ours=ours_text, theirs=text(loop),
        data=data | {"theirs": loop})
    yield Comparison(
        part="idle", case="own memory and wake-ups", against=STOCK, ratios={}, ours=ours_text,
        theirs="no process: systemd itself watches", data=data | {"theirs": stock})
