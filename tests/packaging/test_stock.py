"""The package takes the stock units' place, and gives it back, whatever comes in between.

What systemd does with units is not played here (tests/system boots one): these are the files, and
the order in which systemd is told of them.
"""

import subprocess

import pytest

LIB = "/lib/systemd/system"
ETC = "/etc/systemd/system"
UNIT = "monitor-m4-elf-file"
WANTS = f"{ETC}/multi-user.target.wants"
UPLOAD = "/tmp/arduino/m4-user-sketch.elf"

STOCK_PATH = f"""[Unit]
Description=stock path
[Path]
PathModified={UPLOAD}
[Install]
WantedBy=multi-user.target
"""
STOCK_SERVICE = f"""[Unit]
Description=stock service
[Service]
Type=oneshot
ExecStart=/bin/openocd -c "program {UPLOAD} verify reset exit"
"""


def add_units(world, folder):
    world.write(f"{folder}/{UNIT}.path", STOCK_PATH)
    world.write(f"{folder}/{UNIT}.service", STOCK_SERVICE)


def enable(world, folder):
    world.link(f"{WANTS}/{UNIT}.path", f"{folder}/{UNIT}.path")


def in_lib(world):
    add_units(world, LIB)
    enable(world, LIB)


def in_etc(world):
    add_units(world, ETC)
    enable(world, ETC)


def linked_from_opt(world):
    add_units(world, "/opt/product")
    for kind in "path", "service":
        world.link(f"{ETC}/{UNIT}.{kind}", f"/opt/product/{UNIT}.{kind}")
    enable(world, ETC)


def started_at_boot(world):
    in_lib(world)
    world.link(f"{WANTS}/{UNIT}.service", f"{LIB}/{UNIT}.service")


def with_a_drop_in(world):
    in_lib(world)
    world.write(f"{ETC}/{UNIT}.service.d/script.conf", "[Service]\nExecStart=\nExecStart=/opt/flash\n")


