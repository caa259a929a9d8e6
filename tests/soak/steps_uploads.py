"""Steps of a soak: uploads in every way and of every kind, one after the other and all at once."""

import json
import os
import socket
import time

from accounts import OVERTAKEN

from harness import pushes, sketches

KINDS = [pushes.adb_push, pushes.cp, pushes.mv]
TOO_LARGE = (64 << 20) + 1  # [Inbox] MaxSize='s default, and one byte
CORPUS_PATH = os.environ.get("M4FLASH_CORPUS", "corpus.json")


def corpus():
    """(path, code) of each bad sketch, but for those whose rest is waited for."""
    with open(CORPUS_PATH, encoding="utf-8") as file:
        records = json.load(file)
    top = CORPUS_PATH.removesuffix("tests/sketches/corpus.json")
    return [(os.path.join(top, record["file"]), record["code"]) for record in records
            if record["code"] not in ("accepted", "truncated")]


def pause(rng):
    """Mostly none, or short enough to hit a checker or an OpenOCD at work."""
    time.sleep(rng.choice([0, 0, 0, 0, 0.001, 0.005, 0.02, 0.05, 0.1]))


# ---- Good ones ----------------------------------------------------------------------------------


def good(world, rng):
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)


def in_another_time(world, rng):
    """adb sets the time that the file had on a computer whose clock may say anything."""
    upload = world.good(rng)
    world.put(pushes.adb_push, upload, utime=False)
    moment = rng.choice([0, 1, 2**31 - 1, 2**31, 4_000_000_000, rng.randrange(2_000_000_000)])
    os.utime(world.path, (moment, moment))
    world.settle(upload)


def small_change(world, rng):
    """A round of edit, compile and upload: a byte of it is another."""
    image = bytearray(sketches.make_image(world.name(), rng.randrange(9000, 20_000)))
    for place in rng.sample(range(5000, len(image)), 3):
        image[place] ^= 1 << rng.randrange(8)
        upload = world.add(sketches.Upload(sketches.make_elf(bytes(image)), bytes(image)))
        world.put(rng.choice(KINDS), upload)
        world.settle(upload)


def the_same_again(world, rng):
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)
    world.put(rng.choice([pushes.adb_push, pushes.mv]), upload, "unchanged")
    world.settle(upload)


def touched(world, rng):
    upload = world.good(rng)
    world.put(rng.choice(KINDS), upload)
    world.settle(upload)
    pushes.touch(world.path)
    world.claim(upload)
    world.settle(upload)


def linked_into_place(world, rng):
    """A second name of a file that is elsewhere: all of the upload comes at once."""
    upload = world.good(rng)
    elsewhere = os.path.join(world.folder, "linked.elf")
    pushes.cp(elsewhere, upload.data)
    if os.path.lexists(world.path):
        os.unlink(world.path)
    os.link(elsewhere, world.path)
    world.claim(upload)
    world.settle(upload)
    os.unlink(elsewhere)


def in_pieces(world, rng):
    """What comes in time completes it. Each piece is closed, so one that is still being checked
    when the next one comes is told of as an upload that was overtaken."""
    upload = world.good(rng, debug=100_000)
    pieces = rng.randrange(2, 4)
    world.put(pushes.append_in_pieces, upload, pieces=pieces, pause=0.05)
    for _ in range(pieces - 1):
        late_part(world, "superseded")
    world.settle(upload)


# ---- Bad ones -----------------------------------------------------------------------------------


def bad(world, rng):
    world.put(rng.choice(KINDS), world.bad(rng))
    world.settle()


def bad_by_the_corpus(world, rng):
    path, code = rng.choice(corpus())
    with open(path, "rb") as file:
        upload = sketches.Upload(file.read(), code=code)
    allowed = [f"rejected:{code}"] if upload.data else ["rejected:empty"]
    world.put(rng.choice(KINDS), upload, *allowed)
    world.settle()


def garbage(world, rng):
    upload = sketches.Upload(b"\x00" + rng.randbytes(rng.randrange(1, 50_000)), code="not-elf")
    world.put(rng.choice(KINDS), upload)
    world.settle()


def damaged(world, rng):
    """A few bits of the headers are others: whatever the verdict, it is one."""
    world.any_image = True
    upload = world.good(rng, debug=0)
    data = bytearray(upload.data)
    for _ in range(rng.randrange(1, 6)):
        place = rng.choice([rng.randrange(84), rng.randrange(len(data) - 160, len(data))])
        data[place] ^= 1 << rng.randrange(8)
    upload = sketches.Upload(bytes(data))
    world.put(rng.choice(KINDS), upload, "programmed", "unchanged", "rejected")
    world.settle()


