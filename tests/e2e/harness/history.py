"""Reads history.jsonl as a stranger would: every line must be a whole, well-formed entry."""

import json
import re
from datetime import datetime

KEYS = {
    "id": int, "time": str, "result": str, "code": str, "message": str, "hint": str,
    "healthy": bool,  # only if programmed or recovered
    "restored": bool,  # only if failed
    "sha256": str, "image_sha256": str, "bytes": int, "duration_ms": int, "file": str,
}
LENGTH_MAX = 1000
DIGEST = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FILE = re.compile(r"(\d+:\d+:\d+:\d+)?")
CODES = {
    "programmed": {"ok", "no-health"},
    "recovered": {"ok", "no-health"},
    "unchanged": {"ok", "no-health"},
    "superseded": {"superseded"},
    "aborted": {"deleted", "stopped", "hook-failed", "cancelled"},
    "failed": {
        "openocd-missing", "openocd-crashed", "no-adapter", "no-target", "halt-timeout",
        "erase-failed", "write-failed", "verify-failed", "timeout", "internal", "interrupted",
        "rate-limited",
    },
    "rejected": {
        "not-regular", "unreadable", "empty", "too-large", "owner", "not-elf", "elf-class", "elf-endian",
        "truncated", "elf-machine", "elf-type", "elf-corrupt", "no-code", "protected-flash",
        "ram-load", "outside-flash", "image-too-big", "overlap", "no-vector-table",
        "stack-pointer", "reset-vector", "entry-point", "wrong-core", "ram-overflow",
        "signature",
    },
}
# Of what could not be copied nobody knows a digest; nor of what no checker has judged, if it was
# read while the next one came.
UNDIGESTED = {"not-regular", "unreadable", "too-large", "owner", "elf-corrupt"}


def read(path):
    """All entries, oldest first; a missing file is an empty history."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return []
    assert data == b"" or data.endswith(b"\n"), f"half-written: …{data[-200:]!r}"
    entries = [json.loads(line) for line in data.splitlines()]
    assert len(entries) <= LENGTH_MAX
    for entry in entries:
        check(entry)
    ids = [entry["id"] for entry in entries]
    assert len(set(ids)) == len(ids), f"an id twice in {ids}"
    return entries


def fill(path):
    """As many entries as are kept, of uploads long gone."""
    line = (
        '{"id":%d,"time":"2026-01-01T00:00:00.000Z","result":"superseded","code":"superseded",'
        '"message":"A newer upload took its place.","hint":"","sha256":"","image_sha256":"",'
        '"bytes":0,"duration_ms":0,"file":"%d:1:1:1"}\n'
    )
    with open(path, "w", encoding="ascii") as file:
        file.writelines(line % (number, number) for number in range(1, LENGTH_MAX + 1))


def check(entry):
    programmed = entry["result"] in ("programmed", "recovered", "unchanged")
    absent = {"healthy": not programmed, "restored": entry["result"] != "failed"}
    keys = [key for key in KEYS if not absent.get(key)]
    assert list(entry) == keys, entry
    assert all(type(entry[key]) is KEYS[key] for key in keys), entry
    assert not programmed or entry["healthy"] == (entry["code"] == "ok"), entry
    assert entry["id"] > 0 and entry["bytes"] >= 0 and entry["duration_ms"] >= 0, entry
    assert TIME.fullmatch(entry["time"]), entry
    datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
    assert entry["code"] in CODES[entry["result"]], entry
    assert entry["message"] and "\n" not in entry["message"] + entry["hint"], entry
    assert FILE.fullmatch(entry["file"]), entry
    for key in ("sha256", "image_sha256"):
        assert entry[key] == "" or DIGEST.fullmatch(entry[key]), entry
    # Of what was interrupted too often there may be nothing left to tell them from, and a checker
    # that failed may have told neither.
    untold = entry["code"] in ("interrupted", "internal")
    if programmed or entry["result"] == "failed" and not untold:
        assert entry["sha256"] and entry["image_sha256"], entry
    if entry["result"] == "rejected" and entry["code"] not in UNDIGESTED:
        assert entry["sha256"], entry
    if entry["result"] == "rejected":
        assert entry["image_sha256"] == "" and entry["hint"], entry
