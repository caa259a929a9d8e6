"""Two opinions on the corpus and on a few thousand mutants of it; compare.py does more by hand."""

import hashlib
import json
import os
import pathlib
import re

import pytest
from compare import NOT_JUDGED_HERE, Comparison, Difference, ask_the_checker, as_answer, board

import opinion

MUTANTS = 5000
OBJCOPIES = 60
OPENOCDS = 4

with open(os.environ["CORPUS"], encoding="utf-8") as manifest:
    CORPUS = json.load(manifest)


@pytest.fixture(scope="module")
def comparison():
    done = Comparison(openocd=OPENOCDS, objcopies=OBJCOPIES)
    done.run(0, MUTANTS)
    return done


def test_mutants(comparison):
    assert comparison.codes.total() == MUTANTS


def test_mutants_have_every_code(comparison):
    """Otherwise a rule was not compared."""
    names = set(codes()) - NOT_JUDGED_HERE
    assert set(comparison.codes) == names
    assert comparison.codes["accepted"] > MUTANTS // 10


def codes():
    """The names that the enum in include/m4flash/sketch.h gives."""
    with open(os.environ["SKETCH_H"], encoding="utf-8") as header:
        enum = header.read().split("enum sketch_code {")[1].split("};")[0]
    names = re.findall(r"^ {4}SKETCH_(\w+),", enum, re.MULTILINE)
    return [name.lower().replace("_", "-") for name in names]


def test_images_are_objcopys(comparison):
    assert comparison.objcopies.total() == OBJCOPIES
    assert len(comparison.objcopies) == 2, "files of both kinds"


def test_images_are_openocds(comparison):
    assert comparison.flashed == OPENOCDS


def test_corpus():
    """What the cases were written to be, and what the checker says."""
    for record in CORPUS:
        file = pathlib.Path(record["file"]).read_bytes()
        said = opinion.judge(file, board())
        assert said.code == record["code"], record["change"]
        assert [as_answer(said)] == ask_the_checker([file]), record["change"]
        if said.code == "accepted":
            assert hashlib.sha256(said.image).hexdigest() == record["image_sha256"]


def test_a_difference_is_noticed(monkeypatch):
    monkeypatch.setattr(opinion, "stack_is_wrong", lambda pointer, of: pointer % 16 != 0)
    with pytest.raises(Difference):
        Comparison().run(0, MUTANTS)
