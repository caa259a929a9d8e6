"""Steps of a soak: the daemon ends, in every way and at any moment, and comes back."""

import os
import shutil
import signal
import time

from steps_uploads import KINDS, late_part, several

from harness import pushes
from harness.command import run

ENDED = ("programmed", "recovered")  # before it was killed, or by the next start


def killed(world, rng):
    """At any moment of an upload's life."""
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload, *ENDED)
    time.sleep(rng.uniform(0, 3.0 if world.real else 0.4))
    world.kill()
    world.start()
    world.settle(upload, some_unsaid=True)


def killed_again_and_again(world, rng):
    """Fewer times than it would try a recovery, for who is killed then has tried."""
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload, *ENDED)
    for _ in range(2):
        time.sleep(rng.uniform(0, 0.3))
        world.kill()
        world.start(expect_ready=False)
    world.daemon.wait_ready()
    world.settle(upload, some_unsaid=True)


def killed_under_a_burst(world, rng):
    """Those that were overwritten before anybody could look are nobody's; the last one is."""
    last = several(world, rng, rng.randrange(2, 6), optional=True)
    for claim in world.account.claims:
        claim.allowed += ("recovered",)
    time.sleep(rng.uniform(0, 0.3))
    world.kill()
    world.start()
    world.settle(last, some_unsaid=True)


def pushed_while_it_was_killed(world, rng):
    world.kill()
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.start()
    world.settle(upload)


def pushed_while_it_was_stopped(world, rng):
    world.stop()
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.start()
    world.settle(upload)


def restarted(world, rng):
    """With a file that it has dealt with: nothing is to be done."""
    rng.choice([world.stop, world.kill])()
    world.start().wait_quiet()
    world.settle()


def stopped(world, rng):
    """A programming that has begun ends first; what has not waits for the next start."""
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    time.sleep(rng.uniform(0, 0.3))
    world.stop()
    world.start()
    world.settle(upload)


def stopped_twice(world, rng):
    """Whoever insists has what was begun broken off, and mended by the next start."""
    upload = world.good(rng)
    world.standin.close_gate()
    world.put(rng.choice(KINDS), upload, "recovered")
    world.daemon.wait_openocd()
    daemon, world.daemon = world.daemon, None
    daemon.signal(signal.SIGTERM)
    daemon.wait_line("Stopping")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_end() == 0
    daemon.check_nobody_left()
    world.lines += daemon.lines
    assert os.listdir(world.runtime) == []
    world.standin.open_gate()
    world.start()
    world.settle(upload)


def stopped_with_a_part(world, rng):
    """The rest comes while nobody looks."""
    whole = world.good(rng, debug=100_000)
    half = rng.randrange(1, len(whole.data))
    pushes.cp(world.path, whole.data[:half])
    time.sleep(rng.uniform(0, 0.1))
    world.stop()
    with open(world.path, "ab") as file:
        file.write(whole.data[half:])
    world.claim(whole)
    late_part(world)
    world.start()
    world.settle(whole)


def inbox_removed_while_it_is_down(world, rng):
    rng.choice([world.stop, world.kill])()
    shutil.rmtree(world.inbox)
    if rng.random() < 0.5:
        world.start()
        os.mkdir(world.inbox)
    else:
        os.mkdir(world.inbox)
        world.start()
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)


def rolled_back_without_a_daemon(world, rng):
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)
    world.daemon.wait_quiet()
    world.stop()
    before = world.add(world.slot("previous"))
    status, command = run(world, "rollback", "--runtime-dir", world.runtime, "--state-dir",
                          world.state, "--config", world.config,
                          env={"M4FLASH_CHIP_DIR": world.standin.folder})
    assert status == 0, command.said()
    world.account.expect("rollback", None, ["programmed"])
    world.start()
    world.settle(before, some_unsaid=True)


def limited(world, rng):
    """The limits in force: six in a minute of a clock that stands still, and no more."""
    world.limited_days += 2  # what was counted before is long ago
    now = time.time() + 86400 * world.limited_days
    world.clock.hold(now)
    limits, world.settings["Limits"] = world.settings["Limits"], {}
    world.restart()
    for number in range(8):
        upload = world.good(rng)
        world.put(rng.choice(KINDS), upload,
                  "programmed" if number < 6 else "failed:rate-limited")
        before = world.holds
        world.settle(upload if number < 6 else before)
    world.clock.hold(now + 61)
    upload = world.good(rng)
    world.put(pushes.adb_push, upload)
    world.settle(upload)
    world.settings["Limits"] = limits
    world.clock.shift(0)
    world.restart()
    world.settle()
