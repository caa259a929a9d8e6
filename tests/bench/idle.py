"""What each rival costs while nothing is uploaded: memory that is its alone, and how often it wakes
up. After the race, so everybody has been at work before."""

import collections
import os
import re
import struct
import time

from comparison import Comparison
from rivals import LOOP, OURS, RIVALS, STOCK

SECONDS = 60
PAGE = os.sysconf("SC_PAGESIZE")
CALM = "calm.service"  # m4flash without the watchdog


def sum_of(pids, name):
    """KiB in smaps_rollup, of all of them."""
    found = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            found += int(re.search(rf"^{name}: +(\d+) kB$", file.read(), re.M)[1])
    return found


def frames(pid):
    """The frames of memory that it has mapped, each as often as it has."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        for line in maps:
            first, last = (int(text, 16) // PAGE for text in line.split()[0].split("-"))
            if first >= 1 << 51:
                continue  # vsyscall, the kernel's
            pagemap.seek(first * 8)
            for (entry,) in struct.iter_unpack("=Q", pagemap.read((last - first) * 8)):
                if entry >> 63:
                    yield entry & (1 << 55) - 1


def own_kib(pids):
    """What nobody but these processes has mapped: their unique set size, all together."""
    mapped = collections.Counter(frame for pid in pids for frame in frames(pid))
    own = 0
    with open("/proc/kpagecount", "rb") as file:
        for frame, times in mapped.items():
            file.seek(frame * 8)
            own += struct.unpack("=Q", file.read(8))[0] == times
    return own * PAGE // 1024


def wake_ups(pid):
    """Each switch to another process is a return from one, wanted or not."""
    number = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
            number += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", file.read()))
    return number


def run(arena):
    """{unit: {"kib", "with_files_kib", "wake_ups", "processes"}}"""
    units = [unit for unit, _, _ in RIVALS.values()] + [CALM]
    pids = {unit: arena.container.processes(unit) for unit in units}
    before = {unit: sum(map(wake_ups, pids[unit])) for unit in units}
    time.sleep(SECONDS)
    after = {unit: sum(map(wake_ups, pids[unit])) for unit in units}
    # A second m4flashd would have what it maps of files count as shared.
    arena.container.run("systemctl", "stop", CALM)
    found = {unit: {"wake_ups": after[unit] - before[unit], "processes": len(pids[unit]),
                    "kib": sum_of(pids[unit], "Private_Dirty"),
                    "with_files_kib": own_kib(pids[unit])} for unit in units if unit != CALM}
    found[CALM] = {"wake_ups": after[CALM] - before[CALM]}
    return found


def text(found):
    return (f"{found['kib']:,} KiB, {found['with_files_kib']:,} with programs and libraries that "
            f"nobody else uses, {found['wake_ups']} wake-ups in {SECONDS} s")


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
