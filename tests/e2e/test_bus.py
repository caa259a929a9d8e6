"""The daemon on the system bus: what it shows, and what comes of what it is asked for."""

import os
import signal
import socket
import xml.etree.ElementTree as ElementTree

import dbus
import pytest

from harness import processes, sketches
from harness.bus import INTERFACE, NAME, PATH, opened
from harness.daemon import CHECKER
from harness.pushes import adb_push, cp
from harness.waiting import wait_for

DESCRIPTION = os.environ.get("M4FLASH_DBUS_INTERFACE", "org.m4flash.Flasher1.xml")


# ---- What is shown ------------------------------------------------------------------------------


def described(node):
    """{(kind, name): type and access, or arguments} of an introspected interface."""
    found = {}
    for member in node.find(f"interface[@name='{INTERFACE}']"):
        if member.tag == "property":
            found["property", member.get("name")] = (member.get("type"), member.get("access"))
            continue
        found[member.tag, member.get("name")] = [
            (arg.get("name"), arg.get("type"), arg.get("direction", "out")) for arg in member.findall("arg")]
    return found


def test_introspection_is_what_is_documented(bus, on_bus):
    told = bus.run("introspect", "--xml-interface", NAME, PATH).stdout
    expected = described(ElementTree.parse(DESCRIPTION).getroot())
    assert len(expected) == 11
    assert described(ElementTree.fromstring(told)) == expected
    # The default: all changes are signalled, with their values.
    assert "EmitsChangedSignal" not in told.replace(
        '<annotation name="org.freedesktop.DBus.Property.EmitsChangedSignal" value="true"/>', "")


def test_nothing_yet(bus, on_bus):
    assert bus.properties() == {
        "State": "idle", "Stage": "", "Progress": 0, "Jobs": [], "Installed": {}, "Last": {}}
    assert bus.history() == []


def test_life_of_a_job(bench, bus, on_bus):
    monitor = bus.monitor()
    bench.standin.set_mode("success", delay=0.02)
    upload = sketches.good("watched", size=300_000)
    bench.push(adb_push, upload)
    outcome = monitor.wait_finished(1)
    entry = bench.wait_outcome()
    assert outcome == entry
    wait_for(lambda: monitor.changes("State")[-1:] == ["idle"], "idle again")
    # What is over in a moment is not told.
    assert [s for s in monitor.changes("State") if s not in ("receiving", "checking")] == [
        "programming", "idle"]
    stages = monitor.changes("Stage")
    assert [s for s in stages if s not in ("connect", "done")] == ["erase", "write", "verify", "reset", ""]
    progress = monitor.changes("Progress")
    assert progress[-1] == 0
    assert progress[:-1] == sorted(set(progress[:-1])), progress
    assert len(progress) > 3 and progress[-2] == 100, progress
    jobs = monitor.changes("Jobs")
    assert {job["id"] for told in jobs for job in told} == {1}
    assert "programming" in {told[0]["state"] for told in jobs if told}
    writing = [told[0] for told in jobs if told and told[0]["bytes_total"] > 0]
    assert {job["sha256"] for job in writing} == {upload.sha256}
    assert {(job["image_bytes"], job["sectors"], job["kind"]) for job in writing} == {(300_000, 3, "upload")}
    assert writing[-1]["bytes_done"] == writing[-1]["bytes_total"] > 0
    assert jobs[-1] == []
    assert monitor.changes("Last") == [entry]
    installed = monitor.changes("Installed")
    assert len(installed) == 1
    assert installed[0].pop("time")[:10] == entry["time"][:10]
    assert installed[0] == {
        "id": 1, "sha256": upload.sha256, "image_sha256": upload.image_sha256, "image_bytes": 300_000}
    assert bus.properties()["Installed"]["sha256"] == upload.sha256
    assert bus.properties()["Last"] == entry


def test_last_installed_and_history_after_a_restart(bench, bus, on_bus):
    first, second = sketches.good("first"), sketches.not_elf("second")
    for upload in first, second:
        bench.push(adb_push, upload)
        bench.wait_outcomes()
    bench.restart()
    bus.wait_owner()
    told = wait_for(lambda: bus.properties()["Installed"] and bus.properties(), "what is installed")
    assert (told["Installed"]["id"], told["Installed"]["sha256"]) == (1, first.sha256)
    assert (told["Last"]["id"], told["Last"]["code"]) == (2, "not-elf")
    assert bus.history() == bench.history()
    assert bus.history(1) == bench.history()[1:]
    assert bus.history(0) == []


def test_long_history(bench, bus):
    """So many are told at once as stay cheap; the file has them all."""
    bench.fill_history()
    bus.start()
    bench.start()
    bus.wait_owner()
    told = bus.history(4294967295)
    assert [entry["id"] for entry in told] == list(range(901, 1001))


