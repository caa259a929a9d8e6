"""Uploads that arrive while another one is being programmed."""

import os

import pytest

from harness import sketches
from harness.pushes import adb_push, adb_push_aborted, cp, mv
from harness.bench import summary

KINDS = pytest.mark.parametrize("kind", [adb_push, cp, mv], ids=lambda kind: kind.__name__)


def results(outcomes):
    """{digest: result} of the outcomes that have a digest."""
    return {o["sha256"]: o["result"] for o in outcomes if o["sha256"]}


@pytest.fixture
def running(bench, daemon):
    """A sketch that is being programmed, by an OpenOCD that waits until the gate is opened."""
    upload = sketches.good("running", size=300_000)
    bench.standin.close_gate()
    bench.push(adb_push, upload)
    daemon.wait_openocd()
    return upload


@KINDS
def test_running_one_ends_and_newest_waiting_one_wins(bench, daemon, running, kind):
    waiting = [sketches.good(f"waiting {number}") for number in range(4)]
    for upload in waiting:
        bench.push(kind, upload)
    bench.wait_outcomes(3)
    bench.standin.open_gate()
    found = results(bench.wait_outcomes())
    assert found[running.sha256] == "programmed"
    assert found[waiting[-1].sha256] == "programmed"
    assert {found.get(u.sha256, "superseded") for u in waiting[:-1]} == {"superseded"}
    bench.check_programmed(waiting[-1])


@KINDS
def test_replaced_while_being_programmed(bench, daemon, running, kind):
    """What was checked is what is programmed, whatever happens to the file meanwhile."""
    rejected = sketches.not_elf("replacement")
    bench.push(kind, rejected)
    bench.wait_outcomes(1)
    bench.standin.open_gate()
    found = results(bench.wait_outcomes())
    assert found == {running.sha256: "programmed", rejected.sha256: "rejected"}
    bench.check_programmed(running)


def test_overwritten_in_place_while_being_programmed(bench, daemon, running):
    with open(bench.path, "r+b", buffering=0) as file:
        file.write(b"\0" * 4096)
        bench.standin.open_gate()
        bench.wait_outcomes(1)
        bench.check_programmed(running)
    bench.uploads += 1
    assert bench.wait_outcome()["code"] == "not-elf"


def test_deleted_while_being_programmed(bench, daemon, running):
    os.unlink(bench.path)
    bench.standin.open_gate()
    assert bench.wait_outcome()["result"] == "programmed"
    bench.check_programmed(running)


@KINDS
def test_rejected_one_does_not_displace_a_good_waiting_one(bench, daemon, running, kind):
    waiting = sketches.good("waiting")
    bench.push(kind, waiting)
    daemon.wait_quiet()
    bad = sketches.for_the_m7("newer")
    bench.push(kind, bad)
    assert [o["result"] for o in bench.wait_outcomes(1)] == ["rejected"]
    bench.standin.open_gate()
    found = results(bench.wait_outcomes())
    assert found == {
        running.sha256: "programmed", bad.sha256: "rejected", waiting.sha256: "programmed",
    }
    bench.check_programmed(waiting)


def test_aborted_one_does_not_displace_a_good_waiting_one(bench, daemon, running):
    waiting = sketches.good("waiting", debug=300_000)
    bench.push(adb_push, waiting)
    daemon.wait_quiet()
    bench.push(adb_push_aborted, sketches.good("aborted", debug=300_000))
    bench.standin.open_gate()
    found = bench.wait_outcomes()
    assert sorted(o["result"] for o in found) == ["aborted", "programmed", "programmed"]
    bench.check_programmed(waiting)


def test_waiting_one_is_programmed_after_the_running_one_failed(bench, daemon, running):
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    daemon.wait_quiet()
    bench.standin.set_mode("verify-failed")
    bench.standin.open_gate()
    bench.wait_outcomes(1)
    bench.standin.set_mode("success")
    bench.wait_outcomes()


def test_order_of_outcomes_is_told_by_ids(bench, daemon, running):
    """Ids count the uploads in the order of their arrival, whatever the order of their ends."""
    waiting = sketches.good("waiting")
    bench.push(adb_push, waiting)
    daemon.wait_quiet()
    bench.push(adb_push, sketches.not_elf("newest"))
    bench.wait_outcomes(1)
    bench.standin.open_gate()
    found = {o["sha256"]: o["id"] for o in bench.wait_outcomes()}
    order = [running.sha256, waiting.sha256, sketches.not_elf("newest").sha256]
    assert sorted(found, key=found.get) == order, summary(bench.history())
