"""The check of the ratios, on made-up ones, and that the committed ones are whole."""

import pytest

import accepted
from comparison import Comparison, Spread

GOOD = {"wire": {"clocks": 0.5, "erases": 0.0}, "latency": {"median": 0.1}, "idle": {"memory": 3.0},
        "checker": {"median": 1.2}}


def comparisons(ratios):
    return [Comparison(part=part, case="case", against="other", ratios=of_part, ours="", theirs="")
            for part, of_part in ratios.items()]


def changed(part, **ratios):
    return GOOD | {part: GOOD[part] | ratios}


@pytest.fixture
def committed(tmp_path):
    accepted.write(comparisons(GOOD), "2026-01-01", tmp_path / "ratios.json")
    return accepted.read(tmp_path / "ratios.json")


def complaints(ratios, committed, left_out=()):
    return list(accepted.complaints(comparisons(ratios), committed, left_out))


def test_the_accepted_run_is_good(committed):
    assert complaints(GOOD, committed) == []


@pytest.mark.parametrize("part, ratios", [
    ("wire", {"clocks": 0.4}), ("wire", {"clocks": 0.504}), ("latency", {"median": 0.19}),
    ("idle", {"memory": 4.4}), ("checker", {"median": 1.7}),
])
def test_better_or_hardly_worse_is_good(committed, part, ratios):
    assert complaints(changed(part, **ratios), committed) == []


@pytest.mark.parametrize("part, ratios", [
    ("wire", {"clocks": 0.506}), ("wire", {"erases": 0.01}), ("latency", {"median": 0.21}),
    ("idle", {"memory": 4.6}), ("checker", {"median": 1.9}),
])
def test_worse_is_named(committed, part, ratios):
    (name,) = ratios
    (complaint,) = complaints(changed(part, **ratios), committed)
    assert complaint.startswith(f"{part}: case, {name} against other: ")


def test_what_is_not_measured_any_more_is_named(committed):
    (complaint,) = complaints(GOOD | {"checker": {}}, committed)
    assert "not measured" in complaint


def test_what_nobody_has_accepted_is_named(committed):
    (complaint,) = complaints(changed("wire", words=0.1), committed)
    assert "no accepted ratio" in complaint


def test_what_was_left_out_is_no_complaint(committed):
    without = {part: GOOD[part] for part in ("wire", "checker")}
    assert complaints(without, committed, ["latency", "idle"]) == []


def test_the_committed_ratios_have_every_part():
    assert {part for part, ratios in accepted.read().items() if ratios} == set(accepted.SLACK)


def test_spread():
    assert Spread.of([5, 1, 2, 9, 3]) == Spread(median=3, least=1, most=9, number=5)
    assert Spread.of([2, 4]).median == 3