def test_a_call_comes_after_every_upload_before_it(bench, bus, on_bus):
    """Closed is seen: nobody who asks after that has to wonder whether his upload was heard of."""
    bench.standin.close_gate()
    properties = dbus.Interface(
        bus.connect().get_object(NAME, PATH, introspect=False), "org.freedesktop.DBus.Properties")
    for number in range(1, 51):
        bench.push(adb_push, sketches.good(number))
        told = properties.GetAll(INTERFACE)
        newest = max([int(job["id"]) for job in told["Jobs"]])
        assert newest == number
    bench.standin.open_gate()
    bench.wait_outcomes()


# ---- Program ------------------------------------------------------------------------------------


def test_program(bench, bus, on_bus):
    monitor = bus.monitor()
    upload = sketches.good("handed over", size=200_000)
    job = bus.program_file(bench, upload)
    outcome = monitor.wait_finished(job)
    assert (outcome["result"], outcome["code"], outcome["file"]) == ("programmed", "ok", "")
    assert (outcome["sha256"], outcome["bytes"]) == (upload.sha256, len(upload.data))
    assert bench.wait_outcome() == outcome
    bench.check_programmed(upload)


def test_program_from_memory_that_changes_afterwards(bench, bus, on_bus):
    """What counts is what it holds until the call returns."""
    fd = os.memfd_create("sketch")
    for number in range(20):
        upload = sketches.good(f"in memory {number}", debug=500_000)
        os.pwrite(fd, upload.data, 0)
        os.lseek(fd, 100, os.SEEK_SET)
        bench.uploads += 1
        bus.program(fd)
        os.ftruncate(fd, 0)
        assert bench.wait_outcome()["sha256"] == upload.sha256
        assert os.lseek(fd, 0, os.SEEK_CUR) == 100
    os.close(fd)
    bench.check_programmed(upload)


def test_force(bench, bus, on_bus):
    upload = sketches.good("again")
    results = []
    for options in {}, {}, {"force": False}, {"force": True}:
        bus.program_file(bench, upload, **options)
        results.append(bench.wait_outcome()["result"])
        on_bus.wait_quiet()
    assert results == ["programmed", "unchanged", "unchanged", "programmed"]


@pytest.mark.parametrize(
    "options, text",
    [({"Force": True}, 'There is no option "Force".'),
     ({"force": True, "dry-run": True}, 'There is no option "dry-run".'),
     ({"force": "yes"}, 'The option "force" is a boolean.')],
    ids=["unknown", "one-unknown", "type"])
def test_wrong_options(bench, bus, on_bus, options, text):
    with opened(bench, sketches.good("refused").data) as file:
        with pytest.raises(dbus.DBusException) as caught:
            bus.program(file.fileno(), **options)
    assert caught.value.get_dbus_name() == "org.freedesktop.DBus.Error.InvalidArgs"
    assert caught.value.get_dbus_message() == text
    assert bus.properties()["Jobs"] == []


def open_pipe(bench):
    reading, writing = os.pipe()
    os.close(writing)
    return reading


def open_with(data, flags=os.O_RDONLY):
    def open_file(bench):
        with opened(bench, data) as file:
            return os.open(file.name, flags)

    return open_file


NOT_SKETCHES = {
    "folder": ("not-regular", lambda bench: os.open(bench.folder, os.O_RDONLY)),
    "pipe": ("not-regular", open_pipe),
    "device": ("not-regular", lambda bench: os.open("/dev/zero", os.O_RDONLY)),
    "socket": ("not-regular", lambda bench: socket.socket(socket.AF_UNIX).detach()),
    "write-only": ("unreadable", open_with(b"x", os.O_WRONLY)),
    "path": ("unreadable", open_with(b"x", os.O_PATH)),
    "empty": ("empty", open_with(b"")),
    "too-large": ("too-large", open_with(bytes(2_000_001))),
    "not-elf": ("not-elf", open_with(b"hello")),
    "truncated": ("truncated", open_with(sketches.good("cut").data[:-1])),
}


@pytest.mark.parametrize("kind", NOT_SKETCHES)
def test_program_what_is_no_sketch(bench, bus, kind):
    """The outcome is the job's, and nothing waits for a rest that cannot come."""
    code, open_it = NOT_SKETCHES[kind]
    bench.settings["Inbox"]["MaxSize"] = "2000000"
    bus.start()
    bench.start()
    bus.wait_owner()
    monitor = bus.monitor()
    fd = open_it(bench)
    bench.uploads += 1
    job = bus.program(fd)
    os.close(fd)
    outcome = monitor.wait_finished(job)
    assert (outcome["result"], outcome["code"]) == ("rejected", code)
    assert bench.wait_outcome() == outcome
    assert bench.standin.runs() == []