def too_large(world, rng):
    with open(world.path, "wb") as file:
        file.truncate(TOO_LARGE)
    world.claim_unread("64 MiB and a byte", "rejected:too-large")
    world.settle()
    os.unlink(world.path)
    good(world, rng)


NOT_FILES = {
    "symlink": lambda path: os.symlink("/etc/shadow", path),
    "symlink to itself": lambda path: os.symlink(path, path),
    "fifo": os.mkfifo,
    "folder": os.mkdir,
}


def not_a_file(world, rng):
    what = rng.choice(sorted(NOT_FILES))
    if os.path.lexists(world.path):
        os.unlink(world.path)
    NOT_FILES[what](world.path)
    world.claim_unread(what, "rejected:not-regular")
    world.settle()
    if os.path.isdir(world.path):
        os.rmdir(world.path)
    else:
        os.unlink(world.path)
    good(world, rng)


def a_socket(world, rng):
    if os.path.lexists(world.path):
        os.unlink(world.path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(world.path)
        world.claim_unread("socket", "rejected:not-regular")
        world.settle()
    os.unlink(world.path)


# ---- Parts of one -------------------------------------------------------------------------------


def truncated(world, rng):
    """Nobody sends the rest, and so it is rejected when the daemon's patience ends."""
    whole = world.good(rng, debug=1000)
    part = sketches.Upload(whole.data[: rng.randrange(1, len(whole.data))], code="truncated")
    world.put(pushes.cp, part)
    world.settle()


def empty(world, rng):
    world.put(pushes.cp, sketches.Upload(b"", code="empty"), "rejected:empty")
    world.settle()


def late_part(world, *allowed):
    """A machine so busy that the daemon's patience ends while we only mean to go on."""
    world.account.expect("a part", None, ["rejected:truncated", *allowed], optional=True)


def part_that_is_overtaken(world, rng):
    whole, upload = world.good(rng, debug=1000), world.good(rng)
    pushes.cp(world.path, whole.data[: rng.randrange(1, len(whole.data))])
    world.claim_unread("a part", *OVERTAKEN, "rejected:truncated")
    pause(rng)
    world.put(rng.choice([pushes.adb_push, pushes.mv]), upload)
    world.settle(upload)


def aborted_push(world, rng):
    abort(world, rng)
    world.settle()


def abort(world, rng, optional=False):
    upload = world.good(rng, debug=200_000)
    pushes.adb_push_aborted(world.path, upload.data, rng.uniform(0.05, 0.95))
    world.claim_unread("an aborted push", *OVERTAKEN, optional=optional)


# ---- Many of them -------------------------------------------------------------------------------


def burst(world, rng):
    """So close together that some are overtaken, and each has its outcome all the same."""
    last = several(world, rng, rng.randrange(3, 8), pause)
    world.settle(last)


def flood(world, rng):
    """More than anybody waits for."""
    last = several(world, rng, rng.randrange(20, 40), pause)
    world.settle(last)


def several(world, rng, number, between=lambda rng: None, optional=False):
    """Uploads of all kinds; returns the last one, a good one. Two renames with no other event
    between them are one to inotify, so never two in a row."""
    renamed = False
    for left in reversed(range(number)):
        kind = rng.choice([pushes.adb_push, pushes.cp] if renamed else KINDS)
        renamed = kind is pushes.mv
        if left and rng.random() < 0.15:
            abort(world, rng, optional)
            renamed = False
        else:
            upload = world.good(rng) if not left or rng.random() < 0.7 else world.bad(rng)
            usual = ("programmed", "unchanged") if upload.good else (f"rejected:{upload.code}",)
            world.put(kind, upload, *usual, *(OVERTAKEN if left else ()),
                      optional=optional and left > 0)
        between(rng)
    return upload


def while_it_sleeps(world, rng):
    """It has all of it to hear of at once: a machine under load, or a stopped process."""
    world.daemon.pause()
    last = several(world, rng, rng.randrange(2, 6))
    world.daemon.resume()
    world.settle(last)


def overtaken_while_another_is_programmed(world, rng):
    """The newest waits for its turn, and those between have lost theirs."""
    first, between, last = (world.good(rng, size) for size in (9000, 3000, 5000))
    if not world.real:
        world.standin.close_gate()
    world.put(pushes.adb_push, first)
    world.daemon.wait_openocd()
    world.put(pushes.adb_push, between, *(["programmed", *OVERTAKEN] if world.real else OVERTAKEN))
    world.daemon.wait_line(f"accepted: {len(between.image)} bytes")
    world.put(rng.choice([pushes.adb_push, pushes.mv]), last)
    if not world.real:
        world.daemon.wait_line(f"accepted: {len(last.image)} bytes")
        world.standin.open_gate()
    world.settle(last)
