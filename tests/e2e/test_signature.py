"""RequireSignature=: what is not signed by one of the keys is not programmed, whatever comes of it."""

import os
import random
import re
import subprocess

import pytest

from harness import sketches
from harness.pushes import adb_push, append_in_pieces, mv, touch
from harness.signing import SIGNATURE_SIZE, Key, signed
from harness.sketches import Upload
from harness.waiting import wait_for

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs files of two users")


class World:
    """A bench, the daemon's folder of keys, and some keys."""

    def __init__(self, bench):
        self.bench = bench
        self.keys = bench.make_folder("keys.d")
        self.made = {}

    def key(self, name):
        if name not in self.made:
            self.made[name] = Key(self.bench.folder, name)
        return self.made[name]

    def start(self, *names, **settings):
        for name in names:
            self.key(name).install(self.keys)
        self.bench.settings["Inbox"] = {
            "RequireSignature": "yes", "KeysDirectory": self.keys, **settings}
        return self.bench.start()

    def push(self, upload, kind=adb_push):
        self.bench.push(kind, upload)
        return self.bench.wait_outcome()

    def check_programmed(self, upload):
        outcome = self.push(upload)
        assert (outcome["result"], outcome["sha256"]) == ("programmed", upload.sha256)
        self.bench.check_programmed(upload)

    def check_rejected(self, upload, *words, kind=adb_push):
        """Nothing was touched, and the reason was told."""
        runs = len(self.bench.standin.runs())
        outcome = self.push(upload, kind)
        assert (outcome["result"], outcome["code"]) == ("rejected", "signature")
        assert len(self.bench.standin.runs()) == runs
        for word in words:
            assert word in outcome["message"] + outcome["hint"]
        return outcome

    def put_detached(self, signature):
        adb_push(self.bench.path + ".sig", signature)


@pytest.fixture
def world(bench):
    return World(bench)


# ---- Embedded -----------------------------------------------------------------------------------


def test_only_signed_ones(world):
    daemon = world.start("release")
    world.check_rejected(sketches.good("nobody's"), "not signed", "m4flash sign")
    # More than what is copied at first of others.
    ours = sketches.good("ours", size=200_000, debug=600_000)
    world.check_programmed(signed(ours, world.key("release")))
    daemon.wait_line(r"Job 2: signed, key release\.pem")
    world.check_rejected(signed(sketches.good("theirs"), world.key("stranger")),
                         "not accepted here", world.key("stranger").fingerprint)


def test_without_the_setting_a_signature_is_nothing(bench, daemon):
    upload = signed(sketches.good("signed"), Key(bench.folder, "anyone"))
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_claimed_key(world):
    """A stranger's signature does not become ours by having our key beside it."""
    world.start("release")
    forged = signed(sketches.good("forged"), world.key("stranger"), claimed=world.key("release"))
    world.check_rejected(forged, "does not fit")


def test_signature_of_another_sketch(world):
    world.start("release")
    good = signed(sketches.good("signed"), world.key("release"))
    other = signed(sketches.good("other"), world.key("release"))
    world.check_rejected(Upload(other.data[:-SIGNATURE_SIZE] + good.data[-SIGNATURE_SIZE:]),
                         "does not fit")


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_one_bit_flipped_anywhere(world):
    """Some of the bits make it no ELF file any more, and that is told; none is programmed."""
    world.start("release")
    good = signed(sketches.good("flipped", size=1024), world.key("release"))
    last = 8 * len(good.data)
    bits = random.Random(7).sample(range(last), 60)
    bits += range(last - 8 * 116, last, 97)  # the note: its head, the key, the signature
    for bit in bits:
        world.bench.push(adb_push, Upload(flip(good.data, bit)))
        assert world.bench.wait_outcome()["result"] == "rejected", bit
    assert world.bench.standin.runs() == []
    assert {"signature"} <= {outcome["code"] for outcome in world.bench.history()}
    world.check_programmed(good)


