"""From an upload's close() to the start of OpenOCD: the same files pushed to every rival in turn,
so that what else the machine does hits them all.

The path unit is told of the file as soon as it is there, not when it is closed, so that its time
runs before the upload's end; the larger the file, the more of it does. That gives it a start here,
where a push is as quick as the memory. One that takes as long as over USB shows what it leads to:
OpenOCD is started on a part of the file, so there is no ratio to give.
"""

import time

from comparison import Comparison, Spread
from latency import make_upload
from rivals import LOOP, OURS, STOCK

ROUNDS = 30
FILES = {  # bytes, and seconds of rest behind each 64 KiB of it
    "300 KiB": (300 << 10, 0.0),
    "10 MB": (10_000_000, 0.0),
    "10 MB in 0.5 s": (10_000_000, 0.003),
}
REST = 0.25  # seconds for what comes after OpenOCD's start
TARGETS = {STOCK: 0.1}


def run(arena):
    """{file: {rival's name: [(milliseconds or None, early starts), ...]}}"""
    rivals = arena.rivals()
    found = {file: {rival.name: [] for rival in rivals} for file in FILES}
    for number in range(ROUNDS + 1):
        for file, (size, pause) in FILES.items():
            data = make_upload(f"race {number} {file}", size)
            for rival in rotated(rivals, number):
                found[file][rival.name].append(rival.push(data, pause))
                time.sleep(REST)
    outcomes = arena.outcomes()
    assert outcomes == ["programmed"] * (ROUNDS + 1) * len(FILES), outcomes
    # The first ones warm the machine's caches.
    return {file: {name: pushes[1:] for name, pushes in of_file.items()}
            for file, of_file in found.items()}


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


def compare(file, name, ours, theirs):
    comparable = name != STOCK or FILES[file][1] == 0
    return Comparison(
        part="latency", case=f"close() to OpenOCD, {file}", against=name,
        ratios={"median": ours["ms"].median / theirs["ms"].median} if comparable else {},
        ours=text(ours), theirs=text(theirs), target=TARGETS.get(name) if comparable else None,
        data={"ours": ours, "theirs": theirs})


def measure(arena):
    for file, of_file in run(arena).items():
        found = {name: summary(pushes) for name, pushes in of_file.items()}
        for name in (STOCK, LOOP):
            yield compare(file, name, found[OURS], found[name])
