"""m4flashd itself: started, listened to, waited for and stopped."""

import glob
import os
import re
import signal
import subprocess
import threading
import time

from harness import processes
from harness.waiting import LIMIT, wait_for

PROGRAM = os.environ.get("M4FLASHD", "m4flashd")
CHECKER = os.environ.get("M4FLASH_CHECKER", "m4flash-checker")
CHECKER_SIGNED = os.environ.get("M4FLASH_CHECKER_SIGNED", "m4flash-checker-signed")
RESULTS = "programmed|unchanged|recovered|rejected|failed|superseded|aborted"
OUTCOME = re.compile(rf"Job (\d+): ({RESULTS}): (.+)")
ACCEPTED = re.compile(r"Job (\d+): accepted: ")


class Daemon:
    def __init__(self, bench, *options, prefix=(), env=None, expect_ready=True):
        self.bench = bench
        self.lines = []  # its stderr
        self.idle_descriptors = None
        bench.notify.forget()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WATCHDOG_")}
        environment.pop("JOURNAL_STREAM", None)
        environment["M4FLASH_CHIP_DIR"] = bench.standin.folder
        environment["NOTIFY_SOCKET"] = bench.notify.path
        environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={bench.bus_path}"
        environment |= env or {}
        self.checkers = {
            CHECKER, environment.get("M4FLASH_CHECKER", CHECKER),  # or a script
            CHECKER_SIGNED, environment.get("M4FLASH_CHECKER_SIGNED", CHECKER_SIGNED),
        }
        self.process = subprocess.Popen(
            [*prefix, PROGRAM, *bench.options(), *options],
            stdin=subprocess.PIPE,  # that nobody else must inherit
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self.collect, daemon=True)
        self.reader.start()
        if expect_ready:
            self.wait_ready()

    def collect(self):
        with self.process.stderr as stream:
            for line in stream:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))

    def wait_ready(self):
        def look():
            assert self.running(), f"ended with {self.status()}: {self.log()}"
            return self.bench.notify.values("READY") == ["1"]

        wait_for(look, "READY=1")
        if not os.path.lexists(self.bench.path):
            self.idle_descriptors = self.settled_descriptors()

    def log(self):
        return "\n".join(self.lines)

    def wait_line(self, pattern):
        """The first line, past or to come, in which the regular expression is found."""

        def look():
            return next((line for line in self.lines.copy() if re.search(pattern, line)), None)

        return wait_for(look, lambda: f"a line with {pattern!r} in:\n{self.log()}")

    def outcome_lines(self):
        """(id, result, text) of each outcome that it told of."""
        found = (OUTCOME.search(line) for line in self.lines.copy())
        return [(int(m[1]), m[2], m[3]) for m in found if m]

    def accepted_jobs(self):
        """The ids of the uploads that passed the check, in that order."""
        found = (ACCEPTED.search(line) for line in self.lines.copy())
        return [int(m[1]) for m in found if m]

    def running(self):
        return self.process.poll() is None

    def status(self):
        """Its exit status (negative: the signal that ended it), or None."""
        return self.process.returncode

    def workers(self):
        """Its children, without the checker that waits for the next upload."""
        waiting = [
            pid for pid in processes.children(self.pid)
            if self.checkers.intersection(processes.command_line(pid)[:2])
            and processes.state(pid) == "S"
        ]
        return [pid for pid in processes.children(self.pid) if pid not in waiting[:1]]

    def openocd(self):
        """The pid of the OpenOCD that is running now, or None."""
        return next((p for p in self.workers() if is_openocd(processes.command_line(p))), None)

    def wait_openocd(self):
        """An OpenOCD that may erase: the record of what it does is on disk."""
        def look():
            assert self.running(), f"ended with {self.status()}: {self.log()}"
            return self.openocd() if glob.glob(f"{self.bench.runtime}/job-*/plan") else None

        return wait_for(look, lambda: f"an OpenOCD running; {self.log()}")

    def wait_checking(self):
        """The oldest job is being checked."""
        wait_for(lambda: (self.bench.notify.values("STATUS") or [""])[-1].endswith(": checking"),
                 lambda: f"a check; {self.log()}")

    def wait_quiet(self):
        """Waits until it has dealt with all it knows of, but for an OpenOCD that is held up.

        A process that has something to read is not asleep; so one that sleeps at each of several
        looks, with the same workers, has read the newest upload and heard the checker's answer.
        """
        seen = []

        def look():
            assert self.running(), f"ended with {self.status()}: {self.log()}"
            others = [p for p in self.workers() if not is_openocd(processes.command_line(p))]
            seen.append(processes.state(self.pid) == "S" and not others)
            return len(seen) >= 10 and all(seen[-10:])

        wait_for(look, lambda: f"quiet; workers {self.workers()}\n{self.log()}", pause=0.02)

    def settled_descriptors(self):
        """What it has open when it has nothing to do: the same twice in a row, no worker."""
        seen = [None]

        def look():
            before, seen[0] = seen[0], processes.descriptors(self.pid)
            return not self.workers() and before is not None and len(before) == len(seen[0])

        wait_for(look, lambda: f"idle; it has {seen[0]}", pause=0.05)
        return seen[0]

    def check_descriptors(self):
        """No descriptor more than before the first upload."""
        if self.idle_descriptors is None:
            return
        wait_for(
            lambda: countable(processes.descriptors(self.pid)) == countable(self.idle_descriptors),
            lambda: f"{self.idle_descriptors} again, but {processes.descriptors(self.pid)}",
            limit=10,
        )

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        """Until resume() it sees nothing; waits until the kernel has really stopped it."""
        self.signal(signal.SIGSTOP)
        wait_for(lambda: processes.state(self.pid) == "T", "stopped by SIGSTOP")

    def resume(self):
        self.signal(signal.SIGCONT)

    def wait_end(self):
        """Returns its exit status."""
        try:
            status = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end; {self.log()}") from None
        self.reader.join(LIMIT)
        self.process.stdin.close()
        return status

    def stop(self):
        """As systemd would; whatever it still has to do, it must end well and leave nobody."""
        self.signal(signal.SIGTERM)
        assert self.wait_end() == 0, self.log()
        self.check_nobody_left()

    def kill(self):
        self.signal(signal.SIGKILL)
        assert self.wait_end() == -signal.SIGKILL
        self.check_nobody_left()

    def check_nobody_left(self):
        wait_for(
            lambda: not processes.reap(),
            lambda: [processes.command_line(pid) for pid in processes.reap()],
            limit=10,
        )

    def discard(self):
        """For the end of a failed test: whatever it takes."""
        if self.running():
            self.signal(signal.SIGCONT)
            self.process.kill()
            self.wait_end()
        deadline = time.monotonic() + 10
        while processes.reap() and time.monotonic() < deadline:
            for pid in processes.reap():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def countable(descriptors):
    """How many there are; without sd-event's timer, which it makes when first needed and keeps."""
    return sum(target != "anon_inode:[timerfd]" for target in descriptors.values())


def is_openocd(argv):
    return "-c" in argv and any(word.startswith("m4flash_") for word in argv)
