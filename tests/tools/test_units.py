"""What is installed beside the programs, judged by systemd's own tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(os.environ["M4FLASH_BUILT_UNITS"])
SOURCES = Path(__file__).parents[2] / "units"


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"no {program}")


@needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    unit = tmp_path / "monitor-m4-elf-file.service"
    text = (UNITS / unit.name).read_text()
    # Neither the daemon nor its documentation need be installed where this runs.
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    done = run("systemd-analyze", "verify", "--man=no", str(unit))
    assert (done.returncode, [line for line in done.stdout.splitlines() if unit.name in line]) == (0, [])


@pytest.fixture
def root(tmp_path):
    """A root folder with our tmpfiles.d entry, its inbox's owner, and a /tmp that is cleaned."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nfio:x:1234:1234::/home/fio:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    (tmp_path / "etc/tmpfiles.d").mkdir()
    (tmp_path / "etc/tmpfiles.d/tmp.conf").write_text("d /tmp 1777 root root 1us\n")
    (tmp_path / "usr/lib/tmpfiles.d").mkdir(parents=True)
    shutil.copy(UNITS / "m4flash.conf", tmp_path / "usr/lib/tmpfiles.d")
    return tmp_path


def tmpfiles(root, action):
    return run("systemd-tmpfiles", f"--root={root}", action)


@needs("systemd-tmpfiles")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
class TestInbox:
    def test_belongs_to_the_user_who_uploads(self, root):
        done = tmpfiles(root, "--create")
        inbox = (root / "tmp/arduino").stat()
        assert done.returncode == 0, done.stdout
        assert (inbox.st_uid, inbox.st_mode & 0o7777) == (1234, 0o750)

    def test_is_made_even_without_that_user(self, root):
        (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        tmpfiles(root, "--create")
        inbox = (root / "tmp/arduino").stat()
        assert (inbox.st_uid, inbox.st_mode & 0o7777) == (0, 0o750)

    def test_is_never_cleaned(self, root):
        tmpfiles(root, "--create")
        upload = root / "tmp/arduino/m4-user-sketch.elf"
        neighbour = root / "tmp/other/file"
        neighbour.parent.mkdir()
        for file in upload, neighbour:
            file.write_text("x")
        tmpfiles(root, "--clean")
        assert (upload.exists(), neighbour.exists()) == (True, False)


@needs("systemd-sysusers")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a group")
def test_group_is_made(tmp_path):
    (tmp_path / "etc").mkdir()
    done = run("systemd-sysusers", f"--root={tmp_path}", str(SOURCES / "m4flash.sysusers.conf"))
    assert done.returncode == 0, done.stdout
    assert re.search(r"^m4flash:x:\d+:$", (tmp_path / "etc/group").read_text(), flags=re.MULTILINE)


def test_group_is_named_alike_everywhere():
    """In what makes it, in the bus's policy and in the daemon."""
    sysusers = re.search(r"^g (\S+) -$", (SOURCES / "m4flash.sysusers.conf").read_text(), flags=re.MULTILINE)
    policy = re.findall(r'<policy group="(.*)">', (SOURCES / "org.m4flash.conf").read_text())
    daemon = re.search(r'group_name\[\] = "(.*)"', (SOURCES.parent / "src/daemon/bus_access.c").read_text())
    assert [sysusers[1]] == policy == [daemon[1]] == ["m4flash"]


def exposure_at_most(tmp_path, limit, *drop_ins):
    """Whether systemd judges the service to be exposed no more than that, of 10."""
    unit = tmp_path / "monitor-m4-elf-file.service"
    shutil.copy(UNITS / unit.name, tmp_path)
    (tmp_path / f"{unit.name}.d").mkdir()
    for drop_in in drop_ins:
        shutil.copy(drop_in, tmp_path / f"{unit.name}.d")
    done = run("systemd-analyze", "security", "--no-pager", "--offline=true",
               f"--threshold={round(limit * 10)}", str(unit))
    print(done.stdout)
    assert "Overall exposure level" in done.stdout
    return done.returncode == 0


GPIOD = SOURCES / "monitor-m4-elf-file.service.d" / "gpiod.conf"
EXPOSURES = {"imx_gpio": (2.0, []), "gpiod": (1.5, [GPIOD])}


@needs("systemd-analyze")
@pytest.mark.parametrize("limit, drop_ins", EXPOSURES.values(), ids=list(EXPOSURES))
def test_service_is_exposed_no_more_than(tmp_path, limit, drop_ins):
    assert exposure_at_most(tmp_path, limit, *drop_ins)


@needs("systemd-analyze")
def test_exposure_is_measured(tmp_path):
    """The limits mean something: with less than the least that is left they are exceeded."""
    loose = tmp_path / "loose.conf"
    loose.write_text("[Service]\nNoNewPrivileges=no\nSystemCallFilter=\n")
    assert not exposure_at_most(tmp_path, 2.0, loose)


def test_checkers_user_is_named_alike_everywhere():
    sysusers = re.search(r"^u (\S+) -", (SOURCES / "m4flash.sysusers.conf").read_text(), flags=re.MULTILINE)
    orders = (SOURCES.parent / "src/daemon/orders.c").read_text()
    assert f'getpwnam_r("{sysusers[1]}"' in orders
