"""m4flash check against the corpus: every verdict, every exit status, every image."""

import json
import os
import subprocess

import pytest

M4FLASH = os.environ["M4FLASH_COMMAND"]
EXIT_ACCEPTED, EXIT_REJECTED, EXIT_ERROR = 0, 1, 2

with open(os.environ["CORPUS"], encoding="utf-8") as manifest:
    CORPUS = json.load(manifest)


def check(*paths):
    """The exit status, and what was said of each file."""
    done = subprocess.run([M4FLASH, "check", "--board", "portenta-x8", "--json", *paths],
                          stdout=subprocess.PIPE, text=True, timeout=600)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def check_rejected(path, code):
    status, (verdict,) = check(path)
    assert verdict["code"] == code, verdict["message"]
    assert verdict["result"] == "rejected"
    assert status == EXIT_REJECTED
    assert verdict["message"] and verdict["hint"]
    assert verdict["image_bytes"] == 0 and verdict["image_sha256"] == ""
    return verdict


def name_of(record):
    return f"{record['code']}: {record['base']}: {record['change']}"


ACCEPTED = [record for record in CORPUS if record["code"] == "accepted"]
REJECTED = [record for record in CORPUS if record["code"] != "accepted"]


@pytest.mark.parametrize("record", ACCEPTED, ids=name_of)
def test_accepts(record):
    status, (verdict,) = check(record["file"])
    assert verdict["code"] == "accepted", verdict["message"]
    assert verdict["result"] == "accepted"
    assert status == EXIT_ACCEPTED
    assert verdict["image_bytes"] == record["image_size"]
    assert verdict["image_sha256"] == record["image_sha256"]
    assert verdict["bytes"] == os.path.getsize(record["file"])


@pytest.mark.parametrize("record", REJECTED, ids=name_of)
def test_rejects(record):
    verdict = check_rejected(record["file"], record["code"])
    if "needed_size" in record:
        assert verdict["needed_bytes"] == record["needed_size"]


def test_every_code_of_an_elf_file_is_in_the_corpus():
    judged_by_the_opener = {"not-regular", "unreadable", "empty", "too-large", "owner", "signature"}
    assert {record["code"] for record in CORPUS} == set(codes()) - judged_by_the_opener


def codes():
    """The names that the enum in include/m4flash/sketch.h gives."""
    with open(os.environ["SKETCH_H"], encoding="utf-8") as header:
        names = header.read().split("enum sketch_code {")[1].split("};")[0].split()
    return [name.rstrip(",").removeprefix("SKETCH_").lower().replace("_", "-")
            for name in names if name.startswith("SKETCH_")]


def test_the_worst_of_several_files_is_the_status():
    good, bad = ACCEPTED[0]["file"], REJECTED[0]["file"]
    status, verdicts = check(good, bad, good)
    assert [verdict["result"] for verdict in verdicts] == ["accepted", "rejected", "accepted"]
    assert status == EXIT_REJECTED
    status, verdicts = check(good, bad, "/nonexistent")
    assert len(verdicts) == 3 and verdicts[2]["result"] == "error"
    assert status == EXIT_ERROR


def test_empty(tmp_path):
    path = tmp_path / "empty.elf"
    path.touch()
    check_rejected(path, "empty")


@pytest.mark.parametrize("size,code", [(64 << 20, "not-elf"), ((64 << 20) + 1, "too-large"),
                                       (1 << 40, "too-large")])
def test_sparse(tmp_path, size, code):
    path = tmp_path / "sparse.elf"
    path.touch()
    os.truncate(path, size)
    check_rejected(path, code)


def test_not_regular(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", "/dev/null"):
        check_rejected(path, "not-regular")


def test_unreadable(tmp_path):
    # /proc/self/mem is a regular file whose first page nobody can read, not even root.
    check_rejected("/proc/self/mem", "unreadable")
