"""A thousand uploads in every way and any mixture, some good and some bad, many of them while
another is being programmed: each that was completed has exactly one outcome, the last accepted one
is on the chip, and nothing is left of all of them.

The seed is fixed, so that a failure can be had again: M4FLASH_E2E_SEED and M4FLASH_E2E_PUSHES.
"""

import os
import random
import time

from harness import processes, pushes, sketches
from harness.bench import summary
from harness.waiting import wait_for

SEED = int(os.environ.get("M4FLASH_E2E_SEED", "20250711"))
PUSHES = int(os.environ.get("M4FLASH_E2E_PUSHES", "1000"))
BURSTS = int(os.environ.get("M4FLASH_E2E_BURSTS", "300"))
GOOD_ENDS = ("programmed", "unchanged", "superseded", "aborted")
ROUND = 25  # uploads between two looks at everything
MEMORY_SLACK_KIB = 1536  # that the daemon may grow by between the first rounds and the last


def mv_from_elsewhere(path, data):
    pushes.mv_from(os.path.dirname(os.path.dirname(path)), path, data)


KINDS = [pushes.adb_push, pushes.cp, pushes.mv, mv_from_elsewhere]


class Storm:
    def __init__(self, bench, seed, good_share):
        self.bench, self.rng, self.good_share = bench, random.Random(seed), good_share
        self.number = 0
        self.completed = []  # uploads in their order; None for an aborted one
        self.current = None  # what the file holds
        self.last_kind = None

    def make(self):
        if self.rng.random() < self.good_share:
            return self.make_good()
        return self.rng.choice(sketches.BAD)(self.number)

    def make_good(self):
        debug = self.rng.choice([0, 0, 1000, 200_000])
        return sketches.good(self.number, self.rng.randrange(2000, 20_000), debug)

    def kind(self):
        """Two renames with no other event between them are one to inotify: so never in a row."""
        renamed = self.last_kind in (pushes.mv, mv_from_elsewhere)
        return self.rng.choice([k for k in KINDS if not (renamed and k is mv_from_elsewhere)])

    def push(self):
        self.number += 1
        choice = self.rng.random()
        if choice < 0.08 and self.current:
            self.complete(pushes.touch, self.current)
        elif choice < 0.16:
            share = self.rng.uniform(0.05, 0.95)
            self.complete(pushes.adb_push_aborted, None, self.make_good().data, share)
        else:
            upload = self.make()
            self.complete(self.kind(), upload, upload.data)

    def complete(self, kind, upload, *args):
        kind(self.bench.path, *args)
        self.completed.append(upload)
        self.current, self.last_kind = upload, kind
        print(f"{self.number}: {kind.__name__} {upload.sha256[:8] if upload else ''}")

    def burst(self, number):
        """So close together that the daemon reads one while the next is written."""
        for _ in range(number):
            self.push()
            until = time.perf_counter() + self.rng.choice([0, 0, 0, 0, 0.0001, 0.0003, 0.001])
            while time.perf_counter() < until:
                pass

    def pause(self):
        """Mostly none, or short enough to hit a checker or an OpenOCD at work."""
        time.sleep(self.rng.choice([0, 0, 0, 0, 0.001, 0.005, 0.02, 0.05, 0.1]))


def check_round(bench, storm, outcomes):
    """outcomes and storm.completed are of all rounds so far."""
    pushed = [upload for upload in storm.completed if upload]
    by_digest = {upload.sha256: upload for upload in pushed}
    for outcome in outcomes:
        if not outcome["sha256"]:
            assert outcome["result"] in ("superseded", "aborted"), outcome
            continue
        upload = by_digest.get(outcome["sha256"])
        if upload is None:
            # Part of an aborted push, read before it was deleted.
            assert outcome["result"] in ("aborted", "superseded"), outcome
        elif upload.good:
            assert outcome["result"] in GOOD_ENDS, outcome
        else:
            assert outcome["result"] in ("rejected", "superseded", "aborted"), outcome
            assert outcome["result"] != "rejected" or outcome["code"] == upload.code, outcome
    check_last(bench, outcomes, storm, by_digest)


def check_last(bench, outcomes, storm, by_digest):
    """The newest accepted upload is on the chip; if the very last one was good, it is that one."""
    by_id = {outcome["id"]: outcome for outcome in outcomes}
    newest = by_id[max(bench.daemon.accepted_jobs())]
    assert newest["result"] in ("programmed", "unchanged"), summary(outcomes)
    last = storm.completed[-1]
    if last and last.good:
        assert newest["sha256"] == last.sha256, summary(outcomes[-ROUND:])
    bench.check_programmed(by_digest[newest["sha256"]])


def test_a_thousand_uploads(bench):
    print(f"seed {SEED}, {PUSHES} pushes")
    bench.fill_history()  # else its growth would be the daemon's
    daemon = bench.start()
    storm = Storm(bench, SEED, good_share=0.7)
    memory = []
    while storm.number < PUSHES:
        for _ in range(min(ROUND, PUSHES - storm.number)):
            storm.push()
            storm.pause()
        bench.uploads = len(storm.completed)
        outcomes = bench.wait_outcomes()
        wait_for(lambda: len(daemon.outcome_lines()) == storm.number, "a line for each outcome")
        check_round(bench, storm, outcomes)
        daemon.settled_descriptors()
        daemon.check_descriptors()
        assert os.listdir(bench.runtime) == ["control"]
        memory.append(processes.resident_kib(daemon.pid))
    results = [outcome["result"] for outcome in outcomes]
    print({result: results.count(result) for result in sorted(set(results))}, memory)
    assert results.count("programmed") > PUSHES / 50, "hardly any was programmed"
    assert results.count("superseded") > PUSHES / 50, "hardly any was overtaken"
    if os.environ.get("M4FLASH_SANITIZED") != "1":
        assert max(memory) - max(memory[:4]) < MEMORY_SLACK_KIB, memory


def test_short_bursts(bench, daemon):
    """Rejected all of them, for speed: what matters here is that each has one outcome."""
    print(f"seed {SEED}, {BURSTS} bursts")
    storm = Storm(bench, SEED, good_share=0)
    bench.uploads = None  # more than the history keeps: the daemon's words are counted
    for _ in range(BURSTS):
        first = storm.number
        storm.burst(storm.rng.randint(2, 4))
        wait_for(
            lambda: len(daemon.outcome_lines()) >= storm.number,
            lambda: f"{storm.number - first} outcomes more: {daemon.outcome_lines()[first:]}",
        )
        assert len(daemon.outcome_lines()) == storm.number
