"""A board: a Debian 12 with systemd as PID 1 in a container, and the simulated chip, which the real
OpenOCD reaches where the board's own configuration is, by the name that the stock service uses.
"""

import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile

from chip import Chip
from container import Container
from simulator import CONFIGURATION
from disk import Disk

from harness import history
from harness.bench import summary
from harness.sketches import SECTOR_SIZE
from harness.waiting import wait_for

UNIT = "monitor-m4-elf-file.service"
UPLOAD = "/tmp/arduino/m4-user-sketch.elf"
OPENOCD_CONFIG = "usr/arduino/extra/openocd_script-imx_gpio.cfg"
STATE = "/var/lib/m4flash"
REBOOTS = 133  # nspawn's exit status then (EXIT_FORCE_RESTART)
SHUTDOWN = 200  # seconds; the unit may take 150 of them to stop

# What a container keeps from the service, or not, unlike a board:
# - CAP_SYS_RAWIO, Landlock and pidfd_getfd are nspawn's to give, and given here;
# - there is no /dev/mem and no gpiochip, so the unit's DeviceAllow= for them are without effect;
# - /sys is read-only, so the health file is another (the simulated chip's bridge), and so is the
#   configuration's adapter, whose socket OpenOCD may use because of M4FLASH_CHIP_DIR=.
# - nobody but the machine's own root may set the clock, and no namespace has one of its own: its
#   jumps are in tests/soak.
# The unit itself is the installed one, without a drop-in.
NSPAWN = ["--capability=CAP_SYS_RAWIO", "--private-network",
          "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self "
          "pidfd_getfd"]
SETTINGS = """[Board]
HealthFile=/chip/bridge
[Limits]
ProgrammingsPerMinute=0
ProgrammingsPerDay=0
"""


def furnish(disk):
    """What the board has that our package does not bring."""
    disk.write(OPENOCD_CONFIG, "set H7SIM_SOCKET /chip/socket\n" + CONFIGURATION.read_text())
    disk.write("/usr/lib/sysusers.d/board.conf", 'u fio 1000 "The board\'s user"\n')
    disk.write("/etc/m4flash.conf", SETTINGS)
    disk.write("/etc/systemd/system.conf.d/chip.conf",
               "[Manager]\nDefaultEnvironment=M4FLASH_CHIP_DIR=/chip\n")
    disk.chroot("systemd-sysusers")


numbers = itertools.count()  # for the machines' names


