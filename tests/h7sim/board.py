#!/usr/bin/python3
"""The simulated chip as a board of its own: portenta-x8's profile, word for word, but for how the
chip is reached. So daemon, Tcl procedure and outcome texts are those of the board.

    board.py FOLDER    writes FOLDER/h7sim.conf, for `m4flashd --board`, and FOLDER/openocd.cfg,
                       for an h7sim with --socket FOLDER/socket and --bridge FOLDER/bridge
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PORTENTA_X8 = HERE.parents[1] / "units" / "boards" / "portenta-x8.conf"
OPENOCD_CONFIGURATION = HERE / "openocd-h7sim.cfg"


def profile(folder):
    """The board's profile with another name, adapter and health file."""
    own = {
        "Name": "h7sim",
        "Description": "Simulated STM32H747",
        "Compatible": None,
        "HealthFile": folder / "bridge",
        "OpenOCDConfig": folder / "openocd.cfg",
    }
    lines = []
    for line in PORTENTA_X8.read_text(encoding="utf-8").splitlines():
        key = line.partition("=")[0]
        if key not in own:
            lines.append(line)
        elif own[key] is not None:
            lines.append(f"{key}={own[key]}")
    return "\n".join(lines) + "\n"


def write(folder):
    """Returns the profile's path."""
    folder = pathlib.Path(folder).resolve()
    (folder / "h7sim.conf").write_text(profile(folder), encoding="utf-8")
    (folder / "openocd.cfg").write_text(
        f"set H7SIM_SOCKET {{{folder / 'socket'}}}\nsource {{{OPENOCD_CONFIGURATION}}}\n",
        encoding="utf-8")
    return folder / "h7sim.conf"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(write(sys.argv[1]))
