"""Sketches as compilers make them (tests/sketches): what is accepted is programmed as objcopy has
it, and what is not, the daemon rejects with the code that it has in the corpus.
"""

import json
import os
import subprocess

import pytest

from harness import sketches
from harness.pushes import adb_push

CORPUS_PATH = os.environ["M4FLASH_CORPUS"]
with open(CORPUS_PATH, encoding="utf-8") as manifest:
    CORPUS = json.load(manifest)
# Paths in it are relative to the build folder.
BUILD_FOLDER = CORPUS_PATH.removesuffix("tests/sketches/corpus.json")
COMPILED = [r for r in CORPUS if r["code"] == "accepted" and r["base"] + ".elf" in r["file"]]
ONE_OF_EACH_CODE = {r["code"]: r for r in reversed(CORPUS) if r["code"] != "accepted"}


def content(record):
    with open(os.path.join(BUILD_FOLDER, record["file"]), "rb") as file:
        return file.read()


def objcopy(record, folder):
    """The flash image of a sketch, by other people's means."""
    image = os.path.join(folder, "image.bin")
    subprocess.run(
        ["arm-none-eabi-objcopy", "-O", "binary", "--gap-fill", "0xff",
         os.path.join(BUILD_FOLDER, record["file"]), image],
        check=True,
    )
    with open(image, "rb") as file:
        return file.read()


@pytest.mark.parametrize("record", COMPILED, ids=lambda record: record["base"])
def test_compiled_sketch_is_programmed_as_objcopy_has_it(bench, daemon, record):
    # objcopy goes by section headers; bare sketches have none, so their plain brothers serve.
    brother = dict(record, file=record["file"].replace("-bare", "-plain"))
    upload = sketches.Upload(content(record), objcopy(brother, bench.folder))
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert outcome["result"] == "programmed", outcome
    assert outcome["image_sha256"] == upload.image_sha256
    bench.check_programmed(upload)


@pytest.mark.parametrize("code", ONE_OF_EACH_CODE)
def test_rejected_with_its_code(bench, daemon, code):
    upload = sketches.Upload(content(ONE_OF_EACH_CODE[code]), code=code)
    bench.push(adb_push, upload)
    outcome = bench.wait_outcome()
    assert (outcome["result"], outcome["code"]) == ("rejected", code)
    assert outcome["sha256"] == upload.sha256
    assert bench.standin.runs() == []
