"""Steps of a soak: the inbox comes, goes and moves, and strange files come and go in it."""

import os
import shutil

from accounts import OVERTAKEN
from steps_uploads import KINDS, good

from harness import pushes


def recreated(world, rng):
    shutil.rmtree(world.inbox)
    os.mkdir(world.inbox)
    good(world, rng)


def removed_and_made_by_the_push(world, rng):
    """adbd makes the folder that it misses."""
    shutil.rmtree(world.inbox)
    if rng.random() < 0.5:
        world.daemon.wait_quiet()
    upload = world.good(rng)
    world.put(pushes.adb_push, upload)
    world.settle(upload)


def removed_with_an_upload(world, rng):
    """What goes before anybody could look is nobody's upload; what was seen has its outcome."""
    first, last = world.good(rng), world.good(rng)
    world.put(rng.choice(KINDS), first, "programmed", *OVERTAKEN, optional=True)
    shutil.rmtree(world.inbox)
    os.mkdir(world.inbox)
    world.put(rng.choice(KINDS), last)
    world.settle(last)


def removed_while_programming(world, rng):
    upload = world.good(rng)
    world.standin.close_gate()
    world.put(rng.choice(KINDS), upload)
    world.daemon.wait_openocd()
    shutil.rmtree(world.inbox)
    world.standin.open_gate()
    world.settle(upload)
    os.mkdir(world.inbox)
    good(world, rng)


def moved_away_and_replaced(world, rng):
    away = world.inbox + "-away"
    os.rename(world.inbox, away)
    pushes.adb_push(os.path.join(away, os.path.basename(world.path)), world.good(rng).data)
    os.mkdir(world.inbox)
    good(world, rng)
    shutil.rmtree(away)


def moved_away_and_back(world, rng):
    """What was put into it meanwhile is found when it is back."""
    away = world.inbox + "-away"
    os.rename(world.inbox, away)
    world.daemon.wait_quiet()
    upload = world.good(rng)
    pushes.adb_push(os.path.join(away, os.path.basename(world.path)), upload.data)
    os.rename(away, world.inbox)
    world.claim(upload)
    world.settle(upload)


def renamed_away_and_back(world, rng):
    """A file that is moved into place is an upload, whatever it was before."""
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)
    os.rename(world.path, world.path + ".away")
    world.daemon.wait_quiet()
    os.rename(world.path + ".away", world.path)
    world.claim(upload, "programmed", "unchanged")
    world.settle(upload)


def other_files(world, rng):
    """Files of other names are nobody's upload."""
    for number in range(rng.randrange(1, 30)):
        path = os.path.join(world.inbox, f"note-{number}.elf")
        pushes.cp(path, world.good(rng, debug=0).data[: rng.randrange(3000)])
        os.unlink(path)
    good(world, rng)