@pytest.mark.parametrize("change", [b"\0", b"more than was signed"])
def test_bytes_behind_the_signature(world, change):
    world.start("release")
    good = signed(sketches.good("lengthened"), world.key("release"))
    world.check_rejected(Upload(good.data + change))


def test_cut_off_upload_waits_for_its_rest(world):
    world.start("release")
    upload = signed(sketches.good("in pieces", debug=100_000), world.key("release"))
    assert world.push(upload, append_in_pieces)["result"] == "programmed"
    world.bench.check_programmed(upload)


def test_what_is_wrong_with_the_sketch_is_told_first(world):
    world.start("release")
    world.bench.push(adb_push, sketches.for_the_m7("unsigned"))
    assert world.bench.wait_outcome()["code"] == "protected-flash"
    world.bench.push(adb_push, sketches.not_elf("unsigned"))
    assert world.bench.wait_outcome()["code"] == "not-elf"
    key = world.key("release")
    world.bench.push(adb_push, signed(sketches.never_starts("signed"), key))
    assert world.bench.wait_outcome()["code"] == "stack-pointer"


# ---- Keys ---------------------------------------------------------------------------------------


def test_several_keys(world):
    daemon = world.start("first", "second", "third")
    daemon.wait_line(r"must be signed by a key of .*keys\.d \(3\)")
    for name in ("third", "first", "second"):
        world.check_programmed(signed(sketches.good(name), world.key(name)))


def test_rotation_needs_no_restart(world):
    world.start("old")
    world.check_programmed(signed(sketches.good("by the old one"), world.key("old")))
    late = signed(sketches.good("by the new one"), world.key("new"))
    world.check_rejected(late)
    added = world.key("new").install(world.keys)
    world.check_programmed(late)
    os.unlink(os.path.join(world.keys, "old.pem"))
    world.check_rejected(signed(sketches.good("too late"), world.key("old")))
    world.check_programmed(signed(sketches.good("by the new one, again"), world.key("new")))
    os.unlink(added)
    world.check_rejected(late, "no usable key")


def test_no_key_at_all(world):
    daemon = world.start()
    daemon.wait_line(r"there is no usable key in .*keys\.d: until there is, every upload")
    world.check_rejected(signed(sketches.good("signed"), world.key("any")), "no usable key")


def test_no_folder_of_keys(world):
    daemon = world.start(KeysDirectory="/nonexistent/keys.d")
    daemon.wait_line(r"/nonexistent/keys\.d: no key of this folder is used: No such file")
    world.check_rejected(signed(sketches.good("signed"), world.key("any")), "no usable key")


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def spoil_garbage(path, key):
    write(path, b"\xff\0garbage" * 10)


def spoil_too_long(path, key):
    with open(key.public, "rb") as file:
        write(path, file.read() + bytes(5000))


def spoil_private(path, key):
    with open(key.private, "rb") as file:
        write(path, file.read())


def spoil_rsa(path, key):
    rsa = Key(os.path.dirname(key.public), "rsa", "RSA", ["-pkeyopt", "rsa_keygen_bits:2048"])
    rsa.install(os.path.dirname(path), os.path.basename(path))


def spoil_x25519(path, key):
    other = Key(os.path.dirname(key.public), "x25519", "x25519")
    other.install(os.path.dirname(path), os.path.basename(path))


def spoil_link(path, key):
    os.symlink(key.public, path)


def spoil_fifo(path, key):
    os.mkfifo(path)


def spoil_folder(path, key):
    os.mkdir(path)


def spoil_writable(path, key):
    key.install(os.path.dirname(path), os.path.basename(path))
    os.chmod(path, 0o664)


SPOILED = {
    "garbage": "it holds no key in PEM", "too_long": "it is too long for a key",
    "private": "it holds a private key", "rsa": "its key is not an Ed25519 key",
    "x25519": "its key is not an Ed25519 key", "link": "it is no regular file",
    "fifo": "it is no regular file", "folder": "it is no regular file",
    "writable": "others than its owner may write to it",
}


