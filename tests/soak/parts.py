"""What a soak is made of: three worlds, and for each how often a step comes in each of its rounds.
All rounds of a world have the same steps, each time in another order and with other details, so
that the first rounds can be compared with the last ones.
"""

import random
from dataclasses import dataclass

import steps_chip as chip
import steps_commands as commands
import steps_ends as ends
import steps_inbox as inbox
import steps_uploads as uploads
from soak_world import RealWorld, StandInWorld


@dataclass(frozen=True)
class Part:
    world: type
    about: str
    steps: dict  # {step: how often in a round}


ONE_LIFE = Part(StandInWorld, "one daemon, the stand-in for OpenOCD", {
    uploads.good: 10,
    uploads.in_another_time: 3,
    uploads.small_change: 2,
    uploads.the_same_again: 4,
    uploads.touched: 3,
    uploads.linked_into_place: 2,
    uploads.in_pieces: 3,
    uploads.bad: 10,
    uploads.bad_by_the_corpus: 20,
    uploads.garbage: 5,
    uploads.damaged: 3,
    uploads.too_large: 1,
    uploads.not_a_file: 3,
    uploads.a_socket: 1,
    uploads.truncated: 1,
    uploads.empty: 1,
    uploads.part_that_is_overtaken: 4,
    uploads.aborted_push: 8,
    uploads.burst: 10,
    uploads.flood: 12,
    uploads.while_it_sleeps: 3,
    uploads.overtaken_while_another_is_programmed: 4,
    inbox.recreated: 3,
    inbox.removed_and_made_by_the_push: 2,
    inbox.removed_with_an_upload: 2,
    inbox.removed_while_programming: 2,
    inbox.moved_away_and_replaced: 1,
    inbox.moved_away_and_back: 1,
    inbox.renamed_away_and_back: 2,
    inbox.other_files: 2,
    chip.fails_behind_an_erase: 3,
    chip.out_of_reach: 1,
    chip.back_in_time: 1,
    chip.says_nothing_of_use: 1,
    chip.nuisance: 1,
    chip.openocd_killed: 1,
    commands.rolled_back: 2,
    commands.awaited: 2,
    commands.handed_over: 3,
    commands.cancelled: 1,
    commands.asked: 1,
    commands.bus_restarted: 1,
    commands.clock_set: 3,
})

MANY_LIVES = Part(StandInWorld, "killed and stopped daemons, the stand-in for OpenOCD", {
    ends.killed: 10,
    ends.killed_again_and_again: 3,
    ends.killed_under_a_burst: 6,
    ends.pushed_while_it_was_killed: 3,
    ends.pushed_while_it_was_stopped: 3,
    ends.restarted: 3,
    ends.stopped: 4,
    ends.stopped_twice: 2,
    ends.stopped_with_a_part: 2,
    ends.inbox_removed_while_it_is_down: 2,
    ends.rolled_back_without_a_daemon: 1,
    ends.limited: 1,
    uploads.good: 4,
    uploads.the_same_again: 1,
    uploads.bad: 4,
    uploads.aborted_push: 4,
    uploads.burst: 6,
    uploads.flood: 8,
    inbox.recreated: 1,
    chip.fails_behind_an_erase: 2,
    chip.openocd_killed: 1,
    commands.rolled_back: 1,
    commands.clock_set: 2,
})

REAL_CHIP = Part(RealWorld, "the real OpenOCD and the simulated chip", {
    uploads.good: 3,
    uploads.small_change: 1,
    uploads.the_same_again: 1,
    uploads.touched: 1,
    uploads.bad: 2,
    uploads.aborted_push: 1,
    uploads.burst: 1,
    uploads.overtaken_while_another_is_programmed: 1,
    inbox.recreated: 1,
    chip.chip_fault: 2,
    chip.endured: 1,
    chip.openocd_killed: 1,
    chip.chip_restarted: 1,
    commands.rolled_back: 1,
    ends.killed: 2,
    ends.stopped: 1,
})

PARTS = {"one-life": ONE_LIFE, "many-lives": MANY_LIVES, "real-chip": REAL_CHIP}


def steps(name, seed, thin=1):
    """(number of the round, step, its dice), without end; the same ones for the same seed. A step's
    dice do not depend on the steps before it. thin: a step that comes so often in a round comes
    once, for short rounds."""
    part, done, number = PARTS[name], 0, 0
    while True:
        pack = [step for step, times in part.steps.items() for _ in range(-(-times // thin))]
        random.Random(f"{seed} {name} round {number}").shuffle(pack)
        for step in pack:
            done += 1
            yield number, step, random.Random(f"{seed} {name} step {done}")
        number += 1
