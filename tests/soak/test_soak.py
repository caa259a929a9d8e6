"""Some minutes of scripts/soak: short rounds, and a few of them. M4FLASH_SEED makes it another
one."""

import os

import gauges
from play import Play

SEED = int(os.environ.get("M4FLASH_SEED", "20261121"))
THIN = 5
# So few uploads cannot tell a small leak from luck; the long soak can.
SLACK_KIB = 512
JOURNAL_SHARE = 1.6


def play(name, rounds):
    run = Play(name, SEED, rounds=rounds, thin=THIN, progress=print)
    run.run()
    print(run.world.uploads, run.world.results, run.samples)
    if rounds >= gauges.ROUNDS_MIN:
        gauges.check(run.samples, SLACK_KIB, JOURNAL_SHARE)
    return run.world.results


def test_one_life():
    results = play("one-life", gauges.ROUNDS_MIN)
    assert results["programmed ok"] > 100
    assert results["superseded superseded"] > 10


def test_many_lives():
    results = play("many-lives", gauges.ROUNDS_MIN)
    assert results["recovered ok"] > 0
    assert results["failed rate-limited"] == 2 * gauges.ROUNDS_MIN


def test_real_chip():
    assert play("real-chip", 2)["programmed ok"] > 20
