"""units/m4flash.catalog: an explanation of every MESSAGE_ID that the daemon sends, and of no other,
judged by systemd's own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
CATALOG = TOP / "units/m4flash.catalog"
HEAD = r"^-- ([0-9a-f]{32})\n((?:[A-Z].*: .*\n)+)\n"
ENTRY = re.compile(HEAD + r"((?:(?!-- ).*\n)*)", flags=re.MULTILINE)

pytestmark = pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl")


def message_ids(source):
    return re.findall(r'"([0-9a-f]{32})"', (TOP / source).read_text())


def fields_of(source):
    """Those of its entries' fields that systemd fills in: it knows no digits."""
    return set(re.findall(r'"([A-Z_]+)=', (TOP / source).read_text()))


OUTCOMES = message_ids("src/job/outcome.c")
ALARMS = message_ids("src/job/alarm.c")


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """{id: (head, text)}, as journalctl has understood the catalog."""
    root = tmp_path_factory.mktemp("root")
    folder = root / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    shutil.copy(CATALOG, folder)
    done = journalctl(root, "--update-catalog")
    assert (done.returncode, done.stderr) == (0, "")
    dump = journalctl(root, "--dump-catalog").stdout
    return {
        identifier: (dict(line.split(": ", 1) for line in head.splitlines()), text)
        for identifier, head, text in ENTRY.findall(dump)
    }


def journalctl(root, action):
    return subprocess.run(
        ["journalctl", f"--root={root}", action], capture_output=True, text=True, check=False
    )


def test_every_id_is_one_of_its_own():
    assert OUTCOMES and ALARMS
    assert len(set(OUTCOMES + ALARMS)) == len(OUTCOMES + ALARMS)


def test_explains_every_id_and_no_other(entries):
    assert sorted(entries) == sorted(OUTCOMES + ALARMS)


def test_says_who_says_so_and_where_to_read_on(entries):
    pages = set()
    for head, text in entries.values():
        assert list(head) == ["Subject", "Defined-By", "Documentation"]
        assert head["Defined-By"] == "m4flash"
        assert text.strip()
        pages.add(head["Documentation"])
    assert pages == {"man:m4flash(1)", "man:m4flashd(8)"}


def test_speaks_of_fields_that_are_there(entries):
    for identifiers, source in [(OUTCOMES, "src/job/report.c"), (ALARMS, "src/job/alarm.c")]:
        fields = fields_of(source)
        assert "FLASHER_JOB" in fields
        for identifier in identifiers:
            head, text = entries[identifier]
            assert set(re.findall(r"@([A-Z0-9_]+)@", head["Subject"] + text)) <= fields


def test_lines_fit_a_terminal():
    for line in CATALOG.read_text().splitlines():
        assert len(line) <= 100, line


def test_nothing_else_is_an_error():
    """`journalctl -p err` shows the failures: who logs at that level does so by one of the tables.
    (What the transcript calls an error is OpenOCD's word for it, and logged as a warning.)"""
    levels = r"\bLOG_(EMERG|ALERT|CRIT|ERR)\b"
    found = {
        str(path.relative_to(TOP))
        for path in (TOP / "src").rglob("*.c")
        if re.search(levels, path.read_text())
    }
    assert found == {"src/job/outcome.c", "src/job/alarm.c", "src/openocd/transcript.c"}
