#!/usr/bin/python3
"""Makes the seeds of the binary fuzz targets out of the corpus of sketches.
seeds.py MANIFEST FOLDER STAMP MAKE-SEEDS

FOLDER gets a folder for each target: elf, attributes, answer, unpack, signature. Text targets have theirs in
the source tree.
"""

import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

SIZE_MAX = 24 * 1024  # what is larger makes a fuzzer slow and teaches it nothing
SHT_ARM_ATTRIBUTES = 0x70000003

# As src/sketch/signature.h has it: a note with a key and a signature, and a key's file (RFC 8410).
NOTE = struct.pack("<2I4s8s", 8, 96, b"m4s1", b"m4flash\0") + bytes(range(96))
KEY = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def attribute_sections(elf):
    """The contents of the attribute sections that can be found at all."""
    if len(elf) < 52:
        return
    start, = struct.unpack_from("<I", elf, 32)
    for offset in range(start, min(len(elf) - 39, start + 40 * 64), 40) if start else ():
        kind, _, _, place, size = struct.unpack_from("<IIIII", elf, offset + 4)
        if kind == SHT_ARM_ATTRIBUTES and place + size <= len(elf):
            yield elf[place : place + size]


def write(folder, content):
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def main(manifest, folder, stamp, make_seeds):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    for target in ("elf", "attributes", "answer", "unpack", "signature"):
        (folder / target).mkdir(parents=True)
    with open(manifest, encoding="utf-8") as file:
        paths = [record["file"] for record in json.load(file)]
    small = [path for path in paths if os.path.getsize(path) <= SIZE_MAX]
    for path in small:
        content = pathlib.Path(path).read_bytes()
        write(folder / "elf", content)
        for number, more in enumerate((b"", NOTE, NOTE + b"\0", KEY)):
            write(folder / "signature", bytes([number * 5]) + content + more)
        for section in attribute_sections(content):
            write(folder / "attributes", section)
    write(folder / "signature", b"\0" + KEY)
    write(folder / "signature", b"\x0d" + NOTE)
    subprocess.run([make_seeds, folder / "answer", folder / "unpack", *small], check=True)
    pathlib.Path(stamp).touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
