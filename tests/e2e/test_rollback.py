"""m4flash rollback: back to the sketch before, and forth again, with and without a daemon."""

import json
import os
import signal
import socket
import stat
import subprocess

import pytest

from harness import processes, sketches
from harness.daemon import CHECKER
from harness.pushes import adb_push, cp
from harness.waiting import wait_for
from test_not_files import AS_NOBODY

COMMAND = os.environ.get("M4FLASH_COMMAND", "m4flash")
EVERYWHERE = pytest.mark.parametrize("alone", [False, True], ids=["daemon", "alone"])


def start_rollback(bench, *options, env=None, **how):
    """What the stand-in may write to is its own folder, for a daemon of the command's own too."""
    env = (env or os.environ) | {"M4FLASH_CHIP_DIR": bench.standin.folder}
    return subprocess.Popen(
        [COMMAND, "rollback", "--runtime-dir", bench.runtime, "--state-dir", bench.state,
         "--config", bench.config, *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=env, **how,
    )


def end_rollback(client):
    """(exit status, all that it said)"""
    out, err = client.communicate(timeout=60)
    return client.returncode, out + err


def rollback(bench, *options, **how):
    return end_rollback(start_rollback(bench, *options, **how))


def control_path(bench):
    return os.path.join(bench.runtime, "control")


def connect(bench, *data):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    client.connect(control_path(bench))
    client.settimeout(60)
    for piece in data:
        client.sendall(piece)
    return client


def listen(client):
    """All that comes until it hangs up, which with unread data is a reset."""
    heard = b""
    with client:
        try:
            while piece := client.recv(4096):
                heard += piece
        except ConnectionResetError:
            pass
    return heard.decode()


def program(bench, stamp, **how):
    upload = sketches.good(stamp, **how)
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.daemon.wait_quiet()
    return upload


@pytest.fixture(autouse=True)
def settings(bench):
    """What the options say, for the daemon that the command starts."""
    bench.settings["OpenOCD"] |= {"Program": bench.program, "Config": bench.standin.control}


@pytest.fixture
def two(bench, daemon):
    """The sketch before, and the one that is installed."""
    return program(bench, "old", size=200_000), program(bench, "new")


@pytest.fixture
def running(bench, daemon, two):
    """A third, that is being programmed by an OpenOCD that waits until the gate is opened."""
    upload = sketches.good("running", size=300_000)
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    daemon.wait_openocd()
    return upload


@pytest.fixture
def asked(bench, daemon, running):
    """A rollback from that."""
    bench.uploads += 1
    client = start_rollback(bench)
    daemon.wait_line("Job 4: back to the sketch before: 4096 bytes")
    return client


def check_rolled_back(bench, answer, upload):
    status, said = answer
    assert status == 0, said
    size = len(upload.image)
    assert f"programmed: Back to the sketch before: {size} bytes in " in said
    bench.check_programmed(upload)
    newest = bench.history()[-1]
    assert (newest["result"], newest["code"], newest["file"]) == ("programmed", "ok", "")
    assert newest["sha256"] == upload.sha256
    assert newest["image_sha256"] == upload.image_sha256
    assert newest["message"] in said
    assert f"m4flash: programmed ok id={newest['id']}\n" in said


def check_refused(bench, answer, reason):
    status, said = answer
    assert status == 1, said
    assert reason in said
    assert "m4flash: error refused id=0\n" in said
    assert len(bench.history()) == bench.uploads


@EVERYWHERE
def test_back_and_forth(bench, two, alone):
    if alone:
        bench.stop()
    for upload in (two[0], two[1], two[0]):
        bench.uploads += 1
        check_rolled_back(bench, rollback(bench), upload)
    assert [entry["id"] for entry in bench.history()] == [1, 2, 3, 4, 5]


@EVERYWHERE
def test_nothing_to_go_back_to(bench, daemon, alone):
    upload = program(bench, "only")
    if alone:
        bench.stop()
    check_refused(bench, rollback(bench), "There is no sketch to go back to.")
    bench.check_programmed(upload)
    assert bench.standin.runs() == ["update"]


@EVERYWHERE
def test_json(bench, two, alone):
    """On standard output just the entry, as the history has it; or why there is none."""
    if alone:
        bench.stop()
    bench.uploads += 1
    client = start_rollback(bench, "--json")
    out, _ = client.communicate(timeout=60)
    assert (client.returncode, json.loads(out)) == (0, bench.history()[-1])
    if not alone:
        bench.daemon.wait_quiet()
    os.unlink(os.path.join(bench.state, "previous"))
    client = start_rollback(bench, "--json")
    out, _ = client.communicate(timeout=60)
    told = json.loads(out)
    assert (client.returncode, told["result"], told["code"]) == (1, "error", "refused")
    assert told["message"] == "There is no sketch to go back to."


@EVERYWHERE
def test_damaged(bench, two, alone):
    path = os.path.join(bench.state, "previous")
    with open(path, "r+b") as file:
        file.seek(100_000)
        file.write(b"damaged")
    if alone:
        bench.stop()
    check_refused(bench, rollback(bench), "damaged")
    assert os.path.exists(path + ".corrupt")
    check_refused(bench, rollback(bench), "There is no sketch to go back to.")
    bench.check_programmed(two[1])


@EVERYWHERE
def test_failure(bench, two, alone):
    """It can be tried again, whatever the failure has left on the chip."""
    if alone:
        bench.stop()
    bench.standin.set_mode("verify-failed")
    bench.uploads += 1
    status, said = rollback(bench)
    assert (status, "failed: verify-failed: " in said) == (1, True), said
    assert "m4flash: failed verify-failed id=3\n" in said
    bench.standin.set_mode("success")
    bench.uploads += 1 + alone  # a new start first puts back what is installed
    check_rolled_back(bench, rollback(bench), two[0])


def test_survives_a_restart(bench, two):
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[0])
    bench.restart().wait_quiet()
    bench.check_programmed(two[0])
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[1])


