"""m4flash log: the journal of one job, from real journal files, written by systemd's own tool."""

import os
import subprocess

import pytest

from harness.command import run
from harness.waiting import LIMIT

UNIT = "monitor-m4-elf-file.service"
WRITER = "/lib/systemd/systemd-journal-remote"
START = 1_763_719_872_123_456  # 2025-11-21T10:11:12.123456Z
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def write(path, entries):
    """Entries are (job or None, message, more fields), a second apart."""
    export = b""
    for number, (job, message, *more) in enumerate(entries):
        fields = {
            "__REALTIME_TIMESTAMP": START + number * 1_000_000,
            "__MONOTONIC_TIMESTAMP": 1_000_000 + number * 1_000_000,
            "_BOOT_ID": "0123456789abcdef0123456789abcdef",
            "_SYSTEMD_UNIT": UNIT, "PRIORITY": 6} | (more[0] if more else {})
        if job is not None:
            fields["M4FLASH_JOB"] = job
        for name, value in fields.items():
            export += f"{name}={value}\n".encode()
        data = message if isinstance(message, bytes) else message.encode()
        export += b"MESSAGE\n" + len(data).to_bytes(8, "little") + data + b"\n\n"
    subprocess.run([WRITER, f"--output={path}", "-"], input=export, check=True, timeout=LIMIT,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def journal(bench):
    """Writes the journal, and shows what is in it."""
    folder = bench.make_folder("journal")

    def show(entries, *arguments, status=0):
        write(os.path.join(folder, "system.journal"), entries)
        found, command = run(bench, "log", "--directory", folder, *arguments, env={"TZ": "UTC"})
        assert found == status, command.said()
        return command

    return show


JOBS = [
    (None, "Ready: watching /tmp/arduino for m4-user-sketch.elf (board portenta-x8)."),
    (1, "Job 1: accepted: 952 bytes in 1 sector"),
    (1, "openocd: Info : only one transport option"),
    (2, "Job 2: accepted: 1024 bytes in 1 sector"),
    (1, "Job 1: programmed: 952 bytes in 1 sector", {"PRIORITY": 5}),
    (2, "Job 2: connect"),
    (None, "Stopping (Terminated)."),
]


def test_one_job(journal):
    assert journal(JOBS, "1").out == [
        "2025-11-21 10:11:13 Job 1: accepted: 952 bytes in 1 sector",
        "2025-11-21 10:11:14 openocd: Info : only one transport option",
        "2025-11-21 10:11:16 Job 1: programmed: 952 bytes in 1 sector"]


def test_newest_job(journal):
    assert journal(JOBS).out == [
        "2025-11-21 10:11:15 Job 2: accepted: 1024 bytes in 1 sector",
        "2025-11-21 10:11:17 Job 2: connect"]


def test_json(journal):
    told = journal(JOBS, "1", "--json").objects()
    assert [entry["message"] for entry in told] == [m for job, m, *_ in JOBS if job == 1]
    assert told[2] == {
        "id": 1, "time": "2025-11-21T10:11:16.123456Z", "priority": 5,
        "message": "Job 1: programmed: 952 bytes in 1 sector"}


def test_lines_of_others(journal):
    """Anybody can write to the journal with that field; only the service's lines count."""
    forged = (1, "Job 1: all is well", {"_SYSTEMD_UNIT": "session-1.scope"})
    newer = (77, "Job 77: what a job", {"_SYSTEMD_UNIT": "user@1000.service"})
    assert len(journal([*JOBS, forged, newer], "1").out) == 3
    assert "Job 2: " in journal([*JOBS, forged, newer]).out[0]


def test_hostile_text(journal):
    """It cannot move the cursor, nor break the JSON."""
    lines = [(1, b"\x1b[2J \xff \"quoted\" \\ two\nlines"), (1, "Grüße")]
    assert journal(lines).out == [
        r'2025-11-21 10:11:12 \x1b[2J \xff "quoted" \\ two\x0alines', "2025-11-21 10:11:13 Grüße"]


def test_hostile_text_as_json(journal):
    first, second = journal([(1, b"\x1b[2J \xff \"quoted\""), (1, "Grüße")], "--json").objects()
    assert (first["message"], second["message"]) == (r'\x1b[2J \xff "quoted"', "Grüße")


def test_nothing_about_it(journal):
    command = journal(JOBS, "3", status=1)
    assert (command.out, command.err[0]) == ([], "m4flash: the journal has nothing about job 3")


def test_nothing_at_all(journal):
    command = journal(JOBS[:1], status=1)
    assert (command.out, command.err[0]) == ([], "m4flash: the journal has nothing about any job")


def test_no_folder(bench):
    status, command = run(bench, "log", "--directory", "/nowhere")
    assert (status, command.err) == (2, ["m4flash: /nowhere: No such file or directory"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("who, status", [([], 0), (NOBODY, 2)], ids=["root", "nobody"])
def test_permission(bench, who, status):
    """The system's own journal, in a file system where it is in the usual place."""
    path = os.path.join(bench.folder, "system.journal")
    write(path, JOBS)
    os.chmod(bench.folder, 0o755)
    script = f"""
        mount -t tmpfs -o mode=755 tmpfs /var/log && mount -t tmpfs -o mode=755 tmpfs /run &&
        folder=/var/log/journal/0123456789abcdef0123456789abcdef && mkdir -p $folder &&
        cp {path} $folder/ && chmod 640 $folder/system.journal &&
        echo 0123456789abcdef0123456789abcdef >/run/machine-id &&
        mount --bind /run/machine-id /etc/machine-id && exec "$@" """
    prefix = ["unshare", "-m", "sh", "-c", script, "sh", *who]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mounts of one's own here")
    found, command = run(bench, "log", "1", prefix=prefix)
    assert found == status, command.said()
    if status == 0:
        assert len(command.out) == 3
    else:
        assert command.err == [
            "m4flash: the journal may not be read",
            "  Try again with sudo, or become a member of the group systemd-journal."]


@pytest.mark.parametrize("arguments, reason", [
    (["0"], "a job's number is needed"), (["1", "2"], "an argument too many"),
    (["--nonsense"], "unrecognized option")])
def test_usage(bench, arguments, reason):
    status, command = run(bench, "log", *arguments)
    assert (status, command.out) == (2, [])
    assert reason in command.err[0]
