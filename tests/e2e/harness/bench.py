"""One test's world: inbox, state and runtime folders, OpenOCD and its chip, all in one temporary
folder, and the count of the uploads that were completed in it.
"""

import os
import shutil
import subprocess
import tempfile

from harness import history, processes, sketches
from harness.daemon import CHECKER, PROGRAM, Daemon
from harness.notify import NotifySocket
from harness.standin import StandIn
from harness.waiting import wait_for

FILE_NAME = "m4-user-sketch.elf"


class Bench:
    def __init__(self, chip=StandIn):
        self.folder = tempfile.mkdtemp(prefix="m4flash-e2e-")
        self.inbox = self.make_folder("inbox")
        self.state = self.make_folder("state")
        self.runtime = self.make_folder("runtime")
        self.path = os.path.join(self.inbox, FILE_NAME)
        self.bus_path = os.path.join(self.folder, "bus")  # where a bus would be (harness.bus)
        self.config = os.path.join(self.folder, "m4flash.conf")
        self.standin = chip(self.folder)
        self.notify = NotifySocket(os.path.join(self.folder, "notify"))
        self.settings = {"OpenOCD": {}, "Inbox": {}, "Board": {"HealthFile": ""},
            "Limits": {"ProgrammingsPerMinute": 0, "ProgrammingsPerDay": 0}}
        self.raw_config = None  # a test's own text, instead of settings
        self.program = self.standin.program
        self.daemon = None
        self.lines = []  # stderr of daemons that have ended
        self.uploads = 0  # completed so far, or None where a test cannot know
        self.oldest_id = 0  # of the history that was there before
        self.compare_descriptors = True

    def make_folder(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path

    # ---- The daemon -----------------------------------------------------------------------------

    def options(self):
        self.write_config()
        return [
            "--config", self.config,
            "--inbox", self.inbox,
            "--state-dir", self.state,
            "--runtime-dir", self.runtime,
            "--openocd", self.program,
            "--openocd-config", self.standin.control,
            "--board", "portenta-x8",
        ]

    def options_of_a_service(self):
        """All else then comes from the configuration and the environment."""
        self.write_config()
        return ["--config", self.config]

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as file:
            if self.raw_config is not None:
                file.write(self.raw_config)
                return
            for section, keys in self.settings.items():
                file.write(f"[{section}]\n")
                file.writelines(f"{key}={value}\n" for key, value in keys.items())

    def start(self, *options, **how):
        self.daemon = Daemon(self, *options, **how)
        return self.daemon

    def stop(self):
        """Ends the daemon in good order and checks that it leaves nothing behind."""
        daemon, self.daemon = self.daemon, None
        if self.compare_descriptors:
            daemon.settled_descriptors()
            daemon.check_descriptors()
        daemon.stop()
        self.lines += daemon.lines
        assert os.listdir(self.runtime) == []

    def kill(self):
        daemon, self.daemon = self.daemon, None
        daemon.kill()
        self.lines += daemon.lines

    def restart(self, *options, **how):
        self.stop()
        return self.start(*options, **how)

    def can_run(self, prefix):
        """Whether the programs can be started by whom the prefix (setpriv, say) makes us."""
        programs = [PROGRAM, CHECKER, self.program]
        return all(
            subprocess.run([*prefix, "test", "-x", program], check=False).returncode == 0
            for program in programs
        )

    # ---- Uploads and outcomes -------------------------------------------------------------------

    def push(self, kind, upload, *args, completed=1, **how):
        """One upload of the given kind (harness.pushes)."""
        kind(self.path, upload.data, *args, **how)
        if self.uploads is not None:
            self.uploads += completed

    def history(self):
        """The outcomes of this bench's own uploads."""
        entries = history.read(os.path.join(self.state, "history.jsonl"))
        return [entry for entry in entries if entry["id"] > self.oldest_id]

    def fill_history(self):
        """Puts as many outcomes there as are kept, of uploads of which no test knows."""
        history.fill(os.path.join(self.state, "history.jsonl"))
        self.oldest_id = history.LENGTH_MAX

    def wait_outcomes(self, number=None):
        """Waits until so many uploads have an outcome (else: all that were completed)."""
        number = self.uploads if number is None else number

        def look():
            running = self.daemon.running()
            found = len(self.history())
            assert running or found >= number, f"ended with {self.daemon.status()}: {self.log()}"
            return found >= number

        wait_for(
            look,
            lambda: f"{number} outcomes, but {summary(self.history())}\n{self.log()}",
        )
        found = self.history()
        assert len(found) == number, f"{number} outcomes wanted: {summary(found)}\n{self.log()}"
        return found

    def wait_outcome(self):
        """The newest outcome, once every completed upload has one."""
        return self.wait_outcomes()[-1]

    def log(self):
        return "\n".join(self.lines + (self.daemon.lines if self.daemon else []))

    # ---- The chip -------------------------------------------------------------------------------

    def sketch_in_flash(self, size):
        return self.standin.flash()[sketches.SECTOR_SIZE * 8 :][:size]

    def check_programmed(self, upload):
        """The chip holds this sketch, and nothing but erased flash up to the sector's end."""
        size = len(upload.image)
        whole = -(-size // sketches.SECTOR_SIZE) * sketches.SECTOR_SIZE
        found = self.sketch_in_flash(whole)
        assert sketches.sha256(found[:size]) == upload.image_sha256, "another sketch in flash"
        assert found[size:] == b"\xff" * (whole - size), "the rest of the sector is not erased"

    # ---- The end --------------------------------------------------------------------------------

    def finish(self):
        """What must hold at the end of every test."""
        if self.daemon and self.daemon.running():
            if self.uploads is not None:
                self.wait_outcomes()
            self.stop()
        found = self.history()
        if self.uploads is not None:
            assert len(found) == self.uploads, f"{self.uploads} uploads: {summary(found)}"
        leftovers = [name for name in os.listdir(self.state) if name.startswith(".")]
        assert leftovers == []
        assert self.standin.m7_firmware_is_intact()
        assert processes.reap() == []

    def discard(self):
        if self.daemon:
            self.daemon.discard()
        self.notify.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def summary(entries):
    return [(e["id"], e["result"], e["code"], e["sha256"][:8]) for e in entries]