def test_number_is_told_before_the_outcome(bench, bus, on_bus):
    """Though the outcome is there at once."""
    monitor = bus.monitor("")
    bench.uploads += 1
    with opened(bench, b"") as file:
        bus.program(file.fileno())
    monitor.wait_finished(1)
    finished = next(i for i, m in enumerate(monitor.messages) if m.get("member") == "Finished")
    sender = monitor.messages[finished]["sender"]
    before = [m["payload"]["type"] for m in monitor.messages[:finished]
              if m["type"] == "method_return" and m.get("sender") == sender]
    assert before == ["t"]


def test_program_and_the_inbox_take_turns(bench, bus, on_bus):
    """The newest wins, whichever way it came."""
    running, pushed, handed, last = [sketches.good(name) for name in ("run", "push", "hand", "last")]
    bench.standin.close_gate()
    bench.push(adb_push, running)
    on_bus.wait_openocd()
    bench.push(adb_push, pushed)
    on_bus.wait_line("Job 2: accepted")
    assert bus.program_file(bench, handed) == 3
    on_bus.wait_line("Job 2: superseded")
    on_bus.wait_line("Job 3: accepted")
    bench.push(adb_push, last)
    on_bus.wait_line("Job 3: superseded")
    bench.standin.open_gate()
    assert [entry["result"] for entry in sorted(bench.wait_outcomes(), key=lambda e: e["id"])] == [
        "programmed", "superseded", "superseded", "programmed"]
    bench.check_programmed(last)


def test_program_while_an_upload_comes_in_parts(bench, bus, on_bus):
    """The one has nothing to do with the other: the later one to be complete wins."""
    upload = sketches.good("in parts", debug=100_000)
    cp(bench.path, upload.data[:50_000])
    on_bus.wait_quiet()
    assert bus.properties()["State"] == "receiving"
    bus.program_file(bench, sketches.good("meanwhile"))
    wait_for(lambda: len(bench.history()) == 1, "the one that was handed over")
    with open(bench.path, "ab") as file:
        file.write(upload.data[50_000:])
    bench.uploads += 1
    assert bench.wait_outcome()["sha256"] == upload.sha256
    bench.check_programmed(upload)


def test_many_programs_at_once(bench, bus, on_bus):
    """Each has one outcome, and the last is on the chip."""
    monitor = bus.monitor()
    uploads = [sketches.good(number) for number in range(60)]
    jobs = [bus.program_file(bench, upload) for upload in uploads]
    assert jobs == list(range(1, 61))
    bench.wait_outcomes()
    monitor.wait_finished(60)
    assert sorted(monitor.finished()) == jobs
    bench.check_programmed(uploads[-1])


# ---- Rollback and Cancel ------------------------------------------------------------------------


def test_rollback(bench, bus, on_bus):
    monitor = bus.monitor()
    old, new = sketches.good("old"), sketches.good("new")
    assert "There is no sketch to go back to." in bus.call("Rollback", "a{sv}", "0")
    for upload in old, new:
        bench.push(adb_push, upload)
        bench.wait_outcomes()
        on_bus.wait_quiet()
    assert 'There is no option "force".' in bus.call("Rollback", "a{sv}", "1", "force", "b", "true")
    bench.uploads += 1
    assert bus.call("Rollback", "a{sv}", "0") == [3]
    outcome = monitor.wait_finished(3)
    assert (outcome["result"], outcome["sha256"]) == ("programmed", old.sha256)
    bench.check_programmed(old)
    on_bus.wait_quiet()
    wait_for(lambda: monitor.changes("Installed")[-1]["sha256"] == old.sha256, "what is installed")
    assert [job["kind"] for told in monitor.changes("Jobs") for job in told if job["id"] == 3][0] == "rollback"


def check_cancelled(bench, bus, job):
    assert bus.call("Cancel", "t", str(job)) is None
    entry = next(entry for entry in bench.history() if entry["id"] == job)
    assert (entry["result"], entry["code"]) == ("aborted", "cancelled")


