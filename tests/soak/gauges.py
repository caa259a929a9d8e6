"""What must not grow: measured after each round, and the first quarter of the rounds compared with
the last one. No absolute time is in it."""

import os
import re
import statistics

from harness import processes
from harness.daemon import countable

WARM_UP = 1  # rounds until every buffer has had its largest size
ROUNDS_MIN = WARM_UP + 4  # for quarters to be compared
# The images are as large as the sketches are, and the history has its thousand lines.
NOT_RECORDS = ("installed", "previous", "history.jsonl")


def memory_kib(pid):
    """{field: KiB} of /proc/PID/smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        found = re.findall(r"^(\w+): +(\d+) kB$", file.read(), re.M)
    return {name: int(size) for name, size in found}


def size_kib(folder, left_out):
    names = [name for name in os.listdir(folder) if name not in left_out]
    return sum(os.stat(os.path.join(folder, name)).st_size for name in names) // 1024


def measure(world):
    """World and daemon at rest."""
    pid = world.daemon.pid
    descriptors = world.daemon.settled_descriptors()
    memory = memory_kib(pid)
    sample = {
        "anonymous KiB": memory["Anonymous"],
        "USS KiB": memory["Private_Clean"] + memory["Private_Dirty"],
        "PSS KiB": memory["Pss"],
        "descriptors": countable(descriptors),
        "processes": 1 + len(processes.children(pid)),
        "files": sum(len(os.listdir(f)) for f in (world.state, world.runtime, world.inbox)),
        "records KiB": size_kib(world.state, NOT_RECORDS),
        "journal bytes/upload": world.journal_bytes // max(world.uploads_of_round, 1),
    }
    world.journal_bytes = world.uploads_of_round = 0
    return sample


def quarters(samples):
    """{gauge: (median of the first quarter, of the last one)} without the warm-up."""
    samples = samples[WARM_UP:]
    length = -(-len(samples) // 4)
    first, last = samples[:length], samples[-length:]
    return {name: tuple(statistics.median(s[name] for s in part) for part in (first, last))
            for name in samples[0]}


def check(samples, slack_kib, journal_share):
    """Nothing has grown. Of the memory only what is the daemon's alone can be held to that: the
    rest is shared with whoever else runs. What is said of an upload may differ by that share: no
    two bursts end alike."""
    for name, (first, last) in quarters(samples).items():
        most = {
            "anonymous KiB": first + slack_kib,
            "journal bytes/upload": first * journal_share,
            "records KiB": first + 1,
            "files": first + 2,  # an upload may lie in the inbox, and a note of it in the state
            "descriptors": first,
            "processes": first,
        }.get(name)
        assert most is None or last <= most, f"{name} grew from {first} to {last}: {samples}"
