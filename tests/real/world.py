"""A bench with the real OpenOCD and the simulated chip in it."""

import os

from chip import Chip

from harness.bench import Bench


class World(Bench):
    """Everything that the daemon knows of the chip comes from the board's profile."""

    def __init__(self):
        super().__init__(Chip)
        self.chip = self.standin
        self.settings["Board"] = {}

    def options(self):
        self.write_config()
        return [
            "--config", self.config,
            "--inbox", self.inbox,
            "--state-dir", self.state,
            "--runtime-dir", self.runtime,
            "--openocd", self.program,
            "--board", str(self.chip.board),
        ]

    def discard(self):
        if self.daemon:
            self.daemon.discard()
        self.chip.stop()
        super().discard()

    def programmed(self, kind, upload):
        """One upload that must go well; its outcome."""
        self.push(kind, upload)
        outcome = self.wait_outcome()
        assert (outcome["result"], outcome["code"]) == ("programmed", "ok"), self.log()
        self.check_programmed(upload)
        self.chip.check_running()
        return outcome

    def failed(self, kind, upload):
        self.push(kind, upload)
        outcome = self.wait_outcome()
        assert outcome["result"] == "failed", self.log()
        return outcome

    def empty_inbox(self):
        """/tmp is in RAM: a power cut takes the upload too."""
        for name in os.listdir(self.inbox):
            os.unlink(os.path.join(self.inbox, name))
