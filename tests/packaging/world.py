"""A board to install packages on: this machine's own files under a folder to write to, with a dpkg
that knows of no package and a systemd that only notes what it is told. Needs root."""

import os
import subprocess
import tempfile
from pathlib import Path

# Everything is gone with the mount namespace, which ends with the process.
SETUP = """
set -e
cd "$1"
mount -t tmpfs board .
cd "$1"
mkdir upper work root
mount -t overlay board -o lowerdir=/,upperdir=upper,workdir=work root
for dir in run tmp var/lib/dpkg var/lib/systemd/deb-systemd-helper-enabled; do
    mkdir -p root/$dir
    mount -t tmpfs board root/$dir
done
mount --rbind /dev root/dev
mount --rbind /proc root/proc
echo ready
read -r _
"""

# What of it the maintainer scripts and Debian's tools for them ask for. A unit is enabled if a link to
# it is in a .wants folder; how long the stock service goes on is counted in the questions.
SYSTEMCTL = r"""#!/bin/sh
at()
{
    for unit in path service; do
        for dir in /lib/systemd/system /etc/systemd/system; do
            [ ! -e $dir/monitor-m4-elf-file.$unit ] || grep -o '^Description=.*' $dir/monitor-m4-elf-file.$unit
        done
    done | sed 's/Description=//' | paste -s -d ,
}
for unit; do :; done
echo "$* [$(at)]" | sed 's/--system \|--quiet \|-- //g' >>/run/told
link=/etc/systemd/system/multi-user.target.wants/$unit
case "$*" in
*is-enabled*)
    [ -e "$link" ] && echo enabled ;;
*preset*)
    ln -sf "/lib/systemd/system/$unit" "$link" ;;
*ActiveState*)
    busy=$(cat /run/busy 2>/dev/null || echo 0)
    [ "$busy" -gt 0 ] && echo activating || echo inactive
    echo $((busy - 1)) >/run/busy ;;
esac
"""


class Unavailable(Exception):
    """There can be no such board here, and this is why."""


class World:
    def __init__(self, package):
        if os.geteuid() != 0:
            raise Unavailable("only root can mount")
        self.package = package
        self.folder = tempfile.TemporaryDirectory(prefix="m4flash-board.")
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", SETUP, "sh", self.folder.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        if self.holder.stdout.readline() != "ready\n":
            raise Unavailable(f"no overlay: {self.holder.stderr.read().strip()}")
        for folder in "info", "updates", "triggers", "parts":
            self.path(f"/var/lib/dpkg/{folder}").mkdir()
        self.write("/var/lib/dpkg/status", "")
        self.write("/var/lib/dpkg/available", "")
        self.put("/root/m4flash.deb", self.package.read_bytes())
        self.write("/usr/bin/systemctl", SYSTEMCTL, 0o755)
        self.path("/run/systemd/system").mkdir(parents=True)
        # A container may have one, so that nothing is started in it.
        self.path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
        return self

    def __exit__(self, *_):
        self.holder.communicate("\n")
        self.folder.cleanup()

    def path(self, inside):
        """How to reach a path of the board's from here."""
        return Path(f"/proc/{self.holder.pid}/root{self.folder.name}/root{inside}")

    def put(self, path, data, mode=0o644):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).unlink(missing_ok=True)
        self.path(path).write_bytes(data)
        self.path(path).chmod(mode)

    def write(self, path, text, mode=0o644):
        self.put(path, text.encode(), mode)

    def link(self, path, target):
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).symlink_to(target)

    def run(self, *command):
        """Runs a command on the board: its exit status and all that it said."""
        done = subprocess.run(
            ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "chroot", f"{self.folder.name}/root",
             "env", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            timeout=300)
        return done.returncode, done.stdout

    def dpkg(self, *arguments):
        """It must go well."""
        status, said = self.run("dpkg", "--force-depends", *arguments)
        assert status == 0, said
        return said

    def install(self):
        self.dpkg("--install", "/root/m4flash.deb")

    def told(self):
        """What systemd was told since the last time, each with what was in the units' places then."""
        log = self.path("/run/told")
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def diversions(self):
        return self.run("dpkg-divert", "--list", "*monitor-m4-elf-file*")[1].splitlines()

    def files(self, *folders):
        """All that is in these folders: the path of each file, and its text or where it leads."""
        found = {}
        for folder in folders:
            top = self.path(folder)
            for file in sorted(top.rglob("*")):
                name = folder + "/" + str(file.relative_to(top))
                if file.is_symlink():
                    found[name] = "-> " + os.readlink(file)
                elif file.is_file():
                    found[name] = file.read_text(errors="replace")
        return found
