"""No programming takes more clocks or erases, beside stock's, than the committed ratios say."""

import json
import os
import subprocess
import sys

import pytest

import accepted
from comparison import Comparison


@pytest.fixture(scope="module")
def measured():
    """By the program that scripts/bench runs too."""
    program = os.path.join(os.path.dirname(__file__), "wire.py")
    done = subprocess.run([sys.executable, program], check=True, stdout=subprocess.PIPE, text=True)
    return [Comparison(**found) for found in json.loads(done.stdout)]


def test_nothing_is_worse_than_accepted(measured):
    others = [part for part in accepted.SLACK if part != "wire"]
    assert list(accepted.complaints(measured, accepted.read(), left_out=others)) == []
