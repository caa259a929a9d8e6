"""history.jsonl: bounded, and whole at every moment at which somebody may read it."""

import os
import threading

from harness import history, pushes, sketches
from harness.pushes import adb_push
from harness.waiting import wait_for

PUSHES = 1050


class Reader(threading.Thread):
    """Reads it over and over; any half-written line is a failure."""

    def __init__(self, path):
        super().__init__()
        self.path, self.error, self.reads, self.enough = path, None, 0, threading.Event()

    def run(self):
        newest = 0
        while not self.enough.wait(0.01):
            try:
                entries = history.read(self.path)
                read = max((entry["id"] for entry in entries), default=0)
                assert read >= newest, "older than what was read before"
                newest = read
            except Exception as error:  # pylint: disable=broad-except
                self.error = error
                return
            self.reads += 1


def test_bounded_and_never_half_written(bench, daemon):
    path = os.path.join(bench.state, "history.jsonl")
    reader = Reader(path)
    reader.start()
    for number in range(PUSHES):
        pushes.mv(bench.path, sketches.not_elf(number).data)
    wait_for(
        lambda: max((o["id"] for o in history.read(path)), default=0) >= PUSHES,
        lambda: f"{PUSHES} outcomes",
        limit=300,
    )
    daemon.wait_quiet()
    reader.enough.set()
    reader.join()
    assert reader.error is None
    assert reader.reads > 10
    entries = history.read(path)
    assert len(entries) == history.LENGTH_MAX
    told = daemon.outcome_lines()
    assert sorted(line[0] for line in told) == list(range(1, PUSHES + 1))
    assert [o["id"] for o in entries] == [line[0] for line in told[-history.LENGTH_MAX :]]
    assert entries[-1]["sha256"] == sketches.not_elf(PUSHES - 1).sha256
    bench.uploads = None


def test_bound_holds_after_a_restart(bench):
    bench.fill_history()
    bench.start()
    bench.push(adb_push, sketches.good("next"))
    assert bench.wait_outcome()["id"] == history.LENGTH_MAX + 1
    entries = history.read(os.path.join(bench.state, "history.jsonl"))
    assert [o["id"] for o in entries] == list(range(2, history.LENGTH_MAX + 2))


def test_entries_and_lines_tell_the_same(bench, daemon):
    bench.push(adb_push, sketches.good("one"))
    bench.wait_outcomes()
    bench.push(adb_push, sketches.not_elf("two"))
    bench.wait_outcomes()
    bench.push(pushes.adb_push_aborted, sketches.good("three", debug=100_000))
    entries = bench.wait_outcomes()
    told = wait_for(lambda: len(daemon.outcome_lines()) == 3 and daemon.outcome_lines(), daemon.log)
    assert [(o["id"], o["result"]) for o in entries] == [line[:2] for line in told]
    assert [o["code"] for o in entries] == ["ok", "not-elf", "deleted"]


def test_state_folder_that_cannot_be_written(bench, daemon):
    """The outcome stands, and is told; only the record of it is missing."""
    os.rename(bench.state, bench.state + "-away")
    upload = sketches.good("unrecorded")
    bench.push(adb_push, upload)
    daemon.wait_line(r"Job 1: programmed: ")
    bench.check_programmed(upload)
    os.rename(bench.state + "-away", bench.state)
    bench.uploads = None
