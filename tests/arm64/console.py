#!/usr/bin/python3
"""What the booted system told on its console (guest has the form), as lines of Meson's log, which
scripts/lib/tally reads. A program of which no plan of its cases or no end is told has failed.

usage: console.py CONSOLE PROGRAM...
"""

import json
import re
import sys

LINE = re.compile(r"@(\S+) (.*)")
EXIT = re.compile(r"exit (\d+)")
PLAN = re.compile(r"1\.\.[1-9]\d*")


def read(path, programs):
    """{program: (its lines, its exit status or None)}"""
    found = {name: ([], None) for name in programs}
    with open(path, encoding="utf-8", errors="replace") as console:
        for match in filter(None, map(LINE.match, console)):
            lines, status = found.get(match[1], ([], None))
            text = match[2].rstrip()
            if end := EXIT.fullmatch(text):
                status = int(end[1])
            else:
                lines.append(text)
            found[match[1]] = lines, status
    return found


def main(path, *programs):
    for name, (lines, status) in read(path, programs).items():
        print(json.dumps({
            "name": name,
            "result": "OK" if status == 0 and any(map(PLAN.fullmatch, lines)) else "ERROR",
            "returncode": status,
            "stdout": "\n".join(lines) + "\n",
            "log": path,
        }))


if __name__ == "__main__":
    main(*sys.argv[1:])
