"""A recovery that fails: three tries, counted over restarts, then the sketch before it, then none,
and never a loop.
"""

from power import POWER_CUT

from harness.pushes import adb_push

NO_SKETCH = "none could be put back: upload one"


def interrupt(world):
    """The power fails while the new sketch is written."""
    world.cut_by_chip("power-cut-word:3")
    world.start()
    world.push(adb_push, world.new)
    world.await_cut()
    assert world.chip.stop() == POWER_CUT
    world.power_off()


def interrupt_again(world):
    """The power fails while the daemon mends what it finds at its start."""
    world.cut_by_chip("power-cut-word:2")
    world.chip.start()
    world.start(expect_ready=False)
    world.await_cut()
    assert world.chip.stop() == POWER_CUT
    world.power_off()


def stuck_bit_of(new, old):
    """A fault that spoils one of the sketches, but not the other."""
    number = next(i for i in range(64, 4000) if old[i] & 1 and not new[i] & 1)
    return f"stuck-bit:{0x08100000 + number:#x}:0"


def check_only_old(world):
    assert world.check_whole(world.new, world.old) is world.old
    assert [entry["id"] for entry in world.history()] == [1, 2]
    entry = world.history()[-1]
    assert entry["result"] == "recovered" or entry["restored"], entry


def check_upload_works(world):
    world.chip.faults()
    world.push(adb_push, world.new)
    outcome = world.wait_outcomes(3)[-1]
    assert outcome["result"] == "programmed", world.log()
    assert world.check_whole(world.new) is world.new


def check_waits(world):
    """At its start it says that there is no sketch, and lets the chip alone."""
    world.power_off()
    world.power_on()
    world.wait_settled()
    assert any(NO_SKETCH in line for line in world.daemon.lines), world.log()
    assert world.chip.counters()["clients"] == 0


def test_new_sketch_cannot_be_programmed(tiny_world):
    """In one go: three tries, then the old one."""
    world = tiny_world
    interrupt(world)
    world.power_on(stuck_bit_of(world.new.image, world.old.image))
    check_only_old(world)
    assert world.chip.counters()["clients"] == 4
    check_upload_works(world)


def test_power_fails_while_the_old_one_is_put_back(tiny_world):
    """The new one does not verify, in neither way, the old one is put back, and there the power
    fails."""
    world = tiny_world
    beyond_new = 2 * (len(world.new.image) // 32) + 20
    assert beyond_new * 32 < len(world.old.image)
    fault = stuck_bit_of(world.new.image, world.old.image)
    world.cut_by_chip(fault, f"power-cut-word:{beyond_new}")
    world.start()
    world.push(adb_push, world.new)
    world.await_cut()
    assert world.chip.stop() == POWER_CUT
    world.power_off()
    world.power_on(fault)
    check_only_old(world)
    assert world.chip.counters()["clients"] == 1
    check_upload_works(world)


def test_power_fails_in_each_try(tiny_world):
    """The tries are counted over restarts; the fourth start puts the old sketch back."""
    world = tiny_world
    interrupt(world)
    for _ in range(3):
        interrupt_again(world)
    world.power_on()
    check_only_old(world)
    assert world.chip.counters()["clients"] == 1
    check_upload_works(world)


def test_nothing_can_be_programmed(tiny_world):
    """After that it waits for an upload, at this start and at all others."""
    world = tiny_world
    interrupt(world)
    world.power_on("erase-fail:0")
    outcome = world.wait_outcomes(2)[-1]
    assert (outcome["result"], outcome["code"]) == ("failed", "erase-failed")
    assert outcome["restored"] is False
    world.wait_settled()
    assert any(NO_SKETCH in line for line in world.daemon.lines)
    world.kill()
    for _ in range(2):
        check_waits(world)
        world.kill()
    world.power_off()
    world.power_on("erase-fail:0")
    check_upload_works(world)


def test_power_fails_always(tiny_world):
    """Three tries for the new sketch, three for the old one, and no seventh."""
    world = tiny_world
    interrupt(world)
    for _ in range(6):
        interrupt_again(world)
    for _ in range(2):
        check_waits(world)
        world.kill()
    world.power_off()
    world.power_on()
    check_upload_works(world)
