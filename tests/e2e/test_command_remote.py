"""m4flash upload --adb and --ssh: what PC and board tell each other, whatever comes between.

adb and ssh are stand-ins here, so that connections can break at any point: they take the arguments
of the real ones, run what is meant for the board on this machine, and note what they were given.
The real adb is in tests/adb.
"""

import json
import os

import pytest

from harness import sketches
from harness.bus import opened
from harness.command import COMMAND, Command, check, run
from harness.pushes import adb_push

INBOX = "/tmp/arduino/m4-user-sketch.elf"

# As an old adb has it: one stream, CR LF, and no exit status.
ADB = """#!/usr/bin/python3
import json, os, shutil, subprocess, sys
with open({notes!r}, "a", encoding="utf-8") as file:
    json.dump(sys.argv[1:], file)
    file.write("\\n")
mode, words = os.environ.get("MODE", ""), sys.argv[1:]
if words[0] == "-s":
    words = words[2:]
if words[0] == "push":
    if mode == "no-device":
        sys.exit("adb: no devices/emulators found")
    assert words[2] == {inbox!r}
    shutil.copyfile(words[1], {path!r})
    if mode == "rebuilt":
        open(words[1], "ab").write(b"more")
    print("1 file pushed.")
    sys.exit(0)
assert words[0] == "shell" and len(words) == 2
if mode == "silent":
    sys.exit(1)
if mode == "noise":
    for line in "* daemon started", "\\x1b[31mred\\x1b[0m", "{{not JSON", "m4flash-status: x":
        print(line + "\\r", flush=True)
said = subprocess.run(["sh", "-c", words[1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                      env=os.environ | {{"PATH": {board_path!r}}}).stdout
if mode == "cut":
    said = said[:said.index(b'"result"')]
sys.stdout.buffer.write(said.replace(b"\\n", b"\\r\\n"))
"""

SSH = """#!/usr/bin/python3
import json, os, subprocess, sys
with open({notes!r}, "a", encoding="utf-8") as file:
    json.dump(sys.argv[1:], file)
    file.write("\\n")
mode = os.environ.get("MODE", "")
if mode == "no-route":
    sys.exit("ssh: connect to host board port 22: No route to host")
assert sys.argv[1:4] == ["-T", "--", "board"] and len(sys.argv) == 5
inbox = {path!r} if mode != "read-only" else "/nowhere/sketch.elf"
script = sys.argv[4].replace({inbox!r}, inbox)
env = os.environ | {{"PATH": {board_path!r}}}
sys.exit(subprocess.run(["sh", "-c", script], env=env).returncode)
"""


class World:
    def __init__(self, bench):
        self.bench = bench
        self.notes = os.path.join(bench.folder, "notes")
        self.board = bench.make_folder("board-bin")
        folder = bench.make_folder("pc-bin")
        os.symlink(COMMAND, os.path.join(self.board, "m4flash"))
        for name, text in ("adb", ADB), ("ssh", SSH):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.format(notes=self.notes, inbox=INBOX, path=bench.path,
                                       board_path=f"{self.board}:/usr/bin:/bin"))
            os.chmod(path, 0o755)
        self.env = {"PATH": f"{folder}:/usr/bin:/bin"}

    def arguments(self, upload, *options, counted=True, name="sketch.elf"):
        self.bench.uploads += counted
        with opened(self.bench, upload.data, name) as file:
            return ["upload", "--board=portenta-x8", *options, file.name]

    def calls(self):
        """What adb and ssh were given, one after the other."""
        try:
            with open(self.notes, encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []


@pytest.fixture
def world(bench):
    return World(bench)


EITHER = pytest.mark.parametrize("way", [["--adb"], ["--ssh", "board"]], ids=["adb", "ssh"])


@EITHER
def test_programmed(bench, on_bus, world, way):
    upload = sketches.good("from afar", size=300_000)
    command = check(bench, 0, ("programmed", "ok", 1), *world.arguments(upload, *way),
                    env=world.env)
    assert command.out[-2] == f"Job 1: programmed: {bench.history()[0]['message']}"
    bench.check_programmed(upload)


@EITHER
def test_failed(bench, on_bus, world, way):
    """The status is the outcome's, though the connection has none."""
    bench.standin.set_mode("erase-failed")
    command = check(bench, 1, ("failed", "erase-failed", 1),
                    *world.arguments(sketches.good("fails"), *way), env=world.env)
    assert command.out[-3].startswith("Job 1: failed: erase-failed: ")
    assert command.out[-2].startswith("  Upload again")


@EITHER
def test_refused_before_it_is_sent(bench, world, way):
    arguments = world.arguments(sketches.not_elf("x"), *way, counted=False)
    check(bench, 1, ("rejected", "not-elf", 0), *arguments, env=world.env)
    assert world.calls() == []


@EITHER
def test_steps(bench, on_bus, world, way):
    bench.standin.set_mode("success", delay=0.2)
    arguments = world.arguments(sketches.good("slow", size=300_000), *way)
    command = check(bench, 0, ("programmed", "ok", 1), *arguments, env=world.env)
    assert any(line.startswith("Job 1: write, ") for line in command.out), command.said()


@EITHER
def test_json(bench, on_bus, world, way):
    arguments = world.arguments(sketches.good("as JSON"), *way, "--json")
    status, command = run(bench, *arguments, env=world.env)
    assert (status, command.objects()[-1]) == (0, bench.history()[0])


@EITHER
def test_not_somebody_elses(bench, on_bus, world, way):
    """A second person's upload comes right behind, and is not taken for the first one's."""
    bench.standin.close_gate()
    bench.push(adb_push, sketches.good("running"))
    on_bus.wait_openocd()
    command = Command(bench, *world.arguments(sketches.good("mine"), *way), env=world.env)
    on_bus.wait_line("Job 2: accepted")
    bench.push(adb_push, sketches.good("somebody else's"))
    on_bus.wait_line("Job 2: superseded")
    assert (command.wait(), command.last()) == (1, ("superseded", "superseded", 2)), command.said()
    bench.standin.open_gate()


@EITHER
def test_timeout(bench, on_bus, world, way):
    bench.standin.close_gate()
    arguments = world.arguments(sketches.good("slow"), *way, "--timeout", "300ms")
    status, command = run(bench, *arguments, env=world.env)
    assert (status, command.last()[:2]) == (3, ("timeout", "no-outcome")), command.said()
    bench.standin.open_gate()


@EITHER
def test_board_without_m4flash(bench, on_bus, world, way):
    """A stock board: it is programmed, but nobody can say how that went."""
    os.unlink(os.path.join(world.board, "m4flash"))
    command = check(bench, 2, ("error", "no-m4flash", 0),
                    *world.arguments(sketches.good("stock"), *way), env=world.env)
    assert "the board has no m4flash that could tell what became of it" in command.said()


@EITHER
def test_board_without_service(bench, bus, world, way):
    """What the board's own m4flash says about that is seen here."""
    bus.start()
    command = check(bench, 2, ("error", "no-service", 0),
                    *world.arguments(sketches.good("x"), *way, counted=False), env=world.env)
    assert "m4flash: The service does not run" in command.said()
    assert command.said().count("The service does not run") == 1


@EITHER
def test_program_is_missing(bench, world, way):
    command = check(bench, 2, ("error", "no-program", 0),
                    *world.arguments(sketches.good("x"), *way, counted=False),
                    env={"PATH": bench.folder})
    assert f"m4flash: {way[0][2:]} cannot be started: No such file or directory." in command.err


# ---- adb ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, serial", [
    (["--adb"], []), (["--adb=1234"], ["-s", "1234"]), (["--adb", "1234"], ["-s", "1234"])])
