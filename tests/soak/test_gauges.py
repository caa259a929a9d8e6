"""The gauges: growth is found, and what goes up and down is none."""

import pytest

import gauges

SLACK = {"slack_kib": 64, "journal_share": 1.2}
LEVEL = {"anonymous KiB": 900, "descriptors": 11, "processes": 2, "files": 7, "records KiB": 250,
         "journal bytes/upload": 1300, "USS KiB": 1000, "PSS KiB": 1400}


def samples(name=None, step=0):
    return [LEVEL | ({name: LEVEL[name] + step * number} if name else {}) for number in range(20)]


def test_level():
    gauges.check(samples(), **SLACK)


def test_first_round_is_none():
    gauges.check([{name: 0 for name in LEVEL}, *samples()], **SLACK)


@pytest.mark.parametrize("name, step", [
    ("anonymous KiB", 8), ("descriptors", 1), ("processes", 1), ("files", 1), ("records KiB", 4),
    ("journal bytes/upload", 40),
])
def test_growth(name, step):
    with pytest.raises(AssertionError, match=name):
        gauges.check(samples(name, step), **SLACK)