# ---- Among uploads --------------------------------------------------------------------------------


def test_while_one_is_programmed(bench, two, running, asked):
    """That one ends, and then the way leads back to the one before it, not past that."""
    bench.standin.open_gate()
    check_rolled_back(bench, end_rollback(asked), two[1])
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), running)


def test_while_the_installed_one_is_programmed_again(bench, daemon, two):
    bench.standin.close_gate()
    bench.push(adb_push, two[1])
    daemon.wait_openocd()
    bench.uploads += 1
    client = start_rollback(bench)
    daemon.wait_line("back to the sketch before")
    bench.standin.open_gate()
    check_rolled_back(bench, end_rollback(client), two[0])


def test_while_one_is_checked_by_a_hook_and_forbidden(bench):
    """Back is where the chip still is: that is looked at, and not written."""
    hooks = bench.make_folder("hooks")
    hook = os.path.join(hooks, "only-some")
    with open(hook, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\n[ "$M4FLASH_JOB" != 2 ] && exit 0\n')
        file.write(f"while [ -e {bench.standin.gate} ]; do sleep 0.02; done\nexit 1\n")
    os.chmod(hook, 0o755)
    bench.settings["Hooks"] = {"PreDirectory": hooks}
    daemon = bench.start()
    before = program(bench, "before")
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("forbidden"))
    daemon.wait_line("Job 2: accepted")
    bench.uploads += 1
    client = start_rollback(bench)
    daemon.wait_line("Job 3: back to the sketch before")
    bench.standin.open_gate()
    status, said = end_rollback(client)
    assert (status, ": unchanged: " in said) == (0, True), said
    bench.check_programmed(before)


def test_takes_the_turn_of_an_older_upload(bench, daemon, two, running):
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    daemon.wait_line("Job 4: accepted")
    bench.uploads += 1
    client = start_rollback(bench)
    daemon.wait_line("Job 4: superseded: .* rollback")
    bench.standin.open_gate()
    check_rolled_back(bench, end_rollback(client), two[1])


def test_loses_its_turn_to_a_newer_upload(bench, running, asked):
    newer = sketches.good("newer")
    bench.push(adb_push, newer)
    status, said = end_rollback(asked)
    assert (status, ": superseded: " in said) == (1, True), said
    bench.standin.open_gate()
    bench.wait_outcomes()
    bench.check_programmed(newer)


def test_loses_its_turn_to_a_newer_rollback(bench, two, running, asked):
    bench.uploads += 1
    newer = start_rollback(bench)
    status, said = end_rollback(asked)
    assert (status, ": superseded: " in said) == (1, True), said
    bench.standin.open_gate()
    check_rolled_back(bench, end_rollback(newer), two[1])


