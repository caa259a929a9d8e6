import os
import shutil
import subprocess
from pathlib import Path

import pytest

from world import Unavailable, World

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The Debian package, built of the files as they are here; or the one that the environment names."""
    if "M4FLASH_PACKAGE" in os.environ:
        return Path(os.environ["M4FLASH_PACKAGE"])
    if shutil.which("dpkg-checkbuilddeps") is None:
        pytest.skip("no dpkg-dev")
    needs = subprocess.run(["dpkg-checkbuilddeps", TOP / "scripts/packaging/debian/control"],
                           capture_output=True, text=True, check=False)
    if needs.returncode != 0:
        pytest.skip(needs.stderr.strip())
    folder = tmp_path_factory.mktemp("package")
    environment = {name: value for name, value in os.environ.items() if name not in ("CC", "CFLAGS")}
    built = subprocess.run([TOP / "scripts/package", "--into", folder], capture_output=True, text=True,
                           check=False, env=environment)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("m4flash_*.deb"))


@pytest.fixture
def world(package):
    try:
        with World(package) as world:
            yield world
    except Unavailable as reason:
        pytest.skip(str(reason))
