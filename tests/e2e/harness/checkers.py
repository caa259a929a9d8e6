"""The checker processes of a daemon."""

import os
import signal

from harness import processes
from harness.daemon import CHECKER
from harness.waiting import wait_for


def checkers(daemon):
    """Of the daemon's children, those that are checkers and alive."""
    return [
        pid for pid in processes.children(daemon.pid)
        if processes.command_line(pid)[:1] == [CHECKER] and processes.state(pid) not in ("Z", None)
    ]


def wait_checker(daemon):
    """The pid of a checker that waits for its upload."""
    return wait_for(
        lambda: next((p for p in checkers(daemon) if processes.state(p) == "S"), None), "a checker")


def stop_checker(daemon):
    """The same of one that will not come to judge an upload before SIGCONT."""
    pid = wait_checker(daemon)
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: processes.state(pid) == "T", "a stopped checker")
    return pid
