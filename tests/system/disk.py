"""Root file systems: a Debian that is made once and kept in the build folder, and layers above it
that are in memory and gone with the test.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

from container import make_root

BUILD = pathlib.Path(os.environ["BUILD"])
# What a board has, and what our package depends on (dpkg says so if something is missing here).
PACKAGES = ["systemd", "systemd-sysv", "dbus", "openocd", "libsystemd0", "libelf1", "libssl3",
            "libjson-c5", "libinih1", "libseccomp2", "libnettle8", "libhogweed6"]

DPKG = {"DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run(*command, **how):
    """Fails with what the command said."""
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **how)
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def make_debian():
    """Raises Unavailable. Whoever comes second waits for the first one's."""
    with open(BUILD / "system-lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return make_root(BUILD, "system-root", PACKAGES)


def memory():
    """A folder in memory that only this process and its children see; and where nspawn puts things
    is such a one, too."""
    folder = BUILD / "system-memory"
    for place in (folder, pathlib.Path("/run/systemd/nspawn")):
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "m4flash-tests", str(place))
    return folder


class Disk:
    """What is written to `root` stays in a layer of this disk's own, above those of another."""

    def __init__(self, place, lower):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="disk-", dir=place))
        self.folder.chmod(0o755)
        self.root, self.own = self.folder / "root", self.folder / "own"
        self.layers = [self.own, *lower]
        for folder in (self.root, self.own, self.folder / "work"):
            folder.mkdir()
        run("mount", "-t", "overlay", "overlay", str(self.root), "-o",
            f"lowerdir={':'.join(map(str, lower))},upperdir={self.own},workdir={self.folder}/work")

    def detach(self):
        """From now on it is a layer for others, and not to be written to."""
        run("umount", str(self.root))
        return self.layers

    def discard(self):
        run("umount", str(self.root))
        shutil.rmtree(self.folder)

    def write(self, path, text, mode=0o644):
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)

    def chroot(self, *command):
        return run("chroot", str(self.root), *command, env=os.environ | DPKG)
