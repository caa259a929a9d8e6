"""scripts/lib/tally: what it counts, and that no bad end of a test program goes uncounted."""

import json
import subprocess
from pathlib import Path

import pytest

TALLY = Path(__file__).parents[2] / "scripts" / "lib" / "tally"


@pytest.fixture
def tally(tmp_path):
    """Runs tally on test programs, each given as it stands in Meson's log."""

    def run(*programs):
        log = tmp_path / "testlog.json"
        log.write_text("".join(json.dumps({"name": "prog", "returncode": 0, **p}) + "\n" for p in programs))
        done = subprocess.run([TALLY, f"gcc={log}"], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout.splitlines()

    return run


def tap(text, result="OK", status=0):
    return {"stdout": text, "result": result, "returncode": status}


def test_counts_cases_not_programs(tally):
    status, lines = tally(tap("1..2\nok 1 - a\nok 2 - b\n"), {"stdout": "fine", "result": "OK"})
    assert (status, lines) == (0, ["3 passed, 0 failed, 0 skipped"])


def test_names_what_failed_and_where_to_read_more(tally):
    status, lines = tally(tap("1..2\nok 1 - a\nnot ok 2 - b\n", "FAIL", 1))
    assert status == 1
    assert "gcc: prog: b" in lines[0] and "testlog.txt" in lines[1]
    assert lines[-1] == "1 passed, 1 failed, 0 skipped"


def test_gives_the_reason_of_a_skip(tally):
    status, lines = tally(tap("1..2\nok 1 - a\nok 2 - b # SKIP no adb\n"))
    assert (status, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "no adb" in lines[0]


def test_a_program_may_skip_as_a_whole(tally):
    _, lines = tally(tap("1..1\nok 1 - a\n"), tap("1..0 # SKIP not root\n", "SKIP"), tap("no bus\n", "SKIP", 77))
    assert lines[-1] == "1 passed, 0 failed, 2 skipped"
    assert "not root" in lines[0] and "no bus" in lines[1]


@pytest.mark.parametrize(
    "program",
    [
        tap("1..3\nok 1 - a\n", "ERROR", -11),  # crashed on the way
        tap("1..1\nok 1 - a\n", "ERROR", -6),  # crashed after its last case
        tap("1..3\nok 1 - a\n"),  # stopped early, without a word
        tap("1..3\n", "SKIP"),  # what Meson takes for a skip
        tap("", "SKIP"),
        tap("1..1\nok 1 - a\nok 2 - b\n"),  # more than planned
        tap("1..2\nok 1 - a\nBail out! lost the chip\n", "ERROR", 1),
        tap("1..2\nok 1 - a\n", "TIMEOUT", -15),
        tap("", "TIMEOUT", -15),
        tap("", "FAIL", 1),
    ],
)
def test_every_bad_end_is_one_failure(tally, program):
    status, lines = tally(tap("1..1\nok 1 - good\n"), program)
    assert status == 1
    assert ", 1 failed, " in lines[-1]


def test_an_expected_failure_is_no_failure_but_an_unexpected_success_is(tally):
    _, lines = tally(tap("1..2\nnot ok 1 - a # TODO later\nok 2 - b # TODO done\n"))
    assert lines[-1] == "0 passed, 1 failed, 1 skipped"


@pytest.mark.parametrize("content", [None, "not json\n", "{}\n"])
def test_a_log_that_cannot_be_read_is_a_failure(tmp_path, content):
    log = tmp_path / "testlog.json"
    if content is not None:
        log.write_text(content)
    done = subprocess.run([TALLY, f"gcc={log}"], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_nothing_at_all_is_no_success(tally):
    assert tally() == (1, ["0 passed, 0 failed, 0 skipped"])
