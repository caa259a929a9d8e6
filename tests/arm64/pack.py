#!/usr/bin/python3
"""Puts unit tests into the folder that is laid over the system's root, with what they need, and
prints how each is run there: a line a test, its name and the command.

usage: pack.py LABEL BUILD-FOLDER OVERLAY TEST...
"""

import json
import pathlib
import shlex
import shutil
import subprocess
import sys

PLACE = "/srv/m4flash"  # where the clone is in the system
SOURCE = pathlib.Path(__file__).resolve().parents[2]


def put(word, overlay):
    """A word of a command: what is a file of the clone's is put there, and named by its place."""
    path = pathlib.Path(word)
    if not path.is_absolute() or not path.is_relative_to(SOURCE):
        return word
    place = f"{PLACE}/{path.relative_to(SOURCE)}"
    target = pathlib.Path(overlay + place)
    if path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return place


def main(label, build, overlay, *names):
    done = subprocess.run(["meson", "introspect", "--tests", build], check=True,
                          stdout=subprocess.PIPE, text=True)
    tests = {test["name"]: test for test in json.loads(done.stdout)}
    for name in names:
        test = tests[name]
        command = ["timeout", "300", "env"]
        command += [f"{key}={put(value, overlay)}" for key, value in test["env"].items()]
        command += [put(word, overlay) for word in test["cmd"]]
        print(f"{label}/{name}", *command)
        assert shlex.join(command) == " ".join(command), "the guest splits it at blanks"


if __name__ == "__main__":
    main(*sys.argv[1:])
