"""The same seed gives the same steps and the same dice."""

from itertools import islice

import pytest
from parts import PARTS, steps


def begun(name, seed, **how):
    first = islice(steps(name, seed, **how), 500)
    return [(number, step, dice.random()) for number, step, dice in first]


@pytest.mark.parametrize("name", PARTS)
def test_same_seed(name):
    assert begun(name, 1) == begun(name, 1)
    assert begun(name, 1) != begun(name, 2)


@pytest.mark.parametrize("name", PARTS)
def test_a_round_has_every_step(name):
    for thin in (1, 5):
        first = [step for number, step, _ in begun(name, 1, thin=thin) if number == 0]
        assert set(first) == set(PARTS[name].steps)
        assert thin > 1 or len(first) == sum(PARTS[name].steps.values())
