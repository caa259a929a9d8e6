"""A Debian 12 with systemd as PID 1, in a systemd-nspawn container. Needs root."""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness import processes
from harness.waiting import LIMIT, wait_for

PACKAGES = ["systemd", "systemd-sysv", "dbus", "inotify-tools",
            "libsystemd0", "libelf1", "libnettle8", "libssl3", "libjson-c5", "libinih1"]
MAKING = 600  # seconds, of which a slow mirror takes the most
CGROUP, ABANDONED = "m4flash-", 3600  # seconds
PR_SET_PDEATHSIG = 1  # linux/prctl.h
HIERARCHIES = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]


class Unavailable(Exception):
    """There can be no container here, and this is why."""


def last_line(text):
    return (text.strip().splitlines() or ["no reason given"])[-1]


def make_root(folder, name="root", packages=PACKAGES):
    """The container's root folder, made if it is not there yet (20 s)."""
    root, stamp = pathlib.Path(folder) / name, pathlib.Path(folder) / f"{name}-packages"
    wanted = " ".join(packages)
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return root
    if os.geteuid() != 0:
        raise Unavailable("only root can make and boot a container")
    stamp.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    try:
        done = subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(packages),
             "bookworm", root], check=False, capture_output=True, text=True, timeout=MAKING)
    except FileNotFoundError:
        raise Unavailable("no mmdebstrap") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"mmdebstrap took more than {MAKING} s") from None
    if done.returncode != 0:
        raise Unavailable(f"mmdebstrap: {last_line(done.stderr)}")
    stamp.write_text(wanted, encoding="ascii")
    return root


def systemd_runs_here():
    return os.path.isdir("/run/systemd/system")


def inside(pid, *command, **how):
    """Runs a command where the process is."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "timeout": LIMIT} | how
    return subprocess.run(["nsenter", "-t", str(pid), "-a", *command], check=False, text=True, **how)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


class Cgroup:
    """Where no systemd hands out cgroups all containers would share one; this one has its own, of
    the same name in each hierarchy."""

    def __init__(self):
        name = f"{CGROUP}{os.urandom(8).hex()}"
        self.folders = []
        if systemd_runs_here():
            return
        for hierarchy in map(pathlib.Path, HIERARCHIES):
            if (hierarchy / "cgroup.procs").exists():
                remove_abandoned(hierarchy)
                self.folders.append(hierarchy / name)
                self.folders[-1].mkdir()

    def enter(self):
        for folder in self.folders:
            (folder / "cgroup.procs").write_text("0", encoding="ascii")

    def remove(self):
        for folder in self.folders:
            wait_for(lambda: remove_cgroup(folder), f"the end of the processes in {folder}")


def remove_cgroup(folder):
    """False if there are still processes in it."""
    try:
        for below, _, _ in os.walk(folder, topdown=False):
            os.rmdir(below)
    except OSError:
        return False
    return True


def remove_abandoned(hierarchy):
    """What a run could not remove that was killed. A new one is let alone: it may be about to be
    entered."""
    for folder in hierarchy.glob(f"{CGROUP}*"):
        if time.time() - folder.stat().st_mtime > ABANDONED:
            remove_cgroup(folder)


class Container:
    """Booted as soon as it is made; shared can be found inside under the name `at`. All of it is in a
    namespace of processes of its own, whose first is nspawn: with that one the kernel ends them all,
    and it ends when whoever made it does, in whatever way.
    """

    def __init__(self, root, shared, at="/bench", options=()):
        self.cgroup = Cgroup()
        self.console = tempfile.TemporaryFile()
        scope = ["systemd-run", "--quiet", "--scope", "--property=Delegate=yes"]
        self.unshare = subprocess.Popen(
            [*(scope if systemd_runs_here() else []),
             "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
             "systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--register=no",
             "--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
             f"--bind={shared}:{at}", *options],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT,
            preexec_fn=self.prepare)
        processes.companions.add(self.unshare.pid)
        try:
            self.boot()
        except BaseException:
            self.kill()
            raise

    def prepare(self):
        self.cgroup.enter()
        die_with_parent()

    def boot(self):
        try:
            self.pid = wait_for(self.booted_init, "systemd in the container", pause=0.1)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"the container does not boot: {error}: {self.said()}") from None

    def booted_init(self):
        """The pid of the container's systemd once it has started everything, else None. Before it
        nspawn has another child for a moment."""
        if self.ended():
            raise Unavailable(f"systemd-nspawn: {self.said()}")
        for nspawn in children_of(self.unshare.pid):
            for child in children_of(nspawn):
                if self.run("systemctl", "is-system-running", pid=child).stdout.strip() in (
                        "running", "degraded"):
                    return child
        return None

    def ended(self):
        return self.unshare.poll() is not None

    def status(self):
        """nspawn's exit status."""
        return self.unshare.returncode

    def said(self):
        self.console.seek(0)
        return last_line(self.console.read().decode(errors="replace"))

    def run(self, *command, pid=None, **how):
        return inside(pid or self.pid, *command, **how)

    def path(self, inside):
        """How to reach a path of the container's from here."""
        return f"/proc/{self.pid}/root{inside}"

    def processes(self, unit):
        """The pids, as seen from here, of a unit's processes."""
        own = os.readlink(f"/proc/{self.pid}/ns/pid")
        return [int(name) for name in os.listdir("/proc")
                if name.isdecimal() and belongs(name, own, f"/{unit}")]

    def stop(self):
        """Has it shut down, if it does."""
        for nspawn in children_of(self.unshare.pid):
            os.kill(nspawn, signal.SIGTERM)
        try:
            self.unshare.wait(20)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        """As if the power had been cut."""
        for nspawn in children_of(self.unshare.pid):
            os.kill(nspawn, signal.SIGKILL)
        self.unshare.kill()
        self.unshare.wait()
        processes.companions.discard(self.unshare.pid)
        self.console.close()
        self.cgroup.remove()


def belongs(pid, namespace, cgroup):
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            return (any(line.rstrip("\n").endswith(cgroup) for line in file)
                    and os.readlink(f"/proc/{pid}/ns/pid") == namespace)
    except OSError:
        return False
