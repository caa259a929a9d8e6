#!/usr/bin/python3
"""Makes the corpus: files that m4flash must reject or accept, each from a test sketch by changes
that are written down. corpus.py SKETCHES FOLDER MANIFEST

The manifest is a JSON array of objects: file (its path), base (the sketch it was made from), change
(what was done), code (the verdict); for an accepted one image_size and image_sha256 of what
`objcopy -O binary --gap-fill 0xFF` makes of it; and for one that was only cut needed_size, what it
had before.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it is

from cases import ACCEPTED
from cases_core import CORE_CASES
from cases_flash import FLASH_CASES
from cases_headers import HEADERS
from elf import Elf
from variants import VARIANTS

CASES = HEADERS + FLASH_CASES + CORE_CASES

# What has no sections for objcopy to read is the same build as another that has them.
BARE = {"blink-bare": "blink-stripped", "pulse-bare": "pulse-stripped"}


def objcopy(path):
    with tempfile.NamedTemporaryFile(prefix="image-") as image:
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "--gap-fill", "0xFF", path,
                        image.name], check=True)
        return image.read()


class Corpus:
    def __init__(self, sketches, folder):
        self.sketches, self.folder = sketches, folder
        self.bases, self.records = {}, []

    def sketch(self, name):
        return os.path.join(self.sketches, name + ".elf")

    def base(self, name):
        if name not in self.bases:
            with open(self.sketch(name), "rb") as file:
                self.bases[name] = file.read()
        return self.bases[name]

    def record(self, path, base, change, code, image_of):
        record = {"file": path, "base": base, "change": change, "code": code}
        if code == ACCEPTED:
            image = objcopy(image_of)
            record["image_size"] = len(image)
            record["image_sha256"] = hashlib.sha256(image).hexdigest()
        self.records.append(record)

    def add_sketch(self, variant):
        path = self.sketch(variant.name)
        image_of = self.sketch(BARE.get(variant.name, variant.name))
        self.record(path, variant.name, variant.about, variant.code, image_of)

    def add_case(self, case):
        content, change = self.make(case)
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{case.code} {case.base} {change}")[:120].strip("-")
        path = os.path.join(self.folder, name + ".elf")
        if os.path.exists(path):
            raise ValueError(f"two cases are called {name}")
        with open(path, "wb") as file:
            file.write(content)
        self.record(path, case.base, change, case.code,
                    self.sketch(case.image_of) if case.image_of else path)
        if self.is_cut(content, self.base(case.base)):
            self.records[-1]["needed_size"] = len(self.base(case.base))

    @staticmethod
    def is_cut(content, base):
        """Behind its program headers: before, a file may not know how long it should be."""
        start = Elf(base).segment_headers_end
        return start <= len(content) < len(base) and base.startswith(content)

    def make(self, case):
        if case.content:
            return case.content(self.base(case.base)), case.about
        elf = Elf(self.base(case.base))
        change = "; ".join([change(elf) for change in case.changes])
        return bytes(elf), change


def main(sketches, folder, manifest):
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    corpus = Corpus(os.path.abspath(sketches), os.path.abspath(folder))
    for variant in VARIANTS.values():
        corpus.add_sketch(variant)
    for case in CASES:
        corpus.add_case(case)
    with open(manifest, "w", encoding="utf-8") as file:
        json.dump(corpus.records, file, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
