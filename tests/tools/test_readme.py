"""README.md: its tables of codes say what the programs say, no more and no less."""

import os
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

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


def test_names_every_command():
    text = subprocess.check_output([os.environ["M4FLASH_COMMAND"], "--help"], text=True)
    listed = re.findall(r"^  ([a-z]+) +(.*)$", text.split("Commands:\n")[1], flags=re.MULTILINE)
    assert listed
    assert table("Upload a sketch") == listed


def test_names_every_script():
    scripts = {f"scripts/{path.name}" for path in (TOP / "scripts").iterdir() if path.is_file()}
    text = (TOP / "README.md").read_text()
    named = re.findall(r"^    (scripts/\w+)(?: \d+)? +# ", text, flags=re.MULTILINE)
    assert set(named) == scripts


def test_names_every_layer_in_its_order():
    layers = re.findall(r"^subdir\('(\w+)'\)", (TOP / "src/meson.build").read_text(), flags=re.M)
    named = re.findall(r"^    src/(\w+)/ ", (TOP / "README.md").read_text(), flags=re.M)
    assert named == layers


def test_names_every_kind_of_test():
    text = (TOP / "README.md").read_text().split("tests/unit/")[1]
    for folder in (TOP / "tests").glob("*/meson.build"):
        assert re.search(rf"\b{folder.parent.name}/", f"unit/ {text}"), folder.parent.name


def test_names_every_member_on_the_bus():
    interface = ElementTree.parse(TOP / "units/org.m4flash.Flasher1.xml").find("interface")
    signatures = set()
    for member in interface:
        arguments = [(a.get("direction", "in"), a.get("type")) for a in member.findall("arg")]
        taken = ", ".join(kind for direction, kind in arguments if direction == "in")
        given = ", ".join(kind for direction, kind in arguments if direction == "out")
        call = f"({taken})" + (f" -> {given}" if given else "")
        signatures.add(member.get("name") + ("" if member.tag == "property" else call))
    named = {name for row in table("D-Bus") for name in row[0].split("`, `")}
    assert named == signatures