@pytest.fixture
def slow_checker(bench):
    """The checker waits for this file to be made."""
    gate, checker = os.path.join(bench.folder, "check"), os.path.join(bench.folder, "checker")
    with open(checker, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.02; done\nexec {CHECKER}\n")
    os.chmod(checker, 0o755)
    return checker, gate


def test_cancel_while_it_is_checked(bench, bus, slow_checker):
    checker, gate = slow_checker
    bus.start()
    daemon = bench.start(env={"M4FLASH_CHECKER": checker})
    bus.wait_owner()
    bench.push(adb_push, sketches.good("slow"))
    bus.program_file(bench, sketches.good("next in line"))
    daemon.wait_checking()
    check_cancelled(bench, bus, 1)
    check_cancelled(bench, bus, 2)
    daemon.wait_quiet()
    os.close(os.open(gate, os.O_CREAT))
    upload = sketches.good("after")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_cancel_while_the_rest_is_awaited(bench, bus, on_bus):
    cp(bench.path, sketches.good("partial", debug=10_000).data[:5000])
    bench.uploads += 1
    wait_for(lambda: bus.properties()["State"] == "receiving", "the beginning read")
    check_cancelled(bench, bus, 1)
    on_bus.wait_quiet()
    assert bus.properties()["State"] == "idle"


def test_cancel_before_its_turn_and_too_late(bench, bus, on_bus):
    running = sketches.good("running")
    bench.standin.close_gate()
    bench.push(adb_push, running)
    on_bus.wait_openocd()
    bench.push(adb_push, sketches.good("waiting"))
    on_bus.wait_line("Job 2: accepted")
    assert [job["state"] for job in bus.properties()["Jobs"]] == ["programming", "waiting"]
    check_cancelled(bench, bus, 2)
    assert "No job 2 is under way" in bus.call("Cancel", "t", "2")
    assert "No job 77 is under way" in bus.call("Cancel", "t", "77")
    assert "without a sketch" in bus.call("Cancel", "t", "1")
    bench.standin.open_gate()
    bench.wait_outcomes()
    bench.check_programmed(running)


def make_hook(bench, name, script):
    folder = bench.make_folder(name)
    hook = os.path.join(folder, "hook")
    with open(hook, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + script)
    os.chmod(hook, 0o755)
    return folder


def test_cancel_while_a_hook_runs(bench, bus):
    """It is killed; those that clean up run and are told."""
    told = os.path.join(bench.folder, "told")
    bench.settings["Hooks"] = {
        "PreDirectory": make_hook(bench, "pre", "[ $M4FLASH_JOB != 1 ] || exec sleep 1000\n"),
        "PostDirectory": make_hook(bench, "post", f"echo $M4FLASH_CODE >>{told}\n")}
    bus.start()
    daemon = bench.start()
    bus.wait_owner()
    bench.push(adb_push, sketches.good("in a hook"))
    wait_for(lambda: "sleep" in str([processes.command_line(p) for p in daemon.workers()]), "the hook")
    assert bus.properties()["State"] == "programming"
    check_cancelled(bench, bus, 1)
    daemon.wait_quiet()
    with open(told, encoding="utf-8") as file:
        assert file.read() == "cancelled\n"
    assert bench.standin.runs() == []
    upload = sketches.good("after")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_cancel_between_two_tries(bench, bus, on_bus):
    """What was kept for a restart is gone too: the sketch before is what is installed."""
    before = sketches.good("before")
    bench.push(adb_push, before)
    bench.wait_outcomes()
    on_bus.wait_quiet()
    bench.standin.set_mode("no-target")
    bench.push(adb_push, sketches.good("cannot connect"))
    wait_for(lambda: bus.call("Cancel", "t", "2") is None, "a pause")
    entry = bench.wait_outcome()
    assert (entry["result"], entry["code"]) == ("aborted", "cancelled")
    on_bus.wait_quiet()
    assert sorted(os.listdir(bench.state)) == ["history.jsonl", "installed", "lock"]
    bench.restart().wait_quiet()
    bench.check_programmed(before)


def test_cancel_while_the_end_of_the_check_is_awaited(bench, bus):
    """OpenOCD has connected by then; it is let go, and what the checker says does not matter."""
    gate, checker = os.path.join(bench.folder, "check"), os.path.join(bench.folder, "checker")
    with open(checker, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{CHECKER}\nwhile [ ! -e {gate} ]; do sleep 0.02; done\n")
    os.chmod(checker, 0o755)
    bus.start()
    daemon = bench.start(env={"M4FLASH_CHECKER": checker})
    bus.wait_owner()
    bench.push(adb_push, sketches.good("unconfirmed"))
    wait_for(bench.standin.runs, "a run of OpenOCD")
    assert bus.call("Cancel", "t", "1") is None
    entry = bench.wait_outcome()
    assert (entry["result"], entry["code"]) == ("aborted", "cancelled")
    os.close(os.open(gate, os.O_CREAT))
    assert set(bench.sketch_in_flash(sketches.FLASH_SIZE)) == {0xFF}
    upload = sketches.good("after")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    daemon.wait_quiet()


def test_nothing_new_while_stopping(bench, bus, on_bus):
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    on_bus.signal(signal.SIGTERM)
    on_bus.wait_line("Stopping")
    with opened(bench, sketches.good("late").data) as file:
        with pytest.raises(dbus.DBusException) as caught:
            bus.program(file.fileno())
    assert caught.value.get_dbus_name() == "org.m4flash.Error.Stopping"
    assert "stopping" in bus.call("Rollback", "a{sv}", "0")
    bench.standin.open_gate()
    assert on_bus.wait_end() == 0
    wait_for(lambda: not bus.owner(), "no owner")
