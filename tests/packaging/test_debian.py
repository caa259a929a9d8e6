"""The Debian package: what is in it, and what its own tools say of it."""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
DEBIAN = TOP / "scripts/packaging/debian"


def files(folder):
    """The files in it by their path, with their content; nobody's, if the machine has to run it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            data = path.read_bytes()
            found["/" + str(path.relative_to(folder))] = None if data.startswith(b"\x7fELF") else data
    return found


def undated(page):
    """A manual page without its first line's date: of the build here, of the changelog there."""
    return re.sub(rb'^(\.TH .*)"\d{4}-\d\d-\d\d"', rb"\1", page, count=1, flags=re.M)


# Debian's own, in each package of it.
DEBIANS_OWN = {
    "/usr/share/doc/m4flash/changelog.gz",
    "/usr/share/doc/m4flash/copyright",
    "/usr/share/lintian/overrides/m4flash",
}


@pytest.fixture(scope="module")
def packaged(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packaged")
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return files(folder)


def merged(found):
    """/lib is /usr/lib. Which of the names is used depends on whether systemd was there to be asked
    when Meson looked."""
    return {re.sub("^/lib/", "/usr/lib/", path): data for path, data in found.items()}


def test_has_just_what_meson_installs(packaged, tmp_path):
    subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "--destdir", tmp_path,
                    "-C", os.environ["BUILD"]], check=True, stdout=subprocess.DEVNULL)
    ours = {}
    for path, data in merged(packaged).items():
        if path.startswith("/usr/share/man/"):
            path, data = path.removesuffix(".gz"), undated(gzip.decompress(data))
        ours[path] = data
    installed = merged(files(tmp_path))
    installed |= {path: undated(installed[path]) for path in installed if "/share/man/" in path}
    assert "/usr/sbin/m4flashd" in installed
    assert sorted(installed.keys() ^ ours.keys()) == sorted(DEBIANS_OWN)
    assert [path for path in installed if installed[path] != ours[path]] == []


def test_what_the_unit_points_to_is_there(packaged):
    unit = packaged["/lib/systemd/system/monitor-m4-elf-file.service"].decode()
    programs = re.findall(r"^ExecStart=(\S+)", unit, flags=re.MULTILINE)
    pages = re.findall(r"man:(\S+)\((\d)\)", unit)
    texts = re.findall(r"file://(\S+)", unit)
    assert programs and pages and texts
    assert set(programs + texts) <= packaged.keys()
    assert {f"/usr/share/man/man{section}/{name}.{section}.gz" for name, section in pages} <= packaged.keys()


@pytest.mark.skipif(shutil.which("lintian") is None, reason="no lintian")
def test_lintian_is_content(package):
    changes = next(package.parent.glob("*.changes"))
    done = subprocess.run(
        ["lintian", "--allow-root", "--display-info", "--pedantic", "--color", "never",
         "--fail-on", "error,warning,info,pedantic", changes],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_version_is_the_projects():
    project = re.search(r"^  version: '(.*)',$", (TOP / "meson.build").read_text(), flags=re.M)[1]
    assert (DEBIAN / "changelog").read_text().startswith(f"m4flash ({project}) ")


def test_licence_is_the_projects():
    def words(text):
        return re.sub(r"^ \.?", "", text, flags=re.M).split()
    licence = (TOP / "LICENSE").read_text()
    holder = re.search(r"^Copyright \(c\) (.*)$", licence, flags=re.M)[1]
    copyright = (DEBIAN / "copyright").read_text()
    assert words(licence.split(holder)[1]) == words(copyright.split("License: Expat\n")[2])
    assert f"Copyright: {holder}\n" in copyright


def test_scripts_install_what_it_is_built_with():
    control = (DEBIAN / "control").read_text()
    needs = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, flags=re.M)[1]
    # These two come with the package that the version belongs to.
    names = set(re.findall(r"^ ([a-z0-9-]+)", needs, flags=re.M)) - {"debhelper-compat", "dh-sequence-installsysusers"}
    common = (TOP / "scripts/lib/common.sh").read_text()
    listed = set(re.search(r"^packages_package=\((.*?)\)", common, flags=re.M | re.S)[1].split())
    assert names and names <= listed


def test_autopkgtest_runs_a_suite_that_there_is():
    names = re.findall(r"^Tests: (.*)$", (DEBIAN / "tests/control").read_text(), flags=re.M)
    assert names
    for name in names:
        script = DEBIAN / "tests" / name
        assert os.access(script, os.X_OK)
        suite = re.search(r"--suite (\w+)", script.read_text())[1]
        listed = subprocess.check_output(
            ["meson", "test", "-C", os.environ["BUILD"], "--suite", suite, "--list"], text=True)
        assert f":{suite} / " in listed