class BoardChip(Chip):
    """It can stand still in the middle of a programming, as long as a test wants it to."""

    frozen = False

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)
        self.frozen = False

    def freeze_while_programming(self, upload):
        """As soon as the sketch has been begun. Large ones only: it must not be ready by then."""
        before = self.bank(2)

        def begun():
            return self.bank(2) != before

        wait_for(begun, "a change of the flash", pause=0.002)
        self.freeze()
        assert not self.bank(2).startswith(upload.image), "programmed before it could be stopped"

    def power_off(self):
        self.frozen = False
        self.stop(signal.SIGKILL)
        self.file("bridge").unlink(missing_ok=True)

    def holds(self, upload):
        """Exactly this sketch, and erased flash up to the sector's end."""
        size = -(-len(upload.image) // SECTOR_SIZE) * SECTOR_SIZE
        return self.bank(2)[:size] == upload.image.ljust(size, b"\xff")

    def runs(self):
        """Whether the M7's firmware does: it is what the bridge is alive by."""
        counters = self.counters()
        return counters["state"] == "running" and self.file("bridge").exists()


class Machine:
    """Not booted yet. disk.root can be written to until it is."""

    def __init__(self, place, layers):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=place))
        self.disk = Disk(place, layers)
        self.chip = BoardChip(self.folder)
        self.container = None

    def boot(self):
        self.container = Container(self.disk.root, self.chip.path, at="/chip",
                                   options=[f"--machine=board-{next(numbers)}", *NSPAWN])
        return self

    def await_end(self, status=0):
        wait_for(self.container.ended, lambda: f"the shutdown\n{self.log()}", limit=SHUTDOWN)
        assert self.container.status() == status
        self.container.kill()

    def await_reboot(self):
        """nspawn says so by how it ends. The chip knows nothing of it."""
        self.await_end(REBOOTS)
        self.boot()

    def await_power_off(self):
        """The chip is without power then, too."""
        self.await_end()
        self.chip.power_off()

    def power_cut(self):
        """Board and chip. What was in memory is gone; the disk has all that was written to it."""
        self.container.kill()
        self.chip.power_off()

    def power_on(self):
        self.chip.start()
        self.boot()

    def discard(self):
        if self.container:
            self.container.kill()
        self.chip.power_off()
        self.disk.discard()
        shutil.rmtree(self.folder)

    # ---- Inside ---------------------------------------------------------------------------------

    def run(self, *command, check=True):
        """What it said; with check=False the completed process."""
        done = self.container.run(*command)
        if not check:
            return done
        assert done.returncode == 0, f"{command}: {done.stdout}\n{self.log()}"
        return done.stdout

    def systemctl(self, *arguments):
        return self.run("systemctl", "--no-pager", *arguments)

    def show(self, name, unit=UNIT):
        return self.systemctl("show", f"--property={name}", "--value", unit).strip()

    def is_active(self, unit=UNIT):
        return self.show("ActiveState", unit) == "active"

    def wait_active(self, unit=UNIT):
        wait_for(lambda: self.is_active(unit), lambda: f"{unit} active\n{self.log()}", pause=0.05)

    def wait_inactive(self, unit=UNIT):
        wait_for(lambda: self.show("ActiveState", unit) in ("inactive", "failed"),
                 lambda: f"the end of {unit}\n{self.log()}", pause=0.05)

    def status_text(self):
        """The STATUS= line, as `systemctl status` shows it."""
        status = self.run("systemctl", "--no-pager", "status", UNIT, check=False).stdout
        found = re.search(r'^ +Status: "(.*)"$', status, re.M)
        return found[1] if found else ""

    def wait_status(self, pattern):
        return wait_for(lambda: re.fullmatch(pattern, self.status_text()),
                        lambda: f"status {pattern}: {self.status_text()}\n{self.log()}", pause=0.05)

    def path(self, inside):
        return pathlib.Path(self.container.path(inside))

    def write(self, path, text):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text, encoding="utf-8")

    def drop_in(self, text, unit=UNIT):
        self.write(f"/etc/systemd/system/{unit}.d/test.conf", text)
        self.systemctl("daemon-reload")

    def journal(self, *options):
        """The entries of our unit, as a dictionary each."""
        self.run("journalctl", "--sync")
        text = self.run("journalctl", "--no-pager", "--output=json", f"--unit={UNIT}", *options)
        return [json.loads(line) for line in text.splitlines()]

    def log(self):
        """For whoever wants to know why a test failed."""
        return self.container.run("journalctl", "--no-pager", "--lines=60").stdout

    # ---- Uploads --------------------------------------------------------------------------------

    def push(self, kind, upload):
        kind(str(self.path(UPLOAD)), upload.data)

    def outcomes(self):
        return history.read(self.disk.root / STATE.lstrip("/") / "history.jsonl")

    def wait_outcomes(self, number):
        """Exactly so many."""
        wait_for(lambda: len(self.outcomes()) >= number,
                 lambda: f"{number} outcomes: {summary(self.outcomes())}\n{self.log()}", pause=0.05)
        found = self.outcomes()
        assert len(found) == number, f"{number} outcomes: {summary(found)}\n{self.log()}"
        return found

    def results(self, number):
        return [outcome["result"] for outcome in self.wait_outcomes(number)]

    def check_programmed(self, upload):
        """It is on the chip, whole, and it runs."""
        assert self.chip.holds(upload), f"another sketch in flash\n{self.log()}"
        assert self.chip.m7_firmware_is_intact()
        self.chip.check_running()
