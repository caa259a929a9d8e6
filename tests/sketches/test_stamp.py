"""A stamped sketch is another valid sketch: what the tests with a thousand uploads rely on."""

import json
import os
import subprocess

import pytest

import stamp


def read(name):
    with open(os.path.join(os.environ["SKETCHES"], name + ".elf"), "rb") as file:
        return file.read()


def check(*paths):
    done = subprocess.run([os.environ["M4FLASH_COMMAND"], "check", "--json", *paths], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["blink", "blink-bare", "pulse-stripped", "size-300k"])
def test_stamped_sketches_are_valid_and_all_different(name, tmp_path):
    paths = []
    for number in (0, 1, 2, 255, 65536, 0xFFFFFFFF):
        paths.append(tmp_path / f"{number}.elf")
        paths[-1].write_bytes(stamp.stamped(read(name), number))
    verdicts = check(*paths)
    assert {verdict["code"] for verdict in verdicts} == {"accepted"}
    assert len({verdict["sha256"] for verdict in verdicts}) == len(paths)
    assert len({verdict["image_sha256"] for verdict in verdicts}) == len(paths)


def test_a_thousand_differ_in_their_first_16_bytes():
    sketch = read("blink-bare")
    assert len({stamp.stamped(sketch, number)[:16] for number in range(1000)}) == 1000


def test_the_stamp_can_be_read_back():
    sketch = stamp.stamped(read("pulse"), 123456)
    assert stamp.stamp_of(sketch) == 123456
    assert stamp.stamped(sketch, 0) == read("pulse")


def test_nothing_but_padding_and_stamp_changes():
    before, after = read("size-140k"), stamp.stamped(read("size-140k"), 0xFFFFFFFF)
    changed = [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    assert len(changed) == 8 and changed[:4] == [9, 10, 11, 12]
