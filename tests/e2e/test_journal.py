"""What an administrator finds in the journal, with the real journalctl and a real journald."""

import os
import re

import pytest

from harness import sketches
from harness.journal import JOURNALD, Journal
from harness.pushes import adb_push, adb_push_aborted, cp

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a /run of its own"),
    pytest.mark.skipif(not os.path.exists(JOURNALD), reason="no journald"),
]
AT_ERR = "--priority=err"


@pytest.fixture
def journal(bench):
    world = Journal(bench.folder)
    yield world
    world.discard()


@pytest.fixture
def daemon(bench, journal):
    return bench.start(prefix=journal.prefix)


def push(bench, upload):
    bench.push(adb_push, upload)
    return bench.wait_outcome()


def upload_all_kinds(bench):
    """Every result that an upload can have by itself, and failures of several kinds."""
    push(bench, sketches.good("one"))
    push(bench, sketches.good("one"))
    push(bench, sketches.not_elf("two"))
    bench.standin.fail_once("write-failed")
    push(bench, sketches.good("three", size=300_000))
    push(bench, sketches.never_starts("four"))
    bench.standin.set_mode("no-target")
    push(bench, sketches.good("five"))
    bench.push(adb_push_aborted, sketches.good("six", size=300_000))
    bench.wait_outcomes()
    bench.standin.set_mode("success")
    bench.standin.close_gate()
    bench.push(cp, sketches.good("seven"))
    bench.daemon.wait_quiet()
    bench.push(cp, sketches.good("eight"))
    bench.daemon.wait_quiet()
    bench.push(cp, sketches.good("nine"))
    bench.daemon.wait_quiet()
    bench.standin.open_gate()
    return bench.wait_outcomes()


def test_shows_just_the_failures_as_errors(bench, journal, daemon):
    outcomes = upload_all_kinds(bench)
    results = {outcome["result"] for outcome in outcomes}
    assert results == {"programmed", "unchanged", "rejected", "failed", "aborted", "superseded"}
    failed = [o for o in outcomes if o["result"] in ("rejected", "failed")]
    failures = [(str(o["id"]), o["code"]) for o in failed]
    shown = journal.entries(AT_ERR)
    assert [(e["M4FLASH_JOB"], e.get("M4FLASH_CODE")) for e in shown] == failures
    # Of OpenOCD's own errors nothing is lost.
    openocd = [e for e in journal.entries("--priority=warning") if "Error: " in e["MESSAGE"]]
    assert openocd and {e["PRIORITY"] for e in openocd} == {"4"}


def test_every_outcome_has_its_explanation(bench, journal, daemon):
    for outcome in upload_all_kinds(bench):
        entry = ["M4FLASH_JOB=" + str(outcome["id"]), "M4FLASH_RESULT=" + outcome["result"]]
        explained = journal.read("--catalog", *entry)
        assert "Subject: " in explained and "Defined-By: m4flash" in explained
        assert not re.search("@[A-Z]", explained)
        assert re.search(rf"░░.*[Uu]pload {outcome['id']}\b", explained)
        assert re.search("░░.*" + re.escape(outcome["hint"]), explained)


def test_a_chip_that_needs_help_is_an_alarm(bench, journal, daemon):
    bench.standin.set_mode("crash", release="no-target")
    outcome = push(bench, sketches.good("halts"))
    shown = journal.entries(AT_ERR)
    assert [(e["PRIORITY"], e.get("M4FLASH_CODE")) for e in shown] == [
        ("2", None), ("2", None), ("3", "openocd-crashed"),
    ]
    assert {e["M4FLASH_JOB"] for e in shown} == {str(outcome["id"])}
    explained = journal.read("--catalog", "--priority=crit")
    assert "Subject: The microcontroller may stand still" in explained
    assert "Subject: The M4 core has no sketch" in explained
    bench.standin.set_mode("success")


def test_a_service_that_cannot_start_says_why(bench, journal, daemon):
    second = bench.start(prefix=journal.prefix, expect_ready=False)
    assert second.wait_end() == 1
    bench.daemon = daemon
    shown = journal.entries(AT_ERR)
    assert "is in use by" in shown[0]["MESSAGE"]
    assert len({e["MESSAGE_ID"] for e in shown}) == 1
    explained = journal.read("--catalog", AT_ERR)
    assert "Subject: The service that programs sketches cannot run" in explained
