"""What the journal has, beside what the manual page says that it has; and systemd's own judgement of
the installed unit.
"""

import ctypes
import re
from pathlib import Path

import pytest
from machine import UNIT

from harness import sketches
from harness.pushes import adb_push

TOP = Path(__file__).parents[2]
GOOD, BAD = sketches.good("journal"), sketches.for_the_m7("journal")
NOTICE, ERR = "5", "3"
LANDLOCK_CREATE_RULESET = 444  # the same number for every architecture
OF_SYSTEMD = re.compile(r"_.*|CODE_.*|SYSLOG_.*|TID")


@pytest.fixture(scope="module")
def told(make_machine):
    """A machine on which an upload was programmed, then one rejected, then one failed."""
    machine = make_machine()
    try:
        machine.boot()
        machine.wait_active()
        for number, upload in enumerate([GOOD, BAD, sketches.good("failed")], start=1):
            if number == 3:
                machine.chip.faults("erase-fail:0")
            machine.push(adb_push, upload)
            machine.wait_outcomes(number)
        yield machine
    finally:
        machine.discard()


def outcomes(told, *options):
    return [entry for entry in told.journal(*options) if "M4FLASH_RESULT" in entry]


def documented_fields():
    text = (TOP / "units/man/m4flashd.8.scd").read_text(encoding="utf-8")
    section = text.split("## Fields of an outcome")[1].split("\n# ")[0]
    names = re.findall(r"\*([A-Z0-9_]+)\*", section.replace("\\_", "_"))
    return {"MESSAGE", "PRIORITY", "MESSAGE_ID", *names}


def test_outcomes_have_the_documented_fields(told):
    fields = documented_fields()
    assert len(fields) == 16
    for entry in outcomes(told):
        assert {name for name in entry if not OF_SYSTEMD.fullmatch(name)} - {"INVOCATION_ID"} == fields


def test_fields_say_what_the_history_says(told):
    for entry, outcome in zip(outcomes(told), told.wait_outcomes(3), strict=True):
        assert entry["M4FLASH_JOB"] == entry["FLASHER_JOB"] == str(outcome["id"])
        assert entry["M4FLASH_RESULT"] == outcome["result"]
        assert entry["M4FLASH_CODE"] == entry["FLASHER_CODE"] == outcome["code"]
        assert entry["M4FLASH_HINT"] == entry["FLASHER_HINT"] == outcome["hint"]
        assert entry["M4FLASH_SHA256"] == outcome["sha256"]
        assert entry["M4FLASH_IMAGE_SHA256"] == outcome["image_sha256"]
        assert entry["M4FLASH_BYTES"] == str(outcome["bytes"])
        assert entry["_SYSTEMD_UNIT"] == UNIT


def test_priorities(told):
    """`-p err` has just the failures."""
    assert [(entry["M4FLASH_RESULT"], entry["PRIORITY"]) for entry in outcomes(told)] == [
        ("programmed", NOTICE), ("rejected", ERR), ("failed", ERR)]
    failures = [entry["M4FLASH_RESULT"] for entry in outcomes(told, "--priority=err")]
    assert failures == ["rejected", "failed"]


def test_all_about_one_job(told):
    """As the manual page says: OpenOCD's lines among them, and nobody else's."""
    lines = told.journal("M4FLASH_JOB=1")
    assert {entry["M4FLASH_JOB"] for entry in lines} == {"1"}
    assert any(entry["MESSAGE"].startswith("openocd: ") for entry in lines)
    log = told.run("m4flash", "log", "1")
    assert all(entry["MESSAGE"].removeprefix("openocd: ") in log for entry in lines), log


def test_each_failure_is_explained(told):
    text = told.run("journalctl", "--no-pager", "--catalog", f"--unit={UNIT}", "--priority=err")
    assert "Subject: A sketch was rejected: protected-flash" in text
    assert "The file of upload 2 could not run on the M4 core" in text
    assert "Subject: A sketch could not be programmed: erase-failed" in text
    assert "journalctl -u monitor-m4-elf-file M4FLASH_JOB=3" in text
    for outcome in told.wait_outcomes(3)[1:]:
        assert f"What to do: {outcome['hint']}" in text


def test_catalog_has_every_entry(told):
    """As systemd compiled it, not as it stands in the source."""
    source = (TOP / "units/m4flash.catalog").read_text(encoding="utf-8")
    for message_id, subject in re.findall(r"^-- (\w{32})\nSubject: (.*)$", source, re.M):
        assert f"-- {message_id}\nSubject: {subject}\n" in told.run(
            "journalctl", "--dump-catalog", message_id)


# ---- The unit ---------------------------------------------------------------------------------------


def test_nothing_is_wrong_with_the_installed_unit(told):
    """Without its manual pages: man is not installed there."""
    assert told.run("systemd-analyze", "verify", "--man=no", UNIT) == ""


def test_exposure_is_the_documented_one(told):
    told.run("systemd-analyze", "security", "--threshold=20", UNIT)


def test_documentation_is_where_the_unit_says(told):
    pages = {path.name for path in (told.disk.root / "usr/share/man").glob("man*/*")}
    for where in told.show("Documentation").replace('"', "").split():
        kind, _, name = where.partition(":")
        if kind == "man":
            page, section = re.fullmatch(r"(.*)\((\d)\)", name).groups()
            assert {f"{page}.{section}", f"{page}.{section}.gz"} & pages, where
        else:
            assert told.path(name.removeprefix("//")).exists(), where


def kernel_has_landlock():
    version = ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)
    return version > 0


@pytest.mark.skipif(not kernel_has_landlock(), reason="this kernel has no Landlock")
def test_checker_is_in_its_whole_cage(told):
    """nspawn forbids it nothing here, so it does without nothing."""
    assert [entry["MESSAGE"] for entry in told.journal() if "does without" in entry["MESSAGE"]] == []