@pytest.mark.parametrize("file_first", [False, True])
def test_serial(bench, on_bus, world, options, serial, file_first):
    upload = sketches.good("to one of several")
    command, board, *rest = world.arguments(upload, *options)
    words = [command, board, rest[-1], *rest[:-1]] if file_first else [command, board, *rest]
    check(bench, 0, ("programmed", "ok", 1), *words, env=world.env)
    push, shell = world.calls()
    assert push == [*serial, "push", rest[-1], INBOX]
    assert shell[:-1] == [*serial, "shell"]
    assert shell[-1].startswith("m4flash wait --follow --json --timeout 600000ms --sha256 ")


def test_names_that_are_no_words(bench, on_bus, world):
    """Nothing of what a file is called reaches the board's shell, or is taken for an option."""
    upload = sketches.good("named on purpose")
    for name in "$(touch pwned); 'x'.elf", "-p.elf":
        arguments = world.arguments(upload, "--adb", name=name)[:-1]
        status, command = run(bench, *arguments, "--", name, env=world.env, cwd=bench.folder)
        assert status == 0, command.said()
    assert [call[1] for call in world.calls() if call[0] == "push"] == [
        "$(touch pwned); 'x'.elf", "./-p.elf"]
    assert not os.path.exists(os.path.join(bench.folder, "pwned"))


def check_adb(bench, world, mode, status, last, counted=True):
    arguments = world.arguments(sketches.good(mode), "--adb", counted=counted)
    return check(bench, status, last, *arguments, env=world.env | {"MODE": mode})


def test_no_device(bench, world):
    command = check_adb(bench, world, "no-device", 2, ("error", "no-copy", 0), counted=False)
    assert "adb: no devices/emulators found" in command.err
    assert "m4flash: adb could not push the sketch (exit status 1)." in command.err


def test_rebuilt_meanwhile(bench, on_bus, world):
    command = check_adb(bench, world, "rebuilt", 2, ("error", "changed", 0))
    assert "has changed while it was uploaded" in command.said()


@pytest.mark.parametrize("mode", ["silent", "cut"])
def test_disconnected(bench, on_bus, world, mode):
    """Without the outcome's line nothing is believed, and nothing is waited for."""
    command = check_adb(bench, world, mode, 2, ("error", "disconnected", 0))
    assert "before the outcome was known" in command.said()


def test_noise(bench, on_bus, world):
    """What else comes through is shown, but cannot move the cursor."""
    command = check_adb(bench, world, "noise", 0, ("programmed", "ok", 1))
    assert command.err[-4:] == [
        "* daemon started", r"\x1b[31mred\x1b[0m", "{not JSON", "m4flash-status: x"]


# ---- ssh ----------------------------------------------------------------------------------------


def test_one_connection(bench, on_bus, world):
    """Whoever has to type a password types it once."""
    upload = sketches.good("over ssh")
    check(bench, 0, ("programmed", "ok", 1), *world.arguments(upload, "--ssh", "board"),
          env=world.env)
    ((*_, script),) = world.calls()
    assert script == (
        f"if cat >{INBOX}; then m4flash wait --follow --json --timeout 600000ms --sha256 "
        f"{upload.sha256}; echo \"m4flash-status: $?\"; else echo \"m4flash-status: no copy\"; fi")


@pytest.mark.parametrize("mode, code, text", [
    ("read-only", "no-copy", "The sketch could not be written to the board's"),
    ("no-route", "disconnected", "No route to host")])
def test_ssh_fails(bench, on_bus, world, mode, code, text):
    arguments = world.arguments(sketches.good("x"), "--ssh", "board", counted=False)
    command = check(bench, 2, ("error", code, 0), *arguments, env=world.env | {"MODE": mode})
    assert text in command.said()
