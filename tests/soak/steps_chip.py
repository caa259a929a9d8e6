"""Steps of a soak: OpenOCD and the chip fail, and nothing of it lasts."""

import os
import signal
import time

from simulator import BANK2
from steps_uploads import KINDS, good

from harness import pushes

# Behind an erase: the sketch before is put back.
TOUCHED = {
    "erase-failed": "erase-failed",
    "write-protected": "erase-failed",
    "write-failed": "write-failed",
    "verify-failed": "verify-failed",
    "crash": "openocd-crashed",
    "crash-signal": "openocd-crashed",
}
# The chip is never reached; that is tried three times.
OUT_OF_REACH = {
    "no-adapter-open": "no-adapter",
    "no-adapter-mmap": "no-adapter",
    "no-target": "no-target",
    "no-target-ones": "no-target",
    "no-target-zeroes": "no-target",
    "halt-timeout": "halt-timeout",
}
NUISANCES = ["split", "forged"]

# Of the simulated chip, with the codes that each may have.
CONNECTED, LOADING = 700, 1500  # transactions of a run: the chip is halted; it is being written
LOST = ("failed:no-adapter", "failed:openocd-crashed", "failed:no-target")
CHIP_FAULTS = {
    "erase-fail:0": ("failed:erase-failed",),
    "write-protect:0": ("failed:erase-failed",),
    f"write-error:{BANK2 + 0x44:#x}": ("failed:write-failed",),
    f"corrupt-word:{BANK2 + 0x104:#x}": ("failed:verify-failed",),
    "no-target-high": ("failed:no-target",),
    "no-target-low": ("failed:no-target",),
    f"die-after:{CONNECTED}": LOST,
    f"die-after:{LOADING}": LOST,
    f"drop:{LOADING}": LOST,
}


def fails_behind_an_erase(world, rng):
    mode = rng.choice(sorted(TOUCHED))
    before, upload = world.holds, world.good(rng)
    world.fail_next(mode)
    world.put(rng.choice(KINDS), upload, f"failed:{TOUCHED[mode]}")
    world.settle(before)
    world.standin.set_mode("success")
    good(world, rng)


def out_of_reach(world, rng):
    mode = rng.choice(sorted(OUT_OF_REACH))
    before, upload = world.holds, world.good(rng)
    world.standin.set_mode(mode)
    world.put(rng.choice(KINDS), upload, f"failed:{OUT_OF_REACH[mode]}")
    world.settle(before)
    world.standin.set_mode("success")
    good(world, rng)


def back_in_time(world, rng):
    upload = world.good(rng)
    world.fail_next("no-target")
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)
    world.standin.set_mode("success")


def says_nothing_of_use(world, rng):
    """Exit status 0 proves nothing."""
    before, upload = world.holds, world.good(rng)
    world.fail_next("exit-0-without-done")
    world.put(rng.choice(KINDS), upload, "failed:internal")
    world.settle(before)
    world.standin.set_mode("success")
    good(world, rng)


def nuisance(world, rng):
    world.standin.set_mode(rng.choice(NUISANCES))
    good(world, rng)
    world.standin.set_mode("success")


def openocd_killed(world, rng):
    """In the middle of its work; whether the chip holds the sketch before or none depends on when.
    The next upload is programmed."""
    upload = world.good(rng)
    if not world.real:
        world.standin.set_mode("hang-at-stage", stage="verify")
    world.put(rng.choice(KINDS), upload, "failed:openocd-crashed", "programmed")
    openocd = world.daemon.wait_openocd()
    if world.real:
        time.sleep(rng.uniform(0, 1))
    else:
        world.daemon.wait_line(r": verify$")
        world.standin.set_mode("success")
    try:
        os.kill(openocd, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was quicker
    world.holds = None
    world.settle()
    good(world, rng)


def chip_fault(world, rng):
    """It meets the way back too, so what the chip holds then is not known. It fails where something
    is erased or written at all, and a run that meets the fault too late succeeds."""
    fault = rng.choice(sorted(CHIP_FAULTS))
    world.chip.faults(fault)
    world.put(rng.choice(KINDS), world.good(rng, 9000), "programmed", *CHIP_FAULTS[fault])
    world.holds = None
    world.settle()
    world.chip.faults()
    good(world, rng)


def endured(world, rng):
    world.chip.faults(f"wait-sometimes:{rng.randrange(3, 200)}")
    good(world, rng)
    world.chip.faults()


def chip_restarted(world, rng):
    """The power of the chip alone is off, and on again, while something is programmed."""
    upload = world.good(rng)
    world.put(pushes.adb_push, upload, "programmed", *LOST, "failed:internal")
    world.daemon.wait_openocd()
    time.sleep(rng.uniform(0, 1))
    world.chip.restart()
    world.holds = None
    world.settle()
    good(world, rng)
