"""The worlds that a soak is played in: those of tests/e2e and of tests/real, with a bus and a wall
clock of their own, and an account of what is expected of each step.
"""

import collections
import json
import os

from accounts import RUNS, Account, describe
from power import read_slot
from wall_clock import WallClock
from world import World

from harness import history, processes, sketches
from harness.bench import FILE_NAME, Bench
from harness.bus import Bus
from harness.command import run
from harness.daemon import OUTCOME
from harness.waiting import wait_for

TAIL = 128 << 10  # bytes of the history: more than any step's outcomes have
KEPT = {"history.jsonl", "last-file", "installed", "previous", "lock", "programmings"}


class Soaked:
    """What a step does with its world: begin(), pushes and claims, then settle()."""

    def __init__(self):
        super().__init__()
        self.clock = WallClock(self.folder)
        self.bus = Bus(self).start()
        self.compare_descriptors = False  # the rounds do, over the whole soak
        self.stamp, self.made = "", {}  # the step's name, and its sketches by their images
        self.account = Account()
        self.holds = None  # the sketch on the chip, or None while nobody can know
        self.any_image = False  # of the step's uploads, what is accepted may hold any
        self.mark = history.LENGTH_MAX  # the highest job number of the steps before
        self.number = 0  # of sketches made in this step
        self.limited_days = 0  # by which the clock was set forward, where uploads are limited
        self.uploads = 0
        self.results = collections.Counter()
        self.round_entries = {}  # this round's outcomes by their ids
        self.journal_bytes = self.uploads_of_round = 0
        self.recent = collections.deque(maxlen=200)  # lines of the steps before
        self.fill_history()  # else its growth would be taken for a leak

    def start(self, *options, env=None, **how):
        return super().start(*options, env=self.clock.environment() | (env or {}), **how)

    def discard(self):
        self.bus.discard()
        super().discard()

    def wait_outcomes(self, number=None):
        """At the end of it all: each step has waited for its own."""

    def finish(self):
        assert self.holds is None or self.slot("installed").image == self.holds.image
        self.stop()
        leftovers = [name for name in os.listdir(self.state) if name not in KEPT]
        assert leftovers == []
        assert self.standin.m7_firmware_is_intact()
        assert processes.reap() == []

    # ---- Sketches -------------------------------------------------------------------------------

    def name(self):
        self.number += 1
        return f"{self.stamp}.{self.number}"

    def add(self, upload):
        if upload.good:
            self.made[upload.image_sha256] = upload
        return upload

    def good(self, rng, size=None, debug=None):
        size = size or rng.randrange(2000, 20_000)
        debug = rng.choice([0, 0, 1000, 100_000]) if debug is None else debug
        return self.add(sketches.good(self.name(), size, debug))

    def bad(self, rng):
        return rng.choice(sketches.BAD)(self.name())

    # ---- A step ---------------------------------------------------------------------------------

    def begin(self, stamp):
        self.stamp, self.number, self.account = stamp, 0, Account()
        self.any_image = False
        self.made = {self.holds.image_sha256: self.holds} if self.holds else {}
        self.take_lines()
        self.notify.messages[:] = [{"STATUS": text} for text in self.notify.values("STATUS")[-1:]]

    def claim(self, upload, *allowed, optional=False):
        """One upload more, with what may come of it if that is more than is usual."""
        self.uploads += 1
        usual = ("programmed",) if upload.good else (f"rejected:{upload.code}",)
        what = f"upload {upload.sha256[:8]}"
        self.account.expect(what, upload.sha256, allowed or usual, optional)

    def claim_unread(self, what, *allowed, optional=False):
        """One of which nobody can say what of it was read."""
        self.uploads += 1
        self.account.expect(what, None, allowed, optional)

    def put(self, kind, upload, *allowed, optional=False, **how):
        kind(self.path, upload.data, **how)
        self.claim(upload, *allowed, optional=optional)

    def fresh(self):
        """This step's outcomes so far."""
        with open(os.path.join(self.state, "history.jsonl"), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = max(size - TAIL, 0)
            lines = os.pread(file.fileno(), size - start, start).splitlines()
        whole = lines[1:] if start else lines
        return [entry for entry in map(json.loads, whole) if entry["id"] > self.mark]

    def lines_of_step(self):
        return self.lines + (self.daemon.lines.copy() if self.daemon else [])

    def take_lines(self):
        taken = self.lines_of_step()
        if self.daemon:
            del self.daemon.lines[: len(taken) - len(self.lines)]
        self.lines = []
        self.recent += taken
        return taken

    def log(self):
        """What was said last, in this step and before it."""
        return "\n".join([*self.recent, *self.lines_of_step()])

    def is_idle(self):
        status = self.notify.values("STATUS")
        return bool(status) and status[-1].startswith("Waiting")

    def told(self):
        """How often the log tells of each job's end; not of those before this step, of which a
        killed daemon's last words may come late."""
        found = (OUTCOME.search(line) for line in self.lines_of_step())
        numbers = (int(match[1]) for match in found if match)
        return collections.Counter(number for number in numbers if number > self.mark)

    def is_settled(self, some_unsaid):
        assert self.daemon.running(), f"ended with {self.daemon.status()}"
        outcomes = self.fresh()
        strangers, missing = self.account.settle(outcomes)
        assert not strangers, f"{describe(strangers)} cannot be; expected: {self.account.claims}"
        return not missing and self.is_idle() and self.is_told(outcomes, some_unsaid)

    def is_told(self, outcomes, some_unsaid):
        """Once for each, in the log."""
        told = self.told()
        assert all(times == 1 for times in told.values()), f"told more than once: {told}"
        return some_unsaid or set(told) == {outcome["id"] for outcome in outcomes}

    def still_missing(self):
        _, missing = self.account.settle(self.fresh())
        return f"{[(c.what, c.allowed) for c in missing]}, but {describe(self.fresh())}"

    def settle(self, final=None, some_unsaid=False):
        """Each upload has its outcome, and the chip holds the last one accepted: `final`, where a
        step knows. some_unsaid: the daemon was killed, maybe before it could say what it recorded.
        """
        wait_for(lambda: self.is_settled(some_unsaid), self.still_missing)
        outcomes = self.fresh()
        for outcome in outcomes:
            history.check(outcome)
            self.results[f"{outcome['result']} {outcome['code']}"] += 1
            self.round_entries[outcome["id"]] = outcome
        self.follow(outcomes)
        assert final is None or self.holds is final, f"not the last one: {describe(outcomes)}"
        if self.holds:
            self.check_programmed(self.holds)
        self.mark = max([self.mark, *(outcome["id"] for outcome in outcomes)])
        self.account = Account()
        self.journal_bytes += sum(len(line) + 1 for line in self.take_lines())

    def follow(self, outcomes):
        """The newest of those that ran is on the chip."""
        ran = [outcome for outcome in outcomes if outcome["result"] in RUNS]
        if not ran:
            return
        newest = max(ran, key=lambda outcome: outcome["id"])
        digest = newest["image_sha256"]
        if digest not in self.made:
            assert self.any_image, f"an image that nobody pushed: {newest}"
            self.made[digest] = self.installed(digest)
        self.holds = self.made[digest]

    def slot(self, name):
        """What the state directory has, as an upload; None if nothing."""
        found = read_slot(os.path.join(self.state, name))
        return found and sketches.Upload(b"", found[1])

    def installed(self, digest):
        """The state directory follows the outcome."""
        def look():
            found = self.slot("installed")
            return found if found and found.image_sha256 == digest else None

        return wait_for(look, f"image {digest} installed")

    # ---- A round --------------------------------------------------------------------------------

    def check_round(self):
        """Nothing is left of all the steps but what is meant to stay."""
        self.bus.wait_owner()
        self.daemon.wait_quiet()
        assert not self.fresh(), f"outcomes of nobody's: {describe(self.fresh())}"
        self.check_history()
        if self.holds:
            self.installed(self.holds.image_sha256)
        assert set(os.listdir(self.state)) <= KEPT, os.listdir(self.state)
        assert os.listdir(self.runtime) == ["control"]
        assert set(os.listdir(self.inbox)) <= {FILE_NAME}, os.listdir(self.inbox)
        assert processes.reap(self.daemon.pid) == []
        assert self.standin.m7_firmware_is_intact()

    def check_history(self):
        """m4flash history has each upload of the round once, and as the daemon told it."""
        status, command = run(self, "history", "--json", "-n", "all", "--state-dir", self.state)
        assert status == 0, command.said()
        shown = command.objects()
        assert len(shown) == history.LENGTH_MAX
        times = collections.Counter(entry["id"] for entry in shown)
        assert set(times.values()) == {1}, "a job twice in the history"
        by_id = {entry["id"]: entry for entry in shown}
        for number, entry in sorted(self.round_entries.items())[-history.LENGTH_MAX :]:
            assert by_id.get(number) == entry, f"job {number} is not in the history as it was"
        self.round_entries = {}


class StandInWorld(Soaked, Bench):
    real = False

    def __init__(self):
        super().__init__()
        # For what the command starts by itself.
        self.settings["OpenOCD"] |= {"Program": self.program, "Config": self.standin.control}

    def fail_next(self, mode, times=1, **keys):
        """So many programming runs fail, all later ones succeed."""
        try:
            with open(self.standin.log_path + ".runs", encoding="ascii") as file:
                done = int(file.read())
        except FileNotFoundError:
            done = 0
        self.standin.set_mode(mode, fail_runs=done + times, **keys)

    def check_round(self):
        super().check_round()
        if os.path.exists(self.standin.log_path):
            os.unlink(self.standin.log_path)  # the stand-in's, which grows


class RealWorld(Soaked, World):
    real = True

    def check_programmed(self, upload):
        super().check_programmed(upload)
        self.chip.check_running()
