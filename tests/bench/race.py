"""From an upload's close() to the start of OpenOCD: the same files pushed to every rival in turn, so
that what else the machine does hits them all.

The path unit is told of the file as soon as it is there, not when it is closed, so that its time
runs before the upload's end; the larger the file, the more of it does.
"""

import time

from comparison import Comparison, Spread
from latency import make_upload
from rivals import LOOP, OURS, STOCK

ROUNDS = 40
SIZES = {"300 KiB": 300 << 10, "10 MB": 10_000_000}
REST = 0.25  # seconds for what comes after OpenOCD's start
TARGETS = {STOCK: 0.1}


def run(arena):
    """{size: {rival's name: [(milliseconds or None, early starts), ...]}}"""
    rivals = arena.rivals()
    found = {size: {rival.name: [] for rival in rivals} for size in SIZES}
    for number in range(ROUNDS + 1):
        for size, length in SIZES.items():
            data = make_upload(f"race {number} {size}", length)
            for rival in rotated(rivals, number):
                found[size][rival.name].append(rival.push(data))
                time.sleep(REST)
    outcomes = arena.outcomes()
    assert outcomes == ["programmed"] * (ROUNDS + 1) * len(SIZES), outcomes
    # The first ones warm the machine's caches.
    return {size: {name: pushes[1:] for name, pushes in of_size.items()}
            for size, of_size in found.items()}


def rotated(rivals, number):
    turn = number % len(rivals)
    return rivals[turn:] + rivals[:turn]


def summary(pushes):
    times = [milliseconds for milliseconds, _ in pushes if milliseconds is not None]
    return {"ms": Spread.of(times), "never_started": len(pushes) - len(times),
            "started_early": sum(early > 0 for _, early in pushes)}


def text(found):
    remarks = {"never_started": "never started for", "started_early": "first on a part of"}
    words = [f"{remark} {found[key]} of {ROUNDS} files"
             for key, remark in remarks.items() if found[key]]
    return ", ".join([found["ms"].text("ms"), *words])


def measure(arena):
    for size, of_size in run(arena).items():
        found = {name: summary(pushes) for name, pushes in of_size.items()}
        for name in (STOCK, LOOP):
            yield Comparison(
                part="latency", case=f"close() to OpenOCD, {size}", against=name,
                ratios={"median": found[OURS]["ms"].median / found[name]["ms"].median},
                ours=text(found[OURS]), theirs=text(found[name]), target=TARGETS.get(name),
                data={"ours": found[OURS], "theirs": found[name]})
