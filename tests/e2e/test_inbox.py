"""The inbox comes and goes, moves, is hidden, or is not what it seems: no upload is missed."""

import os
import shutil
import subprocess

import pytest

from harness import history, sketches
from harness.pushes import adb_push, cp, mv
from harness.waiting import wait_for


def check_next_push(bench, kind=adb_push, stamp="next"):
    upload = sketches.good(stamp)
    bench.push(kind, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
    bench.check_programmed(upload)


def test_missing_at_start(bench):
    os.rmdir(bench.inbox)
    bench.start()
    os.mkdir(bench.inbox)
    check_next_push(bench)


def test_made_by_the_push_itself(bench):
    """adbd makes what is missing: folder, file and content come in one go."""
    bench.inbox = os.path.join(bench.folder, "a", "b", "inbox")
    bench.path = os.path.join(bench.inbox, os.path.basename(bench.path))
    bench.start()
    for number in range(20):
        check_next_push(bench, stamp=f"deep {number}")
        shutil.rmtree(os.path.join(bench.folder, "a", "b" if number % 2 else ""))


@pytest.mark.parametrize("kind", [adb_push, cp, mv], ids=lambda kind: kind.__name__)
def test_removed_and_recreated(bench, daemon, kind):
    for number in range(10):
        check_next_push(bench, kind, f"before {number}")
        shutil.rmtree(bench.inbox)
        os.mkdir(bench.inbox)


def test_removed_and_recreated_a_hundred_times_while_pushing(bench, daemon):
    """What goes before anybody could look is nobody's upload; but all that stays is programmed."""
    bench.uploads = None
    path = os.path.join(bench.state, "history.jsonl")
    seen_by_all = []
    pushed = []
    for number in range(100):
        shutil.rmtree(bench.inbox)
        os.mkdir(bench.inbox)
        upload = sketches.good(f"number {number}")
        [adb_push, cp, mv][number % 3](bench.path, upload.data)
        pushed.append(upload.sha256)
        if number % 9 == 0 or number == 99:
            wait_for(
                lambda: any(o["sha256"] == upload.sha256 for o in history.read(path)),
                lambda: f"an outcome of number {number}: {bench.log()}",
            )
            seen_by_all.append(upload.sha256)
    bench.check_programmed(upload)
    bench.stop()
    results = {o["sha256"]: o["result"] for o in bench.history()}
    assert {results[digest] for digest in seen_by_all} == {"programmed"}
    assert set(results.values()) <= {"programmed", "superseded", "aborted"}
    assert {digest for digest in results if results[digest] == "programmed"} <= set(pushed)
    assert len(bench.history()) <= len(pushed)


def test_renamed_away_and_recreated(bench, daemon):
    check_next_push(bench, stamp="at first")
    away = bench.inbox + "-away"
    os.rename(bench.inbox, away)
    adb_push(os.path.join(away, os.path.basename(bench.path)), sketches.good("elsewhere").data)
    os.mkdir(bench.inbox)
    check_next_push(bench)
    adb_push(os.path.join(away, os.path.basename(bench.path)), sketches.good("elsewhere 2").data)
    check_next_push(bench, mv, "in the end")


def test_renamed_away_and_back(bench, daemon):
    """What was put in meanwhile is complete when the daemon can look again."""
    away = bench.inbox + "-away"
    os.rename(bench.inbox, away)
    daemon.wait_quiet()
    upload = sketches.good("elsewhere")
    cp(os.path.join(away, os.path.basename(bench.path)), upload.data)
    bench.uploads += 1
    os.rename(away, bench.inbox)
    assert bench.wait_outcome()["sha256"] == upload.sha256
    check_next_push(bench)


def test_another_folder_renamed_into_its_place(bench, daemon):
    other = bench.make_folder("other")
    upload = sketches.good("came with its folder")
    cp(os.path.join(other, os.path.basename(bench.path)), upload.data)
    os.rmdir(bench.inbox)
    os.rename(other, bench.inbox)
    bench.uploads += 1
    assert bench.wait_outcome()["sha256"] == upload.sha256
    check_next_push(bench)


def place_inbox_deeper(bench):
    bench.inbox = os.path.join(bench.folder, "parent", "between", "inbox")
    bench.path = os.path.join(bench.inbox, os.path.basename(bench.path))
    os.makedirs(bench.inbox)


@pytest.fixture
def deep(bench):
    place_inbox_deeper(bench)
    return bench.start()


def test_parent_removed_and_recreated(bench, deep):
    for number in range(10):
        shutil.rmtree(os.path.join(bench.folder, "parent"))
        os.makedirs(bench.inbox)
        check_next_push(bench, stamp=f"number {number}")


def test_parent_renamed_away_and_recreated(bench, deep):
    for number in range(5):
        os.rename(
            os.path.join(bench.folder, "parent"), os.path.join(bench.folder, f"parent-{number}")
        )
        os.makedirs(bench.inbox)
        check_next_push(bench, stamp=f"number {number}")


def test_removed_while_programming(bench, daemon):
    upload = sketches.good("being programmed")
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    daemon.wait_openocd()
    shutil.rmtree(bench.inbox)
    bench.standin.open_gate()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
    os.mkdir(bench.inbox)
    check_next_push(bench)


def test_link_in_its_place_is_refused(bench, daemon):
    """Who can plant a link in /tmp must not choose the folder that root reads."""
    other = bench.make_folder("other")
    cp(os.path.join(other, os.path.basename(bench.path)), sketches.good("trap").data)
    os.rmdir(bench.inbox)
    os.symlink(other, bench.inbox)
    daemon.wait_line(bench.inbox)
    adb_push(os.path.join(other, os.path.basename(bench.path)), sketches.good("trap 2").data)
    daemon.wait_quiet()
    assert bench.history() == []
    os.unlink(bench.inbox)
    os.mkdir(bench.inbox)
    check_next_push(bench)


def test_link_in_its_place_at_start_is_refused(bench):
    other = bench.make_folder("other")
    cp(os.path.join(other, os.path.basename(bench.path)), sketches.good("trap").data)
    os.rmdir(bench.inbox)
    os.symlink(other, bench.inbox)
    daemon = bench.start()
    daemon.wait_line(bench.inbox)
    daemon.wait_quiet()
    assert bench.history() == []
    os.unlink(bench.inbox)
    os.mkdir(bench.inbox)
    check_next_push(bench)


def test_file_in_its_place(bench, daemon):
    os.rmdir(bench.inbox)
    cp(bench.inbox, b"not a folder\n")
    daemon.wait_line(bench.inbox)
    os.unlink(bench.inbox)
    os.mkdir(bench.inbox)
    check_next_push(bench)


# ---- Mounts -------------------------------------------------------------------------------------

OWN_MOUNTS = ["unshare", "--mount", "--propagation", "private"]


@pytest.fixture
def namespace(bench):
    """A daemon with mounts of its own. Gives a function that runs a command among them."""
    if subprocess.run([*OWN_MOUNTS, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("mounts need privileges")
    place_inbox_deeper(bench)
    daemon = bench.start(prefix=OWN_MOUNTS)
    bench.path = f"/proc/{daemon.pid}/root{bench.path}"
    return lambda *argv: subprocess.run(["nsenter", "-t", str(daemon.pid), "-m", *argv], check=True)


def test_replaced_by_a_mount(bench, namespace):
    check_next_push(bench, stamp="beneath")
    for number in range(3):
        namespace("mount", "-t", "tmpfs", "tmpfs", bench.inbox)
        check_next_push(bench, stamp=f"above {number}")
        namespace("umount", bench.inbox)
    check_next_push(bench, stamp="beneath again")


def test_mount_that_brings_an_upload(bench, namespace):
    other = bench.make_folder("other")
    upload = sketches.good("came with its mount")
    cp(os.path.join(other, os.path.basename(bench.path)), upload.data)
    namespace("mount", "--bind", other, bench.inbox)
    bench.uploads += 1
    assert bench.wait_outcome()["sha256"] == upload.sha256
    check_next_push(bench)


def test_parent_replaced_by_a_mount(bench, namespace):
    check_next_push(bench, stamp="beneath")
    parent = os.path.join(bench.folder, "parent")
    namespace("mount", "-t", "tmpfs", "tmpfs", parent)
    namespace("mkdir", "-p", bench.inbox)
    check_next_push(bench, stamp="above")
    namespace("umount", parent)
    check_next_push(bench, stamp="beneath again")


# ---- More events than the kernel keeps ----------------------------------------------------------


def flood(bench, events):
    """Files of other names come and go, two by two: the kernel merges only identical neighbours."""
    names = [os.path.join(bench.inbox, name) for name in ("one", "two")]
    for _ in range(events // 4):
        for name in names:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        for name in names:
            os.unlink(name)


def queue_length():
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        return int(file.read())


def test_queue_overflow_before_a_push(bench, daemon):
    """The push's own events are lost; the rescan must find it."""
    daemon.pause()
    flood(bench, queue_length() + 1000)
    upload = sketches.good("unheard")
    bench.push(adb_push, upload)
    daemon.resume()
    assert bench.wait_outcome()["sha256"] == upload.sha256
    bench.check_programmed(upload)
    check_next_push(bench)


def test_queue_overflow_without_a_push(bench, daemon):
    check_next_push(bench, stamp="before")
    daemon.pause()
    flood(bench, queue_length() + 1000)
    daemon.resume()
    daemon.wait_quiet()
    check_next_push(bench)


def test_queue_overflow_while_programming(bench, daemon):
    running = sketches.good("running")
    bench.standin.close_gate()
    bench.push(adb_push, running)
    daemon.wait_openocd()
    daemon.pause()
    flood(bench, queue_length() + 1000)
    upload = sketches.good("unheard")
    bench.push(mv, upload)
    daemon.resume()
    daemon.wait_quiet()
    bench.standin.open_gate()
    assert [o["result"] for o in bench.wait_outcomes()] == ["programmed"] * 2
    bench.check_programmed(upload)
