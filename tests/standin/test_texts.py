"""The stand-in says what the real OpenOCD says, line by line, and exits as it does."""

import random

import pytest

from real import CHIP_CONFIG, OPENOCD, STANDIN, Chip, arguments, needs_openocd, program_call
from real import release_call, run, telling, write_image

NO_SRST = ("reset_config srst_only srst_push_pull",
           "reset_config none\nstm32h7x.cpu0 cortex_m reset_config vectreset")
ONE_BANK = ("stm32h7x_dual_bank", "stm32h7x")

# mode of the stand-in: the chip's faults, a change of its configuration
SAME = {
    "success": ([], None),
    "slow": ([], None),
    "silence": ([], None),
    "no-target-ones": (["no-target-high"], None),
    "no-target-zeroes": (["no-target-low"], None),
    "halt-timeout": ([], NO_SRST),
    "missing-bank": ([], ONE_BANK),
    "erase-failed": (["erase-fail:0"], None),
    "write-protected": (["write-protect:0"], None),
    "write-failed": (["write-error:0x08100400"], None),
    "verify-failed": (["corrupt-word:0x08100400"], None),
}


def chip_config(folder, change):
    path = folder / "chip.cfg"
    path.write_text(CHIP_CONFIG.read_text().replace(*change) if change else CHIP_CONFIG.read_text())
    return path


def control_file(folder, mode):
    path = folder / "control"
    path.write_text(f"mode={mode}\nflash={folder}/standin-flash\nsilence=0\n")
    return path


@needs_openocd
@pytest.mark.parametrize("mode", SAME)
def test_program(tmp_path, mode):
    faults, change = SAME[mode]
    write_image(tmp_path / "images", random.Random(1).randbytes(33_801), 2)
    with Chip(tmp_path, tmp_path / "flash", *faults) as chip:
        real = chip.run(program_call(chip_config(tmp_path, change), tmp_path / "images", 2))
    ours = run(STANDIN, arguments(
        program_call(control_file(tmp_path, mode), tmp_path / "images", 2)))
    assert telling(ours.lines) == telling(real.lines)
    assert ours.status == real.status


@needs_openocd
def test_release(tmp_path):
    with Chip(tmp_path, tmp_path / "flash") as chip:
        real = chip.run(release_call(CHIP_CONFIG))
    ours = run(STANDIN, arguments(release_call(control_file(tmp_path, "success"))))
    assert telling(ours.lines) == telling(real.lines)
    assert ours.status == real.status


USAGES = {
    "version": ["--version"],
    "unknown option": ["--nonsense"],
    "unknown letter": ["-x"],
    "missing argument": ["-c"],
    "missing long argument": ["--command"],
    "an argument": ["something"],
    "unknown command": ["-c", "nonsense"],
    "unknown command with arguments": ["-c", "m4flash_program a b c d e"],
    "open brace": ["-c", "script {"],
    "open quote": ["-c", "script \""],
    "behind a brace": ["-c", "script {a}b"],
    "missing script": ["-c", "script /no/such/file"],
    "missing file": ["-f", "/no/such/file"],
    "missing configuration": arguments(release_call("/no/such/file")),
    "too few": arguments("m4flash_program a b c d"),
    "too many": arguments("m4flash_release a b"),
}


@needs_openocd
@pytest.mark.parametrize("args", USAGES.values(), ids=USAGES)
def test_usage(args):
    """Wrong calls end as they do there; what they say may be shorter, never less wrong."""
    real, ours = run(OPENOCD, args), run(STANDIN, args)
    assert ours.status == real.status

    def said(result, program):
        return telling(line.replace(program, "openocd") for line in result.lines)

    assert said(ours, STANDIN)[:5] == said(real, OPENOCD)[:5]
