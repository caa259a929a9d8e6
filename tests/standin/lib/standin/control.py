"""The control file: what this run is to do, and the log that tells a test what was asked of us."""

import json
import os

# Failures before the chip is reached: a release run meets them too.
LASTING = ("no-adapter-open", "no-adapter-mmap", "no-target", "no-target-ones", "no-target-zeroes")


class Control:
    def __init__(self, path, action):
        self.action = action
        self.values = {}
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                key, equals, value = line.strip().partition("=")
                if equals and not key.startswith("#"):
                    self.values[key.strip()] = value.strip()
        self.mode = self._mode()

    def text(self, key, default=""):
        return self.values.get(key, default)

    def number(self, key, default=0):
        return float(self.values.get(key, default))

    def _mode(self):
        mode = self.text("mode", "success")
        if self._run() > self.number("fail_runs", "inf"):
            return "success"
        if self.action == "release":
            return self.text("release", mode if mode in LASTING else "success")
        return mode

    def _run(self):
        """The number of this programming run, from 1; a release belongs to the run before it."""
        if not self.text("log"):
            return 1
        path = self.text("log") + ".runs"
        try:
            with open(path, encoding="ascii") as file:
                runs = int(file.read())
        except FileNotFoundError:
            runs = 0
        if self.action != "release":
            runs += 1
            # In one step: the stand-in is killed at any moment.
            with open(path + ".new", "w", encoding="ascii") as file:
                file.write(str(runs))
            os.rename(path + ".new", path)
        return runs

    def log(self, **fields):
        """Appends one JSON line, whole: others may be appending too."""
        if not self.text("log"):
            return
        fields.update(pid=os.getpid(), action=self.action, mode=self.mode)
        fd = os.open(self.text("log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.write(fd, (json.dumps(fields) + "\n").encode())
        os.close(fd)
