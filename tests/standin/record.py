#!/usr/bin/python3
"""Records what the real OpenOCD says, for tests/unit/openocd: `record.py FOLDER`.

Run it by hand when OpenOCD or units/m4flash.tcl changes (M4FLASH_H7SIM names the simulated chip).
Each FOLDER/NAME.txt is the output as it is, with the names of files made neutral. When the chip's
supply fails, OpenOCD aborts or ends with an error, as it happens: keep what the test speaks of.
"""

import random
import re
import sys
import tempfile
from pathlib import Path

from real import CHIP_CONFIG, OPENOCD, SCRIPT, START, Chip, arguments, program_call, release_call
from real import run, write_image

VECTRESET = ("reset_config srst_only srst_push_pull",
             "reset_config none\nstm32h7x.cpu0 cortex_m reset_config vectreset")
NO_SOCKET = ("remote_bitbang host $H7SIM_SOCKET", "remote_bitbang host /run/no-such-chip")
UNKNOWN = ("adapter driver remote_bitbang", "adapter driver imx_gpio")

# name: the chip's faults, changes of its configuration, first address
PROGRAM = {
    "success": [],
    "no-target-ones": ["no-target-high"],
    "no-target-zeroes": ["no-target-low"],
    "not-halted": [VECTRESET],
    "erase-failed": ["erase-fail:1"],
    "write-protected": ["write-protect:0"],
    "write-failed": ["write-error:0x08104200"],
    "write-failed-at-the-end": ["write-error:0x08100000"],
    "verify-failed": ["corrupt-word:0x08104200"],
    "lost-at-connect": ["die-after:300"],
    "lost-at-erase": ["die-after:665"],
    "lost-at-write": ["die-after:3000"],
    "waits-at-connect": ["wait-forever:300"],
    "dropped-at-connect": ["drop:100"],
    "dropped-at-write": ["drop:3000"],
    "power-cut-at-erase": ["power-cut-erase:1"],
    "power-cut-at-write": ["power-cut-word:100"],
    "missing-bank": [("stm32h7x_dual_bank", "stm32h7x")],
    "missing-socket": [NO_SOCKET],
    "unknown-adapter": [UNKNOWN],
    "garbage": [("adapter driver", "no such command")],
}


def program(folder, changes, start=START):
    config = folder / "chip.cfg"
    text = CHIP_CONFIG.read_text()
    for change in changes:
        text = text if isinstance(change, str) else text.replace(*change)
    config.write_text(text)
    faults = [change for change in changes if isinstance(change, str)]
    with Chip(folder, folder / "flash", *faults) as chip:
        return neutral(chip.run(program_call(config, folder, 2, start)), folder, chip)


def neutral(result, folder, chip):
    text = result.output.replace(chip.socket, "/run/chip") if chip else result.output
    text = text.replace(str(folder), "/run/m4flash")
    text = text.replace(SCRIPT, "/usr/share/m4flash/m4flash.tcl")
    return re.sub(r"(?<=^Debug: )\d+ \d+(?= )", "1 2", text, flags=re.MULTILINE), result.status


def main():
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image(folder, random.Random(1).randbytes(33_801), 2)
        records = {name: program(folder, changes) for name, changes in PROGRAM.items()}
        records["not-aligned"] = program(folder, [], START + 4096)
        with Chip(folder, folder / "flash") as chip:
            records["release"] = neutral(chip.run(release_call(CHIP_CONFIG)), folder, chip)
        missing = run(OPENOCD, arguments(release_call("/run/no-such.cfg")))
        records["missing-configuration"] = neutral(missing, folder, None)
        missing = run(OPENOCD, arguments(release_call("/run/x.cfg"), "/run/no-such.tcl"))
        records["missing-script"] = neutral(missing, folder, None)
    for name, (text, status) in records.items():
        (target / f"{name}.txt").write_text(text)
        print(f"{name}: {status}")


main()
