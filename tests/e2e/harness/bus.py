"""A system bus of the test's own: a real dbus-daemon with the system bus's rules and our policy, and
clients of it.
"""

import json
import os
import signal
import subprocess
import threading

import dbus
import dbus.bus

from harness import processes
from harness.waiting import LIMIT, wait_for

NAME, PATH, INTERFACE = "org.m4flash", "/org/m4flash", "org.m4flash.Flasher1"
POLICY = os.environ.get("M4FLASH_DBUS_POLICY", "org.m4flash.conf")

# dbus-daemon's system.conf, but for what only a machine's one system bus needs. Whoever runs the
# tests may be the daemon and listen to everything.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={path}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>
  {include}
  <policy user="{uid}">
    {own}
    <allow send_destination="org.m4flash"/>
  </policy>
  {limits}
</busconfig>
"""
OPEN = '<policy context="default"><allow send_destination="org.m4flash"/></policy>'


class Bus:
    def __init__(self, bench):
        self.path = bench.bus_path
        self.address = f"unix:path={self.path}"
        self.config = os.path.join(bench.folder, "bus.conf")
        self.process = None
        self.monitors = []
        os.chmod(bench.folder, 0o755)  # for clients who are somebody else

    def start(self, policy=f"<include>{POLICY}</include>", own=True, prefix=(), limits=""):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(
                path=self.path, include=policy, uid=os.getuid(), limits=limits,
                own='<allow own="org.m4flash"/>' if own else '<deny own="org.m4flash"/>'))
        self.process = subprocess.Popen(
            [*prefix, "dbus-daemon", f"--config-file={self.config}", "--nofork", "--nopidfile",
             "--print-address"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        processes.companions.add(self.process.pid)
        assert self.process.stdout.readline(), "no dbus-daemon"
        return self

    def send(self, number):
        self.process.send_signal(number)

    def kill(self, number=signal.SIGKILL):
        """Its socket stays behind, as after a crash."""
        self.send(number)
        self.process.wait(LIMIT)
        self.process.stdout.close()
        processes.companions.discard(self.process.pid)
        self.process = None

    def discard(self):
        for monitor in self.monitors:
            monitor.stop()
        if self.process:
            self.send(signal.SIGCONT)
            self.kill()

    # ---- Clients --------------------------------------------------------------------------------

    def run(self, *arguments, prefix=()):
        return subprocess.run(
            [*prefix, "busctl", f"--address={self.address}", "--json=short", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=LIMIT, check=False)

    def call(self, member, *arguments, prefix=()):
        """The reply's values, or the error's text."""
        done = self.run("call", NAME, PATH, INTERFACE, member, *arguments, prefix=prefix)
        if done.returncode != 0:
            return done.stderr.strip()
        return plain(json.loads(done.stdout)) if done.stdout.strip() else None

    def properties(self):
        done = self.run("call", NAME, PATH, "org.freedesktop.DBus.Properties", "GetAll", "s", INTERFACE)
        assert done.returncode == 0, done.stderr
        return plain(json.loads(done.stdout))[0]

    def history(self, count=100):
        return self.call("History", "u", str(count))[0]

    def connect(self):
        return dbus.bus.BusConnection(self.address)

    def program(self, fd, **options):
        """The job's number; raises dbus.DBusException."""
        connection = self.connect()
        try:
            return int(connection.call_blocking(
                NAME, PATH, INTERFACE, "Program", "ha{sv}",
                (dbus.types.UnixFd(fd), dbus.Dictionary(options, signature="sv")), timeout=LIMIT))
        finally:
            connection.close()

    def program_file(self, bench, upload, **options):
        """The same for an upload, from a file."""
        bench.uploads += 1
        with opened(bench, upload.data) as file:
            return self.program(file.fileno(), **options)

    def owner(self):
        """Whether somebody has our name."""
        return any(n["name"] == NAME for n in json.loads(self.run("list", "--acquired").stdout))

    def wait_owner(self):
        wait_for(self.owner, f"an owner of {NAME}", pause=0.05)

    def monitor(self, match=f"type='signal',path='{PATH}'"):
        monitor = Monitor(self, match)
        self.monitors.append(monitor)
        return monitor


class Monitor:
    """Hears every signal of ours from now on, and whatever else is asked for."""

    def __init__(self, bus, match):
        self.signals = []  # (member, values)
        self.messages = []  # all
        self.process = subprocess.Popen(
            ["busctl", f"--address={bus.address}", "--json=short", "monitor",
             f"--match={match}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.companions.add(self.process.pid)
        assert "Monitoring" in self.process.stderr.readline()
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        for line in self.process.stdout:
            message = json.loads(line)
            self.messages.append(message)
            if message["type"] == "signal" and message.get("path") == PATH:
                self.signals.append((message["member"], plain(message["payload"])))

    def finished(self):
        """{id: outcome} of each job that was told to have ended."""
        return {values[0]: values[1] for member, values in self.signals.copy() if member == "Finished"}

    def wait_finished(self, job):
        return wait_for(
            lambda: self.finished().get(job), lambda: f"job {job} in {list(self.finished())}")

    def changes(self, name):
        """The values that a property was told to have, in that order."""
        found = [v[1] for m, v in self.signals.copy() if m == "PropertiesChanged" and v[0] == INTERFACE]
        return [changed[name] for changed in found if name in changed]

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)
        self.thread.join(LIMIT)
        self.process.stdout.close()
        self.process.stderr.close()
        processes.companions.discard(self.process.pid)


def opened(bench, data, name="sketch.elf"):
    """A file with this content, open for reading."""
    path = os.path.join(bench.folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return open(path, "rb")


def plain(value):
    """What busctl prints, without its types."""
    if isinstance(value, dict) and set(value) == {"type", "data"}:
        return plain(value["data"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