def test_overtakes_an_upload_that_is_being_checked(bench, two):
    """What came last wins, though it needs no check."""
    gate, checker = os.path.join(bench.folder, "check"), os.path.join(bench.folder, "checker")
    with open(checker, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.02; done\nexec {CHECKER}\n")
    os.chmod(checker, 0o755)
    daemon = bench.restart(env={"M4FLASH_CHECKER": checker})
    bench.standin.close_gate()
    bench.push(cp, sketches.good("slow"))
    daemon.wait_checking()
    bench.uploads += 1
    client = start_rollback(bench)
    daemon.wait_openocd()
    os.close(os.open(gate, os.O_CREAT))
    daemon.wait_line("Job 3: superseded")
    bench.standin.open_gate()
    check_rolled_back(bench, end_rollback(client), two[0])


def test_does_not_overtake_an_upload_that_is_completed_later(bench, daemon, two):
    upload = sketches.good("in parts", debug=100_000)
    pieces = [upload.data[:50_000], upload.data[50_000:60_000], upload.data[60_000:]]
    bench.standin.close_gate()
    cp(bench.path, pieces[0])
    daemon.wait_quiet()
    bench.uploads += 2
    client = start_rollback(bench)
    daemon.wait_openocd()
    for piece in pieces[1:]:
        with open(bench.path, "ab") as file:
            file.write(piece)
        daemon.wait_quiet()
    bench.standin.open_gate()
    assert end_rollback(client)[0] == 0
    assert bench.wait_outcomes()[-1]["sha256"] == upload.sha256
    bench.check_programmed(upload)


# ---- The daemon's end -----------------------------------------------------------------------------


def test_stop_before_its_turn(bench, daemon, running, asked):
    daemon.signal(signal.SIGTERM)
    status, said = end_rollback(asked)
    assert (status, ": aborted: " in said) == (1, True), said
    status, said = rollback(bench)
    assert (status, "The service is stopping" in said) == (1, True), said
    bench.standin.open_gate()
    assert daemon.wait_end() == 0
    assert os.listdir(bench.runtime) == []


def test_daemon_killed(bench, daemon, two):
    """The next start goes on with it, and listens again in spite of the socket that was left."""
    bench.standin.close_gate()
    client = start_rollback(bench)
    daemon.wait_openocd()
    daemon.signal(signal.SIGKILL)
    status, said = end_rollback(client)
    assert (status, "ended first" in said) == (2, True), said
    bench.kill()
    bench.standin.open_gate()
    bench.uploads += 1
    bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    bench.check_programmed(two[0])
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[1])


def test_alone_after_an_interruption(bench, daemon, two, running):
    """That is brought to its end first, and is what is gone back from."""
    bench.kill()
    bench.standin.open_gate()
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[1])
    assert [entry["result"] for entry in bench.history()[2:]] == ["recovered", "programmed"]


def test_alone_and_told_to_stop_before_its_turn(bench, daemon, two, running):
    bench.kill()
    bench.uploads += 1
    client = start_rollback(bench)
    wait_for(lambda: "Job 4: back to" in client.stderr.readline(), "waiting for the recovery")
    client.terminate()
    bench.standin.open_gate()
    assert end_rollback(client)[0] == 1
    assert [entry["result"] for entry in bench.history()[2:]] == ["aborted", "recovered"]
    bench.check_programmed(running)


def test_alone_and_told_to_stop(bench, two):
    """Once: what has begun ends. Twice: the next start ends it."""
    bench.stop()
    bench.standin.close_gate()
    bench.uploads += 1
    client = start_rollback(bench)
    wait_for(lambda: processes.children(client.pid), "an OpenOCD")
    client.terminate()
    bench.standin.open_gate()
    check_rolled_back(bench, end_rollback(client), two[0])

    bench.standin.close_gate()
    client = start_rollback(bench)
    wait_for(lambda: processes.children(client.pid), "an OpenOCD")
    client.terminate()
    wait_for(lambda: "Stopping" in client.stderr.readline(), "the first signal heard")
    client.terminate()
    status, said = end_rollback(client)
    assert (status, "m4flash: error interrupted id=4\n" in said) == (1, True), said
    bench.standin.open_gate()
    bench.uploads += 1
    bench.start()
    assert bench.wait_outcome()["result"] == "recovered"
    bench.check_programmed(two[1])


