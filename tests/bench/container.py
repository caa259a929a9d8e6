"""A Debian 12 with systemd as PID 1, in a systemd-nspawn container. Needs root."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from harness.waiting import wait_for

PACKAGES = ["systemd", "systemd-sysv", "dbus", "inotify-tools",
            "libsystemd0", "libelf1", "libnettle8", "libssl3", "libjson-c5", "libinih1"]
HIERARCHIES = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]


class Unavailable(Exception):
    """There can be no container here, and this is why."""


def last_line(text):
    return (text.strip().splitlines() or ["no reason given"])[-1]


def make_root(folder):
    """The container's root folder, made if it is not there yet (20 s)."""
    root, stamp = pathlib.Path(folder) / "root", pathlib.Path(folder) / "root-packages"
    wanted = " ".join(PACKAGES)
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return root
    if os.geteuid() != 0:
        raise Unavailable("only root can make and boot a container")
    stamp.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    done = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(PACKAGES),
         "bookworm", root], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"mmdebstrap: {last_line(done.stderr)}")
    stamp.write_text(wanted, encoding="ascii")
    return root


def systemd_runs_here():
    return os.path.isdir("/run/systemd/system")


def inside(pid, *command):
    """Runs a command where the process is."""
    return subprocess.run(["nsenter", "-t", str(pid), "-a", *command], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Cgroup:
    """Where no systemd hands out cgroups all containers would share one; this one has its own."""

    def __init__(self):
        name = f"m4flash-bench-{os.getpid()}"
        self.folders = []
        if systemd_runs_here():
            return
        for hierarchy in HIERARCHIES:
            if os.path.exists(f"{hierarchy}/cgroup.procs"):
                self.folders.append(pathlib.Path(hierarchy) / name)
                self.folders[-1].mkdir()

    def enter(self):
        for folder in self.folders:
            (folder / "cgroup.procs").write_text("0", encoding="ascii")

    def remove(self):
        for folder in self.folders:
            for below, _, _ in os.walk(folder, topdown=False):
                os.rmdir(below)


class Container:
    """Booted as soon as it is made. shared is /bench inside."""

    def __init__(self, root, shared):
        self.cgroup = Cgroup()
        self.console = tempfile.TemporaryFile()
        keep_unit = [] if systemd_runs_here() else ["--keep-unit"]
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--register=no",
             *keep_unit, "--resolv-conf=off", "--timezone=off", "--link-journal=no",
             f"--bind={shared}:/bench"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT,
            preexec_fn=self.cgroup.enter)
        try:
            self.boot()
        except BaseException:
            self.stop()
            raise

    def boot(self):
        try:
            self.pid = wait_for(self.booted_init, "systemd in the container", pause=0.1)
        except AssertionError as error:
            raise Unavailable(f"the container does not boot: {error}: {self.said()}") from None

    def booted_init(self):
        """The pid of the container's systemd once it has started everything, else None. Before it
        nspawn has another child for a moment."""
        if self.nspawn.poll() is not None:
            raise Unavailable(f"systemd-nspawn: {self.said()}")
        with open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children",
                  encoding="ascii") as file:
            for child in file.read().split():
                state = inside(child, "systemctl", "is-system-running").stdout.strip()
                if state in ("running", "degraded"):
                    return int(child)
        return None

    def said(self):
        self.console.seek(0)
        return last_line(self.console.read().decode(errors="replace"))

    def run(self, *command):
        return inside(self.pid, *command)

    def path(self, inside):
        """How to reach a path of the container's from here."""
        return f"/proc/{self.pid}/root{inside}"

    def processes(self, unit):
        """The pids, as seen from here, of a unit's processes."""
        own = os.readlink(f"/proc/{self.pid}/ns/pid")
        return [int(name) for name in os.listdir("/proc")
                if name.isdecimal() and belongs(name, own, f"/{unit}")]

    def stop(self):
        self.nspawn.terminate()
        try:
            self.nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
        self.console.close()
        self.cgroup.remove()


def belongs(pid, namespace, cgroup):
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            return (any(line.rstrip("\n").endswith(cgroup) for line in file)
                    and os.readlink(f"/proc/{pid}/ns/pid") == namespace)
    except OSError:
        return False
