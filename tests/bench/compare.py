#!/usr/bin/python3
"""Measures m4flash beside what else there is, all in one run, and prints one table.

    --json       the same as JSON
    --markdown   the same for the README
    --check      exit status 1 if a ratio is worse than the committed one
    --accept     commits to this run's ratios: writes tests/bench/ratios.json
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import accepted
import idle
import machine
import race
import table
import throughput
from comparison import Comparison
from container import Unavailable, make_root
from rivals import Arena

IN_CONTAINER = ("latency", "idle")


def tell(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def start_wire():
    """In a process of its own: it wants a single processor, and to hear of every orphan."""
    return subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("wire.py")],
                            stdout=subprocess.PIPE, text=True)


def finish_wire(process):
    output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError("the measurement on the wire failed; what it said is above")
    return [Comparison(**found) for found in json.loads(output)]


def in_container(root):
    with tempfile.TemporaryDirectory(prefix="m4flash-bench-") as shared:
        os.chmod(shared, 0o755)
        arena = Arena(root, shared)
        try:
            tell("latency: pushing to each of them in turn")
            found = list(race.measure(arena))
            tell(f"idle: {idle.SECONDS} s")
            return found + list(idle.measure(arena))
        finally:
            arena.stop()


def measure():
    """The comparisons, and {part: why it was left out}."""
    left_out, root = {}, None
    tell("wire: programming simulated chips")
    wire = start_wire()
    try:
        # Nothing is timed yet, so that both can be done at once.
        root = make_root(os.environ["BUILD"])
    except Unavailable as reason:
        left_out = dict.fromkeys(IN_CONTAINER, str(reason))
    found = finish_wire(wire)
    if root:
        try:
            found += in_container(root)
        except Unavailable as reason:
            left_out = dict.fromkeys(IN_CONTAINER, str(reason))
    tell("checker")
    return found + list(throughput.measure()), left_out


def report(where, comparisons, left_out, options):
    if options.json:
        json.dump({"machine": where, "comparisons": [c.as_dict() for c in comparisons],
                   "left_out": left_out}, sys.stdout, indent=4)
        print()
        return
    print(f"{machine.text(where)}\n\n{table.LEGEND}\n")
    print((table.markdown if options.markdown else table.plain)(comparisons))
    for part, reason in left_out.items():
        print(f"\nLeft out: {part}: {reason}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench",
                                     description=__doc__.partition("\n")[0])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print it for the README")
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--check", action="store_true",
                       help="exit status 1 if a ratio is worse than the committed one")
    after.add_argument("--accept", action="store_true",
                       help="write this run's ratios to tests/bench/ratios.json")
    options = parser.parse_args()

    # So that what has been started is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by a signal"))
    where = machine.describe()
    comparisons, left_out = measure()
    report(where, comparisons, left_out, options)
    if options.accept:
        if left_out:
            sys.exit("bench: not accepted: something was left out")
        accepted.write(comparisons, where["date"])
    if options.check:
        worse = list(accepted.complaints(comparisons, accepted.read(), left_out))
        for complaint in worse:
            tell(f"worse: {complaint}")
        sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
