import pytest

import package as debian
from world import Unavailable, World


@pytest.fixture(scope="session")
def package():
    """The Debian package of the files as they are here."""
    try:
        return debian.build()
    except debian.Unbuildable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def world(package):
    try:
        with World(package) as world:
            yield world
    except Unavailable as reason:
        pytest.skip(str(reason))
