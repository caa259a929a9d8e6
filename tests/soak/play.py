"""Plays one part of a soak: its steps, and what must hold after each of them, after each round, and
in the end.
"""

import random
import traceback

import gauges
import parts

from harness import processes
from harness.pushes import adb_push

class Failed(Exception):
    pass


class Play:
    """It ends after so many rounds, after the round that completes so many uploads, or after that
    step, whichever comes first. progress is told of each step, as text; on_round gets the play
    itself."""

    def __init__(self, name, seed, *, rounds=None, uploads=None, steps=None, first=1, thin=1,
                 progress=lambda text: None, on_round=lambda play: None):
        self.name, self.part, self.seed, self.thin = name, parts.PARTS[name], seed, thin
        self.rounds, self.uploads, self.last, self.first = rounds, uploads, steps, first
        self.progress, self.on_round = progress, on_round
        self.step, self.what = 0, "the start"
        self.samples = []  # one a round
        self.world = None

    def run(self):
        """Raises Failed, with what is to be said of it."""
        processes.become_subreaper()
        self.world = self.part.world()
        try:
            self.play_first_sketch()
            self.play_rounds()
            self.what = "the end"
            self.world.finish()
        except Exception as error:  # pylint: disable=broad-except
            raise Failed(self.report(error)) from error
        finally:
            self.world.discard()

    def play_first_sketch(self):
        """So that there is one to go back to."""
        self.world.start()
        self.world.begin(f"{self.seed} {self.name} 0")
        upload = self.world.good(random.Random(self.seed))
        self.world.put(adb_push, upload)
        self.world.settle(upload)

    def play_rounds(self):
        number = 0
        for number_of_round, step, dice in parts.steps(self.name, self.seed, self.thin):
            if number_of_round != number and self.step >= self.first:
                self.end_round()
            if self.is_enough(number_of_round != number):
                return
            number = number_of_round
            self.step += 1
            if self.step >= self.first:
                self.play_step(step, dice)

    def is_enough(self, round_ended):
        if self.last and self.step >= self.last:
            return True
        return round_ended and (
            self.uploads is not None and self.world.uploads >= self.uploads or
            self.rounds is not None and len(self.samples) >= self.rounds)

    def play_step(self, step, dice):
        self.what = step.__name__
        self.progress(f"{self.name}: step {self.step}, {self.world.uploads} uploads, {self.what}")
        before = self.world.uploads
        self.world.begin(f"{self.seed} {self.name} {self.step}")
        step(self.world, dice)
        self.world.uploads_of_round += self.world.uploads - before

    def end_round(self):
        self.what = "the round's end"
        self.world.check_round()
        self.samples.append(gauges.measure(self.world))
        self.on_round(self)

    def report(self, error):
        what = "".join(traceback.format_exception(error))
        world = self.world
        return (f"{world.log()}\n{what}\n"
                f"seed {self.seed}, {self.name}, step {self.step} ({self.what}): {error}\n"
                f"again: scripts/soak --seed {self.seed} --part {self.name} --steps {self.step}" +
                (f" --thin {self.thin}" if self.thin > 1 else ""))
