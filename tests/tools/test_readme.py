"""README.md: its tables of codes say what the programs say, no more and no less."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
STRING = r'"(?:[^"\\]|\\.)*"'


def table(heading):
    """The rows of the table under a heading, each as a tuple; the first column without its ticks."""
    sections = re.split(r"^#+ ", (TOP / "README.md").read_text(), flags=re.MULTILINE)
    text = next(section for section in sections if section.startswith(heading))
    rows = re.findall(r"^\| `(.+?)` \|(.*)\|$", text, flags=re.MULTILINE)
    return [(name, *(cell.strip() for cell in rest.split("|"))) for name, rest in rows]


def texts(source, left_out):
    """The rows of a table {"name", "sentence", "hint"} in C, in their order."""
    entry = re.compile(rf"=\s*\{{((?:\s*{STRING}\s*,?)+)\}}")
    rows = []
    for match in entry.finditer((TOP / source).read_text()):
        row = [""]
        for token in re.findall(rf"{STRING}|,", match[1]):
            if token == ",":
                row.append("")
            else:
                row[-1] += token[1:-1]
        if row[0] not in left_out:
            rows.append(tuple(row))
    return rows


@pytest.mark.parametrize(
    "heading, source, left_out",
    [
        ("Rejected", "src/sketch/code.c", ["accepted"]),
        ("Failed", "src/openocd/code.c", ["ok"]),
    ],
)
def test_says_of_every_code_what_the_programs_say(heading, source, left_out):
    expected = texts(source, left_out)
    assert expected
    assert table(heading) == expected


def test_names_every_result():
    names = re.findall(r"^    RESULT_([A-Z]+),", (TOP / "src/job/outcome.h").read_text(), flags=re.MULTILINE)
    assert names
    assert [row[0] for row in table("What the outcome means")] == [n.lower() for n in names if n != "NONE"]
