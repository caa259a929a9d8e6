"""Steps of a soak: what people ask and order in between, and a clock that is set."""

import json
import os
import time
from datetime import datetime

from steps_uploads import KINDS, good

from harness import pushes
from harness.command import Command, check, run


def rolled_back(world, rng):
    """Back to the sketch before, and forth again."""
    before, upload = world.holds, world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)
    world.daemon.wait_quiet()
    for target in (before, upload)[: rng.randrange(1, 3)]:
        world.account.expect("rollback", None, ["programmed"])
        status, command = run(world, "rollback", "--runtime-dir", world.runtime)
        assert status == 0, command.said()
        world.settle(target)
        world.daemon.wait_quiet()


def awaited(world, rng):
    """Whoever waits for an upload's outcome hears of it, whenever it asks."""
    world.bus.wait_owner()
    upload = world.good(rng)
    arguments = ["wait", "--timeout", "60", "--sha256", upload.sha256]
    early = rng.random() < 0.5
    command = Command(world, *arguments) if early else None
    world.put(rng.choice(KINDS), upload)
    command = command or Command(world, *arguments)
    world.settle(upload)
    assert (command.wait(), command.last()) == (0, ("programmed", "ok", world.mark)), command.said()


def handed_over(world, rng):
    world.bus.wait_owner()
    upload = world.good(rng) if rng.random() < 0.7 else world.bad(rng)
    path = os.path.join(world.folder, "handed-over.elf")
    pushes.cp(path, upload.data)
    world.claim(upload)
    with open(path, "rb") as file:
        world.bus.program(file.fileno())
    world.settle(upload if upload.good else None)
    os.unlink(path)


def cancelled(world, rng):
    world.bus.wait_owner()
    first, second = world.good(rng, 9000), world.good(rng, 3000)
    world.standin.close_gate()
    world.put(pushes.adb_push, first)
    world.daemon.wait_openocd()
    world.put(pushes.adb_push, second, "aborted:cancelled")
    world.daemon.wait_line("accepted: 3000 bytes")
    world.daemon.wait_quiet()
    number = world.daemon.accepted_jobs()[-1]
    check(world, 0, ("aborted", "cancelled", number), "cancel", str(number))
    world.standin.open_gate()
    world.settle(first)


def asked(world, rng):
    """What is shown agrees with what was."""
    good(world, rng)
    world.daemon.wait_quiet()
    world.bus.wait_owner()
    status, command = run(world, "status")
    assert (status, command.out[0]) == (0, "State: idle"), command.said()
    assert f"Last: job {world.mark}: programmed" in command.said()
    status, command = run(world, "history", "-n", "1", "--json", "--state-dir", world.state)
    assert json.loads(command.out[0])["sha256"] == world.holds.sha256, command.said()


def bus_restarted(world, rng):
    world.bus.kill()
    if rng.random() < 0.5:
        good(world, rng)
    os.unlink(world.bus_path)
    world.bus.start()
    good(world, rng)
    world.bus.wait_owner()


def clock_set(world, rng):
    """Back, forth, to where a board without a battery begins, and beyond 2038."""
    now = time.time()
    moment = rng.choice([0, 60, now - 3600, now - 86400 * 365, now + 7200, now + 86400 * 3650,
                         2**31 - 1, 2**32 + 5])
    world.clock.shift(moment - now)
    before = world.clock.now()
    good(world, rng)
    entry = next(e for e in world.round_entries.values() if e["id"] == world.mark)
    told = datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp()
    assert before - 0.01 <= told <= world.clock.now() + 0.01, (before, entry)
    if rng.random() < 0.5:
        world.clock.shift(0)
        good(world, rng)