def from_a_package(world, folder="usr/lib/systemd/system", name="stock"):
    """As another .deb, which need not know that /lib is /usr/lib."""
    tree = f"/root/{name}"
    world.write(f"{tree}/DEBIAN/control",
                f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: d\n")
    add_units(world, f"{tree}/{folder}")
    assert world.run("dpkg-deb", "--build", "--root-owner-group", tree, f"/root/{name}.deb")[0] == 0
    world.run("rm", "-r", tree)
    world.dpkg("--install", f"/root/{name}.deb")
    if not world.path(f"{WANTS}/{UNIT}.path").is_symlink():
        enable(world, LIB)


def from_a_package_in_lib(world):
    from_a_package(world, "lib/systemd/system")


def nowhere(world):
    pass


def snapshot(world):
    return world.files(ETC, "/usr/lib/systemd/system", "/var/lib/systemd/deb-systemd-helper-enabled")


def ours_is_in_force(world):
    """No unit by these names but our service, which is started at boot."""
    service = world.path(f"{LIB}/{UNIT}.service").read_text()
    found = [path for path in world.files(ETC, LIB) if path.endswith((f"/{UNIT}.service", f"/{UNIT}.path"))
             and path != f"{WANTS}/{UNIT}.path"]
    return "m4flashd" in service and found == [f"{WANTS}/{UNIT}.service", f"{LIB}/{UNIT}.service"]


PLACES = [nowhere, in_lib, in_etc, linked_from_opt, started_at_boot, with_a_drop_in, from_a_package,
          from_a_package_in_lib]


@pytest.mark.parametrize("place", PLACES)
def test_stock_units_come_back_as_they_were(world, place):
    place(world)
    before = snapshot(world)
    for leave in "--remove", "--purge":
        world.install()
        assert ours_is_in_force(world)
        drop_ins = [path for path in snapshot(world) if path.endswith(".conf") and UNIT in path]
        assert drop_ins == []
        world.dpkg(leave, "m4flash")
        assert (snapshot(world), world.diversions()) == (before, [])
    assert not world.path("/var/lib/m4flash").exists()


@pytest.mark.parametrize("place", [in_lib, in_etc, from_a_package])
def test_upgrade_leaves_them_aside(world, place):
    place(world)
    before = snapshot(world)
    world.install()
    between = snapshot(world), world.diversions()
    world.install()
    assert ours_is_in_force(world)
    assert (snapshot(world), world.diversions()) == between
    world.dpkg("--purge", "m4flash")
    assert (snapshot(world), world.diversions()) == (before, [])


def test_stock_package_may_come_and_go_meanwhile(world):
    world.install()
    from_a_package(world)
    assert ours_is_in_force(world)
    world.dpkg("--purge", "m4flash")
    assert world.path(f"{LIB}/{UNIT}.service").read_text() == STOCK_SERVICE
    world.install()
    world.dpkg("--purge", "stock")
    assert ours_is_in_force(world)
    world.dpkg("--purge", "m4flash")
    assert [path for path in world.files(LIB) if UNIT in path] == []


@pytest.mark.parametrize("kind", ["path", "service"])
def test_masked_unit_stays_masked(world, kind):
    in_lib(world)
    world.link(f"{ETC}/{UNIT}.{kind}", "/dev/null")
    before = snapshot(world)
    world.install()
    assert snapshot(world)[f"{ETC}/{UNIT}.{kind}"] == "-> /dev/null"
    world.dpkg("--purge", "m4flash")
    assert snapshot(world) == before


def test_what_was_written_for_ours_waits_for_it(world):
    """It would take the pins' memory from the stock service."""
    in_lib(world)
    before = snapshot(world)
    drop_in = f"{ETC}/{UNIT}.service.d/gpiod.conf"
    world.install()
    world.write(drop_in, "# /etc/m4flash.conf has the rest\n[Service]\nPrivateDevices=yes\n")
    world.dpkg("--purge", "m4flash")
    assert set(snapshot(world)) - set(before) == {f"{drop_in}.m4flash"}
    world.install()
    assert drop_in in snapshot(world) and f"{drop_in}.m4flash" not in snapshot(world)


# ---- What systemd is told, and when ---------------------------------------------------------------


def test_stock_programming_ends_before_anything_is_changed(world):
    in_lib(world)
    world.write("/run/busy", "2")
    world.install()
    stock, ours = "[stock path,stock service]", "[Program sketches uploaded for the M4 core]"
    asked = f"show -P ActiveState {UNIT}.service {stock}"
    steps = ("show", "stop", "daemon-reload", "start")
    assert [line for line in world.told() if line.startswith(steps)] == [
        f"stop {UNIT}.path {stock}",
        asked, asked, asked,
        f"stop {UNIT}.service {stock}",
        f"daemon-reload {ours}",
        f"start {UNIT}.service {ours}",
    ]


def removal(world, **history):
    """What systemd is told to do at the removal, with an upload in the inbox."""
    in_lib(world)
    world.install()
    world.write(UPLOAD, "a sketch")
    status = world.path(UPLOAD).stat()
    key = f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
    world.path("/var/lib/m4flash").mkdir()
    for name, text in history.items():
        world.write(f"/var/lib/m4flash/{name.replace('_', '.', 1).replace('last.', 'last-')}", text % key)
    world.told()
    world.dpkg("--remove", "m4flash")
    return [line for line in world.told() if line.startswith(("stop", "start", "--no-block"))]


OURS_STOPPED = f"stop {UNIT}.service [Program sketches uploaded for the M4 core]"
PATH_STARTED = f"start {UNIT}.path [stock path,stock service]"
SERVICE_STARTED = f"--no-block start {UNIT}.service [stock path,stock service]"


def test_stock_goes_on_when_ours_has_ended(world):
    assert removal(world, history_jsonl='{"id":1,"file":"%s"}\n') == [OURS_STOPPED, PATH_STARTED]


def test_stock_is_given_what_was_left_over(world):
    told = removal(world, history_jsonl='{"id":1,"file":"1%s"}\n', last_file="1%s\n")
    assert told == [OURS_STOPPED, PATH_STARTED, SERVICE_STARTED]


def test_stock_is_not_given_what_was_touched_up_afterwards(world):
    """adb sets the time of the file last: see history_note_file()."""
    told = removal(world, history_jsonl='{"id":1,"file":"1%s"}\n', last_file="%s\n")
    assert told == [OURS_STOPPED, PATH_STARTED]


def test_stock_that_was_disabled_stays_so(world):
    add_units(world, LIB)
    world.install()
    world.told()
    world.dpkg("--remove", "m4flash")
    assert [line for line in world.told() if line.startswith("start")] == []


# ---- Cut off ---------------------------------------------------------------------------------------

# Ends dpkg and its script, as a power cut would, before the nth command that changes anything of the
# stock's; the last one is followed by nothing that could be lost.
CUT = """#!/bin/sh
cut()
{{
    pid=$PPID
    pids=
    while [ "$(cat /proc/$pid/comm)" != dpkg ]; do
        pids="$pids $pid"
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$pid/status)
        [ "$pid" -gt 1 ] || exit 1
    done
    kill -9 $pid $pids $$
}}
n=$(cat /run/calls 2>/dev/null || echo 0)
echo $((n + 1)) >/run/calls
[ $n -ne {at} ] || cut
exec $0.real "$@"
"""


def cut_off(world, *arguments, at):
    """Whether that was long enough to be cut off there."""
    for command in "/usr/bin/dpkg-divert", "/usr/bin/mv":
        world.path(command).rename(world.path(command + ".real"))
        world.write(command, CUT.format(at=at), 0o755)
    world.path("/run/calls").unlink(missing_ok=True)
    status = world.run("dpkg", "--force-depends", *arguments)[0]
    for command in "/usr/bin/dpkg-divert", "/usr/bin/mv":
        world.path(command + ".real").rename(world.path(command))
    return status == -9


def in_two_places(world):
    in_etc(world)
    add_units(world, LIB)


def test_installation_that_was_cut_off_is_mended_by_the_next(world):
    in_two_places(world)
    before = snapshot(world)
    cuts = 0
    while cut_off(world, "--install", "/root/m4flash.deb", at=cuts):
        cuts += 1
        world.install()
        assert ours_is_in_force(world)
        world.dpkg("--purge", "m4flash")
        assert (snapshot(world), world.diversions()) == (before, [])
    assert cuts == 1 + 6 + 4  # the look whether it was done, six diversions, four files


def test_removal_that_was_cut_off_is_mended_by_the_next(world):
    in_two_places(world)
    before = snapshot(world)
    world.install()
    cuts = 0
    while cut_off(world, "--remove", "m4flash", at=cuts):
        cuts += 1
        world.dpkg("--remove", "m4flash")
        assert (snapshot(world), world.diversions()) == (before, [])
        world.install()
        assert ours_is_in_force(world)
    assert cuts == 1 + 6 + 4


def test_refused_installation_changes_nothing(world):
    """Another package has set the same unit aside already."""
    in_lib(world)
    assert world.run("dpkg-divert", "--package", "other", "--add", "--no-rename", "--divert",
                     f"{LIB}/{UNIT}.service.other", f"{LIB}/{UNIT}.service")[0] == 0
    before, diversions = snapshot(world), world.diversions()
    status, said = world.run("dpkg", "--force-depends", "--install", "/root/m4flash.deb")
    assert status == 1 and "clashes" in said
    assert (snapshot(world), world.diversions()) == (before, diversions)
    assert [line for line in world.told() if line.startswith("start")] == [
        f"start {UNIT}.path [stock path,stock service]"]