@pytest.mark.parametrize("how", SPOILED)
def test_bad_key_is_told_and_not_used(world, how):
    """The others count nevertheless; alone, it is none."""
    bad = os.path.join(world.keys, "bad.pem")
    globals()[f"spoil_{how}"](bad, world.key("bad"))
    daemon = world.start("good")
    daemon.wait_line(rf"{re.escape(bad)}: this key is not used: {SPOILED[how]}")
    world.check_programmed(signed(sketches.good("good"), world.key("good")))
    world.check_rejected(signed(sketches.good("bad"), world.key("bad")))
    os.unlink(os.path.join(world.keys, "good.pem"))
    world.check_rejected(signed(sketches.good("bad"), world.key("bad")), "no usable key")


@needs_root
def test_strangers_key(world):
    bad = world.key("bad").install(world.keys)
    os.chown(bad, 4711, -1)
    daemon = world.start("good")
    daemon.wait_line(r"bad\.pem: this key is not used: its owner is neither root nor")
    world.check_rejected(signed(sketches.good("bad"), world.key("bad")))
    world.check_programmed(signed(sketches.good("good"), world.key("good")))


def test_folder_that_others_may_write_to(world):
    daemon = world.start("good")
    os.chmod(world.keys, 0o777)
    world.check_rejected(signed(sketches.good("good"), world.key("good")), "no usable key")
    daemon.wait_line("no key of this folder is used: others than its owner may write to it")


def test_names_that_are_no_keys(world):
    daemon = world.start("good")
    for name in (".hidden.pem", "README", "good.pem.bak", ".pem"):
        write(os.path.join(world.keys, name), b"no key")
    world.check_programmed(signed(sketches.good("good"), world.key("good")))
    assert "is not used" not in daemon.log()


def test_more_keys_than_are_taken(world):
    """In the order of their names: those that are left out are told."""
    for number in range(17):
        world.key("many").install(world.keys, f"key-{number:02}.pem")
    daemon = world.start()
    daemon.wait_line(r"key-16\.pem: this key is not used: there are more keys than")
    assert "key-15.pem: this key" not in daemon.log()
    world.check_programmed(signed(sketches.good("many"), world.key("many")))


# ---- The setting --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["maybe", "yes please", "-1"])
def test_setting_that_cannot_be_understood(world, value):
    """It does not let in what it may have been meant to keep out."""
    daemon = world.start("good", RequireSignature=value)
    daemon.wait_line(rf"m4flash\.conf:\d+: \[Inbox\] RequireSignature={value} counts as yes")
    world.check_rejected(sketches.good("unsigned"))
    world.check_programmed(signed(sketches.good("signed"), world.key("good")))


# ---- Detached -----------------------------------------------------------------------------------


def test_detached(world):
    """It stays where it is, so a touch programs the same sketch once more; not another one."""
    world.start("release")
    upload = sketches.good("beside it")
    world.put_detached(world.key("release").signature(upload.data))
    world.check_programmed(upload)
    touch(world.bench.path)
    world.bench.uploads += 1
    assert world.bench.wait_outcome()["result"] == "programmed"
    world.check_rejected(sketches.good("another"), "of another file or by another key")
    world.check_programmed(signed(sketches.good("embedded"), world.key("release")))
    os.unlink(world.bench.path + ".sig")
    world.check_rejected(upload, "not signed")


def test_detached_by_a_stranger(world):
    world.start("release")
    upload = sketches.good("stranger's")
    world.put_detached(world.key("stranger").signature(upload.data))
    world.check_rejected(upload, "by another key")


def test_detached_for_an_embedded_one_of_a_key_that_is_gone(world):
    world.start("new")
    upload = signed(sketches.good("signed twice"), world.key("old"))
    world.check_rejected(upload, "not accepted here")
    world.put_detached(world.key("new").signature(upload.data))
    world.check_programmed(upload)


def detached_link(path, signature):
    mv(path + ".elsewhere", signature)
    os.symlink(path + ".elsewhere", path)


