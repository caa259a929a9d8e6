#!/usr/bin/python3
"""Plays months of uploads in half an hour, and says what became of them and what has grown."""

import argparse
import os
import signal
import sys
import time

import gauges
from parts import PARTS
from play import Failed, Play

SEED = 20261121
# Of the uploads; the rest has the real chip.
MANY_LIVES_SHARE = 0.5
JOURNAL_SHARE = 1.2
CLEAR = "\r\033[K" if sys.stdout.isatty() else ""
SLACK_KIB = 64  # that the daemon may have grown by: luck decides which pages of a heap are empty


def parse():
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of all dice (%(default)s)")
    parser.add_argument("--uploads", type=int, default=20_000, help="in all (%(default)s)")
    parser.add_argument("--real", type=int, default=5, metavar="PERCENT",
                        help="of them with the real OpenOCD and the simulated chip (%(default)s)")
    parser.add_argument("--part", choices=PARTS, help="this one alone, with all the uploads")
    parser.add_argument("--steps", type=int, metavar="N", help="end after step N of each part")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="begin with step N")
    parser.add_argument("--thin", type=int, default=1, metavar="N",
                        help="short rounds: a step that comes N times in one comes once")
    return parser.parse_args()


def shares(options):
    """{part: uploads}"""
    if options.part:
        return {options.part: options.uploads}
    real = options.uploads * options.real // 100
    many = round((options.uploads - real) * MANY_LIVES_SHARE)
    return {"one-life": options.uploads - real - many, "many-lives": many, "real-chip": real}


def progress_line(started):
    """On a terminal a line that changes; elsewhere one every minute."""
    told, live = [0.0], bool(CLEAR)

    def tell(text):
        now = time.monotonic()
        if now - told[0] < (0.2 if live else 60):
            return
        told[0] = now
        line = f"{int(now - started) // 60:4d} min  {text}"
        print(f"{CLEAR}{line}", end="" if live else "\n", flush=True)

    return tell


def tell_round(play):
    gauges_now = ", ".join(f"{name} {value}" for name, value in play.samples[-1].items())
    print(f"{CLEAR}{play.name}: round {len(play.samples)}, {play.world.uploads} uploads: "
          f"{gauges_now}", flush=True)


def summary(play):
    results = ", ".join(f"{count} {what}" for what, count in sorted(play.world.results.items()))
    print(f"\n{play.name}: {play.world.uploads} uploads in {play.step} steps "
          f"({play.part.about})\n  {results}")
    if len(play.samples) > gauges.WARM_UP:
        for name, (first, last) in gauges.quarters(play.samples).items():
            print(f"  {name:22} {first:10g} in the first quarter, {last:10g} in the last")


def run(name, uploads, options, started):
    """One part; True if all was as it should be."""
    play = Play(name, options.seed, uploads=uploads, steps=options.steps, first=options.first,
                thin=options.thin, progress=progress_line(started), on_round=tell_round)
    try:
        play.run()
        summary(play)
        if len(play.samples) >= gauges.ROUNDS_MIN:
            gauges.check(play.samples, SLACK_KIB, JOURNAL_SHARE)
    except (Failed, AssertionError) as failure:
        print(f"\n{failure}", flush=True)
        return False
    sys.stdout.flush()
    return True


def run_in_child(*arguments):
    """So that the parts are played at once. Returns its process id. Whatever ends it, it clears up
    behind itself."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            status = 0 if run(*arguments) else 1
        except KeyboardInterrupt:
            pass
        finally:
            os._exit(status)
    return pid


def main():
    options, started = parse(), time.monotonic()
    print(f"seed {options.seed}", flush=True)
    pids = [run_in_child(name, uploads, options, started)
            for name, uploads in shares(options).items() if uploads]
    if any([os.waitpid(pid, 0)[1] for pid in pids]):
        sys.exit(1)
    print(f"\nEach upload had one outcome, and the chip was as it should be, for "
          f"{int(time.monotonic() - started) // 60} minutes; seed {options.seed}.")


if __name__ == "__main__":
    main()
