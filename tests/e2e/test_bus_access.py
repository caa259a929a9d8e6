"""Who may do what over the bus: its policy, and the daemon's own judgement behind that."""

import os
import subprocess

import pytest

from harness.bus import INTERFACE, NAME, OPEN, PATH

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
MEMBER = ["setpriv", "--reuid=65534", "--regid=65534", "--groups=54321"]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

# busctl passes no files.
PROGRAM = """
import os, dbus, dbus.bus
try:
    dbus.bus.BusConnection({address!r}).call_blocking(
        {name!r}, {path!r}, {interface!r}, "Program", "ha{{sv}}",
        (dbus.types.UnixFd(os.memfd_create("x")), dbus.Dictionary({{}}, signature="sv")))
except dbus.DBusException as error:
    print(error)
"""


# busctl tells of "Access denied" only, not why.
ROLLBACK = """
import dbus, dbus.bus
try:
    dbus.bus.BusConnection({address!r}).call_blocking(
        {name!r}, {path!r}, {interface!r}, "Rollback", "a{{sv}}", (dbus.Dictionary({{}}, signature="sv"),))
except dbus.DBusException as error:
    print(error)
"""


def ask(script, bus, prefix):
    """What the bus or the daemon has against it."""
    script = script.format(address=bus.address, name=NAME, path=PATH, interface=INTERFACE)
    command = [*prefix, "/usr/bin/python3", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def program(bus, prefix):
    return ask(PROGRAM, bus, prefix)


def roll_back(bus, prefix):
    return ask(ROLLBACK, bus, prefix)


def check_reads(bus, prefix):
    done = bus.run(
        "call", NAME, PATH, "org.freedesktop.DBus.Properties", "GetAll", "s", INTERFACE, prefix=prefix)
    assert done.returncode == 0, done.stderr
    assert bus.call("History", "u", "1", prefix=prefix) == [[]]
    assert INTERFACE in bus.run("introspect", NAME, PATH, prefix=prefix).stdout


def check_cannot_write(bus, prefix):
    assert bus.call("Cancel", "t", "1", prefix=prefix) == "Call failed: Access denied"
    assert bus.call("Rollback", "a{sv}", "0", prefix=prefix) == "Call failed: Access denied"
    assert "AccessDenied" in program(bus, prefix)
    assert bus.properties()["Jobs"] == []
    assert bus.history() == []


def test_anybody_reads_and_nobody_writes(bus, on_bus):
    check_reads(bus, NOBODY)
    check_cannot_write(bus, NOBODY)


def test_nobody_writes_though_the_bus_would_let_him(bench, bus):
    bus.start(policy=OPEN)
    bench.start()
    bus.wait_owner()
    check_cannot_write(bus, NOBODY)
    assert "Only root and members of the group m4flash may do this." in program(bus, NOBODY)


@pytest.fixture
def with_group(bench):
    """What starts a program in a file system where the group exists."""
    groups = os.path.join(bench.folder, "group")
    with open("/etc/group", encoding="utf-8") as file:
        others = [line for line in file if not line.startswith("m4flash:")]
    with open(groups, "w", encoding="utf-8") as file:
        file.writelines([*others, "m4flash:x:54321:\n"])
    prefix = ["unshare", "-m", "sh", "-c", f'mount --bind {groups} /etc/group && exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mounts of one's own here")
    return prefix


@pytest.mark.parametrize("policy", ["ours", "open"])
def test_members_of_the_group_write(bench, bus, with_group, policy):
    bus.start(prefix=with_group, **({"policy": OPEN} if policy == "open" else {}))
    bench.start(prefix=with_group)
    bus.wait_owner()
    check_reads(bus, MEMBER)
    check_cannot_write(bus, NOBODY)
    assert "No job 7 is under way" in bus.call("Cancel", "t", "7", prefix=MEMBER)
    assert "There is no sketch" in bus.call("Rollback", "a{sv}", "0", prefix=MEMBER)
    bench.uploads += 1
    assert program(bus, MEMBER) == ""
    assert bench.wait_outcome()["code"] == "empty"


@pytest.mark.parametrize("policy", ["ours", "open"])
def test_members_do_not_go_back_where_sketches_must_be_signed(bench, bus, with_group, policy):
    """An older sketch is signed, too, and may have the mistake that a newer one mends."""
    bench.settings["Inbox"] = {"RequireSignature": "yes", "KeysDirectory": bench.make_folder("keys.d")}
    bus.start(prefix=with_group, **({"policy": OPEN} if policy == "open" else {}))
    bench.start(prefix=with_group)
    bus.wait_owner()
    assert "Only root may go back to an older sketch" in roll_back(bus, MEMBER)
    assert "There is no sketch" in bus.call("Rollback", "a{sv}", "0")
    assert "No job 7 is under way" in bus.call("Cancel", "t", "7", prefix=MEMBER)
