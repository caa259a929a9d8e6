"""README.md: its tables of codes are those of the programs, no more and no less."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]


def table(heading):
    """The first column of the table under a heading."""
    section = re.split(r"^#+ ", (TOP / "README.md").read_text(), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(heading))
    return re.findall(r"^\| `([a-z0-9-]+)` \|", text, flags=re.MULTILINE)


def codes(header, prefix, left_out):
    """The names of an enum's codes as people see them, in its order."""
    names = re.findall(rf"^    {prefix}_([A-Z0-9_]+),", (TOP / header).read_text(), flags=re.MULTILINE)
    return [name.lower().replace("_", "-") for name in names if name not in left_out]


def openocd_codes():
    names = codes("src/openocd/transcript.h", "OPENOCD", ["OK"])
    names = [name for name in names if not name.startswith(("stage-", "end-"))]
    renamed = {"missing": "openocd-missing", "crashed": "openocd-crashed"}
    return [renamed.get(name, name) for name in names]


@pytest.mark.parametrize(
    "heading, expected",
    [
        ("Rejected", codes("include/m4flash/sketch.h", "SKETCH", ["ACCEPTED"])),
        ("Failed", openocd_codes()),
    ],
)
def test_lists_every_code_once_in_the_programs_order(heading, expected):
    assert expected
    assert table(heading) == expected


def test_lists_every_result():
    names = codes("src/job/outcome.h", "RESULT", ["NONE"])
    assert names
    assert table("What the outcome means") == names
