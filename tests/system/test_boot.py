"""From power-on to the first outcome, with all that systemd does in between."""

import pytest
from machine import UNIT, UPLOAD

from harness import sketches
from harness.pushes import adb_push

SKETCH = sketches.good("boot")

# As an image does that brings a sketch along: it is in the inbox before the service starts.
UPLOADER = f"""[Unit]
After=systemd-tmpfiles-setup.service
Before={UNIT}
[Service]
Type=oneshot
ExecStart=/bin/cp /opt/sketch.elf {UPLOAD}
[Install]
WantedBy=multi-user.target
"""


def test_waits_for_an_upload(board):
    """READY=1 came, or it would be activating still; and what it promises holds: the inbox is its
    owner's, the bus has the name, and a push is taken."""
    assert board.status_text() == f"Waiting for {UPLOAD}"
    assert board.run("stat", "--format=%U %a", "/tmp/arduino") == "fio 750\n"
    assert board.run("busctl", "get-property", "org.m4flash", "/org/m4flash",
                     "org.m4flash.Flasher1", "State") == 's "idle"\n'
    board.push(adb_push, SKETCH)
    assert board.results(1) == ["programmed"]
    board.check_programmed(SKETCH)
    board.wait_status(f"Waiting for {UPLOAD}")
    status = board.run("m4flash", "status")
    assert "programmed" in status, status


def test_nothing_fails_at_boot(board):
    """Neither our unit nor another because of us: users, folders, bus policy, catalog."""
    assert board.systemctl("--failed", "--plain", "--no-legend") == ""
    assert [entry["MESSAGE"] for entry in board.journal("--priority=warning")] == []


def test_takes_what_is_there_when_it_starts(machine):
    machine.disk.write("/etc/systemd/system/uploader.service", UPLOADER)
    machine.disk.chroot("systemctl", "enable", "uploader.service")
    (machine.disk.root / "opt/sketch.elf").write_bytes(SKETCH.data)
    machine.boot()
    assert machine.results(1) == ["programmed"]
    machine.check_programmed(SKETCH)


def test_waits_for_an_inbox_too(machine):
    """adb push makes the folder if nobody else has."""
    machine.disk.write("/etc/tmpfiles.d/m4flash.conf", "# no inbox\n")
    machine.boot()
    machine.wait_active()
    assert not machine.path("/tmp/arduino").exists()
    machine.push(adb_push, SKETCH)
    assert machine.results(1) == ["programmed"]
    machine.check_programmed(SKETCH)


def test_ready_means_ready(board):
    """Whoever has waited for `systemctl restart` can push at once, and ask at once."""
    for number in range(5):
        board.systemctl("restart", UNIT)
        upload = sketches.not_elf(f"{number}")
        board.push(adb_push, upload)
        entries = board.run("m4flash", "wait", "--json", "--sha256", upload.sha256, check=False)
        assert '"code":"not-elf"' in entries.stdout.replace(" ", ""), entries.stdout
    assert board.results(5) == ["rejected"] * 5


@pytest.mark.parametrize("how", ["poweroff", "reboot"])
def test_what_runs_is_known_after(board, how):
    """/tmp is empty then, the flash is not."""
    board.push(adb_push, SKETCH)
    board.wait_outcomes(1)
    if how == "reboot":
        board.systemctl("reboot")
        board.await_reboot()
    else:
        board.systemctl("poweroff")
        board.await_power_off()
        board.power_on()
    board.wait_active()
    assert not board.path(UPLOAD).exists()
    assert board.results(1) == ["programmed"]
    assert SKETCH.image_sha256 in board.run("m4flash", "status", "--json")
    board.check_programmed(SKETCH)
