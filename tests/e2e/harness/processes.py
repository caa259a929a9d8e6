"""Looks at other processes through /proc: children, descriptors, memory."""

import ctypes
import os

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def become_subreaper():
    """From now on a daemon's orphans become our children, so that none can get away unseen."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def stat_fields(pid):
    """/proc/PID/stat from its third field (state) on, or None once the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def state(pid):
    fields = stat_fields(pid)
    return fields[0] if fields else None


def process_group(pid):
    fields = stat_fields(pid)
    return int(fields[2]) if fields else None


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        fields = stat_fields(entry) if entry.isdecimal() else None
        if fields and int(fields[1]) == pid:
            found.append(int(entry))
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descriptors(pid):
    """{number: target} of what the process has open; nothing if it has ended."""
    found = {}
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except (FileNotFoundError, ProcessLookupError):
        return found
    for number in numbers:
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            pass
    return found


def status(pid):
    """/proc/PID/status: {name: value}."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {k: v.strip() for k, _, v in (line.partition(":") for line in file)}


def memory_kib(pid, field):
    return int(status(pid)[field].split()[0])


def resident_kib(pid):
    return memory_kib(pid, "VmRSS")


def peak_resident_kib(pid):
    return memory_kib(pid, "VmHWM")


def group_exists(group):
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


companions = set()  # pids of what a test has started itself, and ends itself


def reap(daemon=None):
    """Collects our orphans that have ended; returns those that are still there.

    The daemon and the companions are left alone: whoever started them wants their exit status.
    """
    orphans = [pid for pid in children(os.getpid()) if pid != daemon and pid not in companions]
    return [pid for pid in orphans if os.waitpid(pid, os.WNOHANG) == (0, 0)]
