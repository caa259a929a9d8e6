"""Without a bus, with one that comes and goes, stalls, or brings a flood: programming goes on."""

import os
import signal
import subprocess

import dbus.bus
import pytest

from harness import processes, sketches
from harness.bus import INTERFACE, NAME, OPEN, PATH
from harness.pushes import adb_push
from harness.waiting import wait_for

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PROPERTIES = "org.freedesktop.DBus.Properties"
SMALL_BUFFERS = {
    "LD_PRELOAD": os.environ["SMALL_BUFFERS"],
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
}


# ---- Without a bus ------------------------------------------------------------------------------


def test_bus_comes_later(bench, bus, daemon):
    bus.start()
    bus.wait_owner()
    upload = sketches.good("then")
    bus.program_file(bench, upload)
    assert bench.wait_outcome()["result"] == "programmed"


def test_bus_whose_folder_comes_later(bench, bus):
    folder = os.path.join(bench.folder, "run")
    bench.bus_path = bus.path = os.path.join(folder, "dbus", "socket")
    bus.address = f"unix:path={bus.path}"
    bench.start()
    os.makedirs(os.path.dirname(bus.path))
    bus.start()
    bus.wait_owner()


def test_bus_killed_and_restarted_while_programming(bench, bus, on_bus):
    upload = sketches.good("meanwhile")
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    on_bus.wait_openocd()
    bus.kill()
    on_bus.wait_line("The system bus is gone")
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    on_bus.wait_line("Job 2: accepted")
    bus.start()
    bus.wait_owner()
    told = bus.properties()
    assert [(job["id"], job["state"]) for job in told["Jobs"]] == [(1, "programming"), (2, "waiting")]
    monitor = bus.monitor()
    bench.standin.open_gate()
    assert [entry["result"] for entry in bench.wait_outcomes()] == ["programmed"] * 2
    bench.check_programmed(waiting)
    assert monitor.wait_finished(2)["sha256"] == waiting.sha256


def test_bus_restarted_many_times(bench, bus, on_bus):
    for number in (signal.SIGKILL, signal.SIGTERM) * 5:
        bus.kill(number)
        bus.start()
        bus.wait_owner()
    bench.push(adb_push, sketches.good("after"))
    assert bench.wait_outcome()["result"] == "programmed"


def test_bus_gone_for_good(bench, bus, on_bus):
    bench.push(adb_push, sketches.good("before"))
    bench.wait_outcomes()
    bus.kill()
    os.unlink(bus.path)
    on_bus.wait_line("The system bus is gone")
    bench.push(adb_push, sketches.good("after"))
    assert bench.wait_outcome()["result"] == "programmed"
    bench.stop()


def test_bus_that_stalls(bench, bus):
    """It takes nothing any more: programmings end, and so does the daemon."""
    bus.start()
    daemon = bench.start(env=SMALL_BUFFERS)
    bus.wait_owner()
    bus.send(signal.SIGSTOP)
    for number in range(100):
        upload = sketches.good(number, size=500_000)
        bench.push(adb_push, upload)
        assert bench.wait_outcome()["result"] == "programmed"
        if "connection is given up" in daemon.log():
            break
    bench.check_programmed(upload)
    daemon.wait_line("The system bus does not take messages, its connection is given up")
    bench.compare_descriptors = False
    bench.stop()


def test_bus_that_stalls_and_wakes_up(bench, bus, on_bus):
    monitor = bus.monitor()
    bus.send(signal.SIGSTOP)
    for number in range(3):
        bench.push(adb_push, sketches.good(number, size=900_000))
        assert bench.wait_outcome()["result"] == "programmed"
    bus.send(signal.SIGCONT)
    bus.wait_owner()
    bus.program_file(bench, sketches.good("awake"))
    assert monitor.wait_finished(4)["result"] == "programmed"


def test_name_is_refused(bench, bus):
    """Its policy is not installed: it says so once, and works."""
    bus.start(policy=OPEN, own=False)
    daemon = bench.start()
    daemon.wait_line("The name org.m4flash is not to be had on the system bus: Permission denied")
    bench.push(adb_push, sketches.good("upload"))
    assert bench.wait_outcome()["result"] == "programmed"


def test_name_is_taken(bench, bus):
    """The second daemon goes on without it, and the first one keeps it."""
    bus.start()
    other = bus.connect()
    assert other.request_name(NAME, dbus.bus.NAME_FLAG_DO_NOT_QUEUE) == 1
    daemon = bench.start()
    daemon.wait_line("Somebody else is org.m4flash on the system bus")
    bench.push(adb_push, sketches.good("upload"))
    assert bench.wait_outcome()["result"] == "programmed"
    assert other.get_name_owner(NAME) == other.get_unique_name()
    other.close()


# ---- Floods -------------------------------------------------------------------------------------

FLOOD = """
import dbus, dbus.bus, dbus.lowlevel
connection = dbus.bus.BusConnection({address!r})
while True:
    call = dbus.lowlevel.MethodCallMessage({name!r}, {path!r}, {interface!r}, {member!r})
    call.append(*{arguments!r}, signature={signature!r})
    connection.send_message(call)
    {read}
"""


@pytest.fixture
def flood(bus):
    """Starts clients who call without end, and read no answers if they are not to."""
    clients = []

    def start(interface, member, signature, *arguments, read=False):
        script = FLOOD.format(
            address=bus.address, name=NAME, path=PATH, interface=interface, member=member,
            signature=signature, arguments=arguments,
            read="connection.flush()" if not read else "connection.call_blocking("
            "'org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'GetId', '', ())")
        prefix = NOBODY if os.geteuid() == 0 else []
        client = subprocess.Popen(
            [*prefix, "/usr/bin/python3", "-c", script], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.companions.add(client.pid)
        clients.append(client)

    yield start
    for client in clients:
        client.kill()
        client.wait()
        processes.companions.discard(client.pid)


@pytest.mark.parametrize("read", [True, False], ids=["reading", "stalling"])
def test_flood(bench, bus, flood, read):
    """Uploads are programmed, others are answered, and memory is bounded."""
    bench.fill_history()
    bus.start()
    daemon = bench.start()
    bus.wait_owner()
    flood(INTERFACE, "History", "u", 100, read=read)
    flood(PROPERTIES, "GetAll", "s", INTERFACE, read=read)
    flood(INTERFACE, "Cancel", "t", 1, read=read)
    wait_for(lambda: processes.stat_fields(daemon.pid)[11] != "0", "some work")
    bench.standin.set_mode("success", delay=0.01)
    for number in range(5):
        upload = sketches.good(f"under water {number}", size=300_000)
        bench.push(adb_push, upload)
        assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    assert bus.properties()["Last"]["sha256"] == upload.sha256
    if os.environ["M4FLASH_SANITIZED"] == "0":  # which keep what was freed
        assert processes.peak_resident_kib(daemon.pid) < 100 * 1024
