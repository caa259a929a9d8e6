"""m4flash, run as people and scripts run it, beside the bench's bus."""

import json
import os
import re
import shutil
import subprocess
import threading

from harness import processes
from harness.waiting import LIMIT, wait_for

COMMAND = os.environ.get("M4FLASH_COMMAND", "m4flash")
LAST_LINE = re.compile(r"m4flash: ([a-z-]+) ([a-z0-9-]+) id=([0-9]+)")


def boards_for_all(bench):
    """Where everybody may read them: the sources may be in a folder of root's."""
    folder = os.path.join(bench.folder, "boards")
    if not os.path.isdir(folder):
        shutil.copytree(os.environ["M4FLASH_BOARDS_DIR"], folder)
    return folder


class Command:
    """One that was started; what it says is collected as it comes."""

    def __init__(self, bench, *arguments, prefix=(), env=None, cwd=None):
        environment = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bench.bus_path}"}
        environment.pop("TERM", None)
        if prefix:
            environment["M4FLASH_BOARDS_DIR"] = boards_for_all(bench)
        self.process = subprocess.Popen(
            [*prefix, COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment | (env or {}))
        processes.companions.add(self.process.pid)
        self.out, self.err = [], []  # lines
        self.threads = [
            threading.Thread(target=self.collect, args=how, daemon=True)
            for how in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    def collect(self, stream, lines):
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    def said(self):
        return "\n".join([*self.out, "---", *self.err])

    def wait_line(self, pattern):
        """The first line, past or to come, on either stream, in which this is found."""

        def look():
            lines = self.out.copy() + self.err.copy()
            found = next((line for line in lines if re.search(pattern, line)), None)
            assert found or self.process.poll() is None, f"no {pattern!r} in\n{self.said()}"
            return found

        return wait_for(look, lambda: f"a line with {pattern!r} in:\n{self.said()}")

    def wait(self):
        """Its exit status, when all is said."""
        try:
            status = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"does not end:\n{self.said()}") from None
        for thread in self.threads:
            thread.join(LIMIT)
        processes.companions.discard(self.process.pid)
        return status

    def stop(self):
        self.process.kill()
        self.process.wait(LIMIT)
        for thread in self.threads:
            thread.join(LIMIT)
        processes.companions.discard(self.process.pid)

    def last(self):
        """(result, code, id) of the line for programs, which is the last."""
        found = LAST_LINE.fullmatch(self.out[-1]) if self.out else None
        assert found, self.said()
        return found[1], found[2], int(found[3])

    def objects(self):
        """What was said as JSON, and nothing else on standard output."""
        return [json.loads(line) for line in self.out]


def run(bench, *arguments, **how):
    """(exit status, the ended command)"""
    command = Command(bench, *arguments, **how)
    return command.wait(), command


def check(bench, status, last, *arguments, **how):
    """Runs it, with this exit status and this last line."""
    found, command = run(bench, *arguments, **how)
    assert (found, command.last()) == (status, last), command.said()
    return command
