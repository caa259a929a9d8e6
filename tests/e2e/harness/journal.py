"""A journal of the test's own: a real journald on a /run that nobody else sees."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from harness.waiting import LIMIT, wait_for

JOURNALD = "/lib/systemd/systemd-journald"
CATALOG = os.environ.get("M4FLASH_CATALOG", "m4flash.catalog")

# The kernel's messages are none of the test's.
CONFIG = """[Journal]
Storage=volatile
ReadKMsg=no
RateLimitIntervalSec=0
"""
SETUP = """set -e
mount --make-rprivate /
mount -t tmpfs run /run
mkdir -p /run/systemd/journald.conf.d /run/systemd/journal /run/log/journal
cp "$1/journald.conf" /run/systemd/journald.conf.d/test.conf
mount --bind "$1/var/lib/systemd" /var/lib/systemd
exec "$2"
"""
# The daemon speaks to the journal if systemd says that its stderr leads there.
SPEAK = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/2) exec "$@"'


class Journal:
    """Where the daemon's entries go if it is started with `prefix`."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "journal")
        compile_catalog(self.root)
        with open(os.path.join(self.root, "journald.conf"), "w", encoding="utf-8") as file:
            file.write(CONFIG)
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", SETUP, "sh", self.root, JOURNALD],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.enter = ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt"]
        self.prefix = [*self.enter, "sh", "-c", SPEAK, "sh"]
        wait_for(self.listens, "a journald that listens")

    def listens(self):
        if self.process.poll() is not None:
            pytest.skip(f"no journald here: {self.process.stderr.read().decode(errors='replace')}")
        return os.path.exists(f"/proc/{self.process.pid}/root/run/systemd/journal/socket")

    def read(self, *options):
        """What journalctl shows of the daemon."""
        subprocess.run([*self.enter, "journalctl", "--sync"], check=True, timeout=LIMIT)
        command = ["journalctl", "--no-pager", "--directory=/run/log/journal", *options]
        return subprocess.run(
            [*self.enter, *command, "SYSLOG_IDENTIFIER=m4flashd"],
            check=True, timeout=LIMIT, stdout=subprocess.PIPE, text=True,
        ).stdout

    def entries(self, *options):
        """The same, as a dictionary each."""
        return [json.loads(line) for line in self.read("--output=json", *options).splitlines()]

    def discard(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(LIMIT)
        self.process.stderr.close()


def compile_catalog(root):
    """Our catalog, and no other, as it would be installed under this root."""
    sources = os.path.join(root, "usr/lib/systemd/catalog")
    os.makedirs(sources)
    shutil.copy(CATALOG, sources)
    subprocess.run(["journalctl", f"--root={root}", "--update-catalog"], check=True, timeout=LIMIT)
