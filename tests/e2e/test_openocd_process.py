"""The world that OpenOCD gets: nothing of the daemon's, and of the upload only its image."""

import os
import stat

import pytest

from harness import processes, sketches
from harness.pushes import adb_push
from harness.waiting import wait_for


@pytest.fixture
def upload():
    return sketches.good("looked at", size=3 * sketches.SECTOR_SIZE - 1000, debug=500_000)


@pytest.fixture
def openocd(bench, daemon, upload):
    """The pid of an OpenOCD that is held up while the test looks at it."""
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    yield daemon.wait_openocd()
    bench.standin.open_gate()


def test_descriptors(bench, openocd):
    open_now = processes.descriptors(openocd)
    gate = [number for number, target in open_now.items() if target == bench.standin.program]
    for number in gate:  # the shell that waits holds its own script
        del open_now[number]
    assert sorted(open_now) == [0, 1, 2]
    assert open_now[0] == "/dev/null"
    assert open_now[1].startswith("pipe:") or open_now[1] == "/dev/null"
    assert open_now[2].startswith("pipe:")


def test_group_and_signals(bench, daemon, openocd):
    assert processes.process_group(openocd) == openocd
    # The shell that waits blocks all of them for as long as it takes to start its sleep.
    wait_for(lambda: int(processes.status(openocd)["SigBlk"], 16) == 0, "no blocked signal")
    status = processes.status(openocd)
    assert int(status["SigIgn"], 16) == 0
    assert int(status["PPid"]) == daemon.pid


RAWIO, READ_SEARCH = 1 << 17, 1 << 2  # CAP_SYS_RAWIO, CAP_DAC_READ_SEARCH


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities")
def test_capabilities(daemon, openocd):
    """What reaches memory and pins is OpenOCD's alone, and all that it has of root's."""
    status = processes.status(openocd)
    ours = int(processes.status(os.getpid())["CapPrm"], 16)  # a container may have none to give
    for name in ("CapPrm", "CapEff"):
        assert int(status[name], 16) & ~READ_SEARCH == RAWIO & ours
    assert status["NoNewPrivs"] == "1"
    assert int(processes.status(daemon.pid)["CapEff"], 16) & RAWIO == 0


def test_environment(openocd):
    """Nothing of the daemon's."""
    with open(f"/proc/{openocd}/environ", encoding="utf-8") as file:
        names = {entry.partition("=")[0] for entry in file.read().split("\0") if entry}
    assert names <= {"PATH", "HOME", "LC_ALL", "PWD", "_", "SHLVL", "OLDPWD"}  # the last: the shell's


def test_arguments(bench, openocd):
    """No shell, no upload: only our procedures' call, and ports disabled before anything else."""
    argv = processes.command_line(openocd)
    options = argv[argv.index("-c"):]
    assert options[:2] == ["-c", "gdb_port disabled; tcl_port disabled; telnet_port disabled"]
    assert options[2] == "-c" and options[3].startswith("script ")
    assert options[3].endswith("/m4flash.tcl")
    assert options[4] == "-c" and options[5].startswith("m4flash_update ")
    assert len(options) == 6
    assert bench.inbox not in " ".join(argv)


def test_image_folder(bench, openocd, upload):
    """One file a sector, the routine and its packets, nothing else, for root's eyes only."""
    call = processes.command_line(openocd)[-1].split()
    _, control, folder, start, size, count = call
    assert control == bench.standin.control
    assert os.path.dirname(folder) == bench.runtime
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert (int(start, 16), int(size, 16), int(count)) == (
        sketches.FLASH_START, sketches.SECTOR_SIZE, 3,
    )
    packets = {f"sector-{number}.packet" for number in range(3)}
    assert set(os.listdir(folder)) - packets == {"start.bin", "first.packet", "plan"} | {
        f"sector-{number}.{kind}" for number in range(3) for kind in ("bin", "raw")}
    data = b""
    for number in range(3):
        path = os.path.join(folder, f"sector-{number}.bin")
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
        with open(path, "rb") as file:
            data += file.read().ljust(sketches.SECTOR_SIZE, b"\xff")
    assert data[: len(upload.image)] == upload.image
    assert set(data[len(upload.image) :]) == {0xFF}


def test_upload_is_nowhere_open(bench, daemon, openocd):
    """Neither the upload's file nor its copy, in any process under the daemon."""
    for pid in [daemon.pid, *processes.children(daemon.pid)]:
        targets = processes.descriptors(pid).values()
        assert not [target for target in targets if target.startswith(bench.inbox + "/")]
    assert not [t for t in processes.descriptors(openocd).values() if "memfd" in t]


def test_path_with_spaces_and_brackets(bench):
    """Everything that Tcl would act on, in a path that goes through its quoting."""
    bench.runtime = bench.make_folder("a $b [exit 1] {c} \"d\" \\e; f")
    bench.start()
    upload = sketches.good("quoted")
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)


def test_image_with_empty_sectors(bench, daemon):
    """0xFF in whole sectors: they are erased and need no bytes."""
    first = sketches.good("before", size=sketches.FLASH_SIZE)
    bench.push(adb_push, first)
    bench.wait_outcomes()
    head = sketches.make_image("sparse", 4096)
    image = head + b"\xff" * (4 * sketches.SECTOR_SIZE) + b"the end."
    upload = sketches.Upload(sketches.make_elf(image), image)
    bench.push(adb_push, upload)
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(upload)