def detached_fifo(path, signature):
    os.mkfifo(path)


def detached_folder(path, signature):
    os.mkdir(path)


def detached_long(path, signature):
    mv(path, signature + b"\n")


def detached_short(path, signature):
    mv(path, signature[:-1])


def detached_huge(path, signature):
    mv(path, signature)
    os.truncate(path, 1 << 33)


@pytest.mark.parametrize("how, reason", {
    "link": "it is no regular file", "fifo": "it is no regular file",
    "folder": "it is no regular file", "long": "it is not a signature's 64 bytes",
    "short": "it is not a signature's 64 bytes", "huge": "it is not a signature's 64 bytes",
}.items())
def test_detached_that_is_no_signature(world, how, reason):
    daemon = world.start("release")
    upload = sketches.good("beside it")
    globals()[f"detached_{how}"](world.bench.path + ".sig", world.key("release").signature(upload.data))
    world.check_rejected(upload, "not signed")
    daemon.wait_line(rf"m4-user-sketch\.elf\.sig is not used: {reason}")
    world.check_programmed(signed(sketches.good("embedded"), world.key("release")))


def test_detached_and_sketch_swapped_all_the_time(world):
    """Of two sketches only one is signed. Whatever is exchanged when, the other is never programmed."""
    world.start("release")
    good, bad = sketches.good("signed", debug=200_000), sketches.good("unsigned", debug=200_000)
    right = world.key("release").signature(good.data)
    wrong = world.key("stranger").signature(bad.data)
    world.bench.uploads = None
    for number in range(200):
        mv(world.bench.path + ".sig", (right, wrong)[number // 2 % 2])
        adb_push(world.bench.path, (bad, good)[number % 2].data)
    mv(world.bench.path + ".sig", right)
    last = sketches.good("the last")
    adb_push(world.bench.path, signed(last, world.key("release")).data)
    wait_for(lambda: world.bench.history() and
             world.bench.history()[-1]["image_sha256"] == last.image_sha256, "the last outcome")
    programmed = {o["sha256"] for o in world.bench.history() if o["result"] in ("programmed", "unchanged")}
    assert bad.sha256 not in programmed


# ---- Other ways to the chip ---------------------------------------------------------------------


def test_over_the_bus(world, bus):
    bus.start()
    world.start("release")
    bus.wait_owner()
    bus.program_file(world.bench, sketches.good("unsigned"))
    assert world.bench.wait_outcome()["code"] == "signature"
    upload = signed(sketches.good("signed"), world.key("release"))
    bus.program_file(world.bench, upload)
    assert world.bench.wait_outcome()["result"] == "programmed"
    world.bench.check_programmed(upload)


@pytest.mark.parametrize("is_signed", [False, True])
def test_default_sketch(world, is_signed):
    """It is a file as any other, which somebody may have changed."""
    upload = sketches.good("built in")
    if is_signed:
        upload = signed(upload, world.key("release"))
    path = os.path.join(world.bench.folder, "default.elf")
    mv(path, upload.data)
    world.bench.settings["Sketch"] = {"DefaultSketch": path}
    world.bench.uploads += 1
    world.start("release").idle_descriptors = None  # it is at work already
    outcome = world.bench.wait_outcome()
    assert outcome["code"] == ("ok" if is_signed else "signature")


def test_interrupted_programming_goes_on(world):
    """What was accepted once is on record as an image, and is finished whatever became of the key."""
    world.start("release")
    world.bench.standin.close_gate()
    upload = signed(sketches.good("interrupted", size=300_000), world.key("release"))
    world.bench.push(adb_push, upload)
    world.bench.daemon.wait_openocd()
    world.bench.kill()
    world.bench.standin.open_gate()
    os.unlink(os.path.join(world.keys, "release.pem"))
    world.start().idle_descriptors = None  # it is at work already
    assert world.bench.wait_outcome()["result"] == "recovered"
    world.bench.check_programmed(upload)


# ---- The checker --------------------------------------------------------------------------------

LIAR = r"""#!/usr/bin/python3
import os, socket, struct, sys
channel = socket.socket(fileno=3)
if not channel.recv(1):
    sys.exit(0)
how = os.path.basename(sys.argv[0])
while len(channel.recv(1 << 16)) == 0:
    pass
state, signer, key = {"no-such-state": (4, 0, bytes(32)), "no-such-key": (3, 1, bytes(32)),
    "key-of-none": (0, 0, b"k" * 32), "signer-of-none": (1, 1, bytes(32)),
    "wrong-magic": (3, 0, bytes(32)), "cut-off": (3, 0, bytes(32))}[how]
answer = (b"M4flash\1" if how == "wrong-magic" else b"m4flash\1") + struct.pack("<2I", state, signer) + key
channel.sendall(answer[:20] if how == "cut-off" else answer)
"""


@pytest.mark.parametrize("lie", ["no-such-state", "no-such-key", "key-of-none", "signer-of-none",
                                 "wrong-magic", "cut-off"])
def test_checker_that_lies_about_the_signature(world, lie):
    path = os.path.join(world.bench.folder, lie)
    write(path, LIAR.encode(), 0o755)
    world.key("release").install(world.keys)
    world.bench.settings["Inbox"] = {"RequireSignature": "yes", "KeysDirectory": world.keys}
    world.bench.start(env={"M4FLASH_CHECKER_SIGNED": path})
    outcome = world.push(sketches.good("unsigned"))
    assert (outcome["result"], outcome["code"]) == ("failed", "internal")
    assert world.bench.standin.runs() == []


CONVERT = r"""#!/usr/bin/python3
# Says that there is no signature, as it must, and then all that the real one says of a good sketch.
import array, os, socket, sys
channel = socket.socket(fileno=3)
data, control, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4))
if not data:
    sys.exit(0)
upload = array.array("i", control[0][2])[0]
order = b""
while len(order) < ORDER:
    order += channel.recv(ORDER - len(order))
ours, theirs = socket.socketpair()
board = os.dup(4)
os.lseek(board, 0, 0)
actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 103), (os.POSIX_SPAWN_DUP2, board, 104),
           (os.POSIX_SPAWN_DUP2, 103, 3), (os.POSIX_SPAWN_DUP2, 104, 4)]
os.posix_spawn("CHECKER", ["CHECKER", *sys.argv[1:]], os.environ, file_actions=actions)
theirs.close()
socket.send_fds(ours, [b"G"], [upload])
ours.sendall(b"R")
channel.sendall(b"m4flash\1" + bytes(40))
while part := ours.recv(1 << 16):
    channel.sendall(part)
"""
ORDER_SIZE = 4 + 16 * 32 + 4 + SIGNATURE_SIZE


def test_checker_that_is_taken_over_after_the_signature(world):
    """An acceptance, however perfect, is none if what was said before it is that nobody signed."""
    path = os.path.join(world.bench.folder, "converted")
    checker = os.environ["M4FLASH_CHECKER_SIGNED"]
    write(path, CONVERT.replace("ORDER", str(ORDER_SIZE)).replace("CHECKER", checker).encode(), 0o755)
    world.key("release").install(world.keys)
    world.bench.settings["Inbox"] = {"RequireSignature": "yes", "KeysDirectory": world.keys}
    world.bench.start(env={"M4FLASH_CHECKER_SIGNED": path})
    world.check_rejected(sketches.good("unsigned"))


# ---- Rollback -----------------------------------------------------------------------------------


def test_rollback_by_root(world):
    world.start("release")
    first = signed(sketches.good("first"), world.key("release"))
    world.check_programmed(first)
    world.check_programmed(signed(sketches.good("second"), world.key("release")))
    world.bench.uploads += 1
    done = subprocess.run(
        [os.environ["M4FLASH_COMMAND"], "rollback", "--runtime-dir", world.bench.runtime],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    world.bench.check_programmed(first)