def test_alone_beside_a_daemon(bench, daemon, running):
    """One that cannot be asked: it says who holds the chip, and spoils nothing."""
    os.unlink(control_path(bench))
    check = rollback(bench)
    assert check[0] == 1
    assert f"in use by m4flashd (pid {daemon.pid})" in check[1]
    bench.standin.open_gate()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(running)


def test_alone_notifies_nobody(bench, two):
    bench.stop()
    bench.notify.forget()
    bench.uploads += 1
    answer = rollback(bench, env=os.environ | {"NOTIFY_SOCKET": bench.notify.path})
    check_rolled_back(bench, answer, two[0])
    assert bench.notify.messages == []


# ---- Strangers on the socket ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"\n", b"rollback \n", b"ROLLBACK\n", b"rollback\nrollback\n", b"rollback\0\n", b"x" * 64,
     b"\xff\0" * 500_000],
    ids=["empty", "space", "case", "twice", "zero", "long", "flood"],
)
def test_garbage(bench, two, data):
    client = connect(bench)
    try:
        client.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert listen(client) in ("error: There is no such request.\n", "")
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[0])


def test_request_in_pieces(bench, daemon, two):
    """From one that says no more, and listens."""
    client = connect(bench, b"roll")
    daemon.wait_quiet()
    client.sendall(b"back\n")
    client.shutdown(socket.SHUT_WR)
    bench.uploads += 1
    assert json.loads(listen(client)) == bench.wait_outcome()
    assert bench.history()[-1]["message"].startswith("Back to the sketch before: ")
    bench.check_programmed(two[0])


def test_those_who_stall_give_way(bench, two):
    stalling = [connect(bench, b"rollback"[:number % 9]) for number in range(40)]
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[0])
    told = [listen(client) for client in stalling[:20]]
    assert told == [""] * 20
    for client in stalling:
        client.close()


def test_many_who_come_and_go(bench, two):
    for number in range(500):
        connect(bench, b"rollback"[:number % 9]).close()
    bench.uploads += 1
    check_rolled_back(bench, rollback(bench), two[0])


def test_one_who_does_not_wait(bench, daemon, two):
    """What was asked for is done, and nobody is told."""
    connect(bench, b"rollback\n").close()
    bench.uploads += 1
    assert bench.wait_outcome()["result"] == "programmed"
    bench.standin.close_gate()
    with connect(bench, b"rollback\n"):
        daemon.wait_openocd()
    daemon.wait_quiet()
    bench.standin.open_gate()
    bench.uploads += 1
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(two[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_only(bench, daemon):
    """Even where all may enter the folder."""
    os.chmod(bench.folder, 0o755)
    os.chmod(bench.runtime, 0o755)
    status = os.stat(control_path(bench))
    assert (stat.S_ISSOCK(status.st_mode), stat.S_IMODE(status.st_mode)) == (True, 0o600)
    script = f"import socket; socket.socket(socket.AF_UNIX).connect({control_path(bench)!r})"
    done = subprocess.run(
        [*AS_NOBODY, "/usr/bin/python3", "-c", script], capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr


def test_no_room_for_a_socket(bench, daemon):
    """Its path is too long: uploads go on, and the command says what it is."""
    bench.stop()
    bench.runtime = bench.make_folder("long" * 30)
    daemon = bench.start()
    daemon.wait_line("/control, for requests, cannot be made: File name too long")
    program(bench, "upload")
    status, said = rollback(bench)
    assert (status, "File name too long" in said) == (2, True), said


# ---- Usage ----------------------------------------------------------------------------------------


def test_usage(bench):
    bench.write_config()
    assert rollback(bench, "1")[0] == 2
    assert rollback(bench, "--nonsense")[0] == 2
    status, said = rollback(bench, "--help")
    assert (status, said.startswith("Usage: m4flash rollback [--json] [--runtime-dir")) == (0, True)
    assert "Exit status: 0 it runs; 1 " in said
    status, said = rollback(bench, env=os.environ | {"M4FLASHD": "/nowhere/m4flashd"})
    assert status == 2
    assert "m4flash: /nowhere/m4flashd cannot be started: No such file or directory." in said
    assert "m4flash: error no-program id=0\n" in said
    status, said = rollback(bench, "--runtime-dir", bench.config)
    assert (status, "Not a directory" in said) == (2, True)
