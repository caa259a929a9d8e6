"""The Debian package of the files as they are here, built once and kept in the build folder."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess

from disk import BUILD, run

TOP = pathlib.Path(__file__).parents[2]
FOLDER = BUILD / "system-package"
# What it is built from. The texts that it brings along are none of these tests'.
SOURCES = ["meson.build", "meson_options.txt", "include", "src", "units", "scripts/packaging",
           "README.md", "SECURITY.md", "LICENSE"]


class Unbuildable(Exception):
    """The package cannot be built here, and this is why."""


def files():
    for source in SOURCES:
        path = TOP / source
        yield from [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def digest_of_sources():
    digest = hashlib.sha256()
    for path in files():
        digest.update(f"{path.relative_to(TOP)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build():
    """Its path. Whoever comes second waits for the first one's."""
    with open(BUILD / "system-package-lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = FOLDER / "built-from", digest_of_sources()
        if not stamp.exists() or stamp.read_text(encoding="ascii") != wanted:
            check_needs()
            run(str(TOP / "scripts/package"), "--into", str(FOLDER))
            stamp.write_text(wanted, encoding="ascii")
        return next(FOLDER.glob("m4flash_*.deb"))


def check_needs():
    if not shutil.which("dpkg-checkbuilddeps"):
        raise Unbuildable("dpkg-checkbuilddeps is not installed")
    done = subprocess.run(["dpkg-checkbuilddeps", TOP / "scripts/packaging/debian/control"],
                          check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Unbuildable(done.stderr.strip())


def newer(package, folder, version):
    """The same package under a later version."""
    tree = pathlib.Path(folder) / "newer"
    run("dpkg-deb", "--raw-extract", str(package), str(tree))
    control = tree / "DEBIAN/control"
    lines = control.read_text(encoding="utf-8").splitlines()
    lines = [f"Version: {version}" if line.startswith("Version: ") else line for line in lines]
    control.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = pathlib.Path(folder) / "newer.deb"
    run("dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", str(tree), str(path))
    shutil.rmtree(tree)
    return path
