"""The recipe for Yocto, held against what Meson knows: there is no bitbake here."""

import fnmatch
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
YOCTO = TOP / "scripts/packaging/yocto"
RECIPE = YOCTO / "recipes-bsp/m4flash/m4flash_git.bb"
APPEND = next(YOCTO.glob("recipes-kernel/*/*.bbappend"))

# openembedded-core's conf/bitbake.conf, as far as the recipe needs it.
PLACES = {
    "PN": "m4flash", "BPN": "m4flash", "bindir": "/usr/bin", "sbindir": "/usr/sbin",
    "libexecdir": "/usr/libexec", "sysconfdir": "/etc", "datadir": "/usr/share",
    "nonarch_libdir": "/usr/lib", "systemd_system_unitdir": "/usr/lib/systemd/system",
    "docdir": "/usr/share/doc", "mandir": "/usr/share/man",
}
# What each package has if a recipe says nothing; the second is of the class bash-completion.
DEFAULT_FILES = {
    "${PN}-bash-completion": "${datadir}/bash-completion ${sysconfdir}/bash_completion.d",
    "${PN}-doc": "${docdir} ${mandir}",
    "${PN}": "${bindir}/* ${sbindir}/* ${libexecdir}/* ${datadir}/${BPN} ${sysconfdir}",
}
# Which recipe of the layers a dependency of Meson's is.
RECIPES = {
    "libsystemd": "systemd", "systemd": "systemd", "libelf": "elfutils", "libcrypto": "openssl",
    "nettle": "nettle", "json-c": "json-c", "inih": "libinih", "libseccomp": "libseccomp",
}
NOT_ON_THE_BOARD = {"cmocka", "bash-completion"}  # the tests'; the class's


def variables(path):
    """The recipe's assignments by their names; those that add to one are joined to it."""
    text = re.sub(r"\\\n", " ", path.read_text())
    found = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("inherit "):
            found["inherit"] = line.split(maxsplit=1)[1]
            continue
        match = re.fullmatch(r'([\w:${}+.\[\]-]+?) (=|\?=|\?\?=|\+=|=\+) "([^"]*)"', line.strip())
        assert match, f"{path.name}: this line is not understood: {line}"
        name, how, value = match.groups()
        found[name] = f"{found.get(name, '')} {value}".strip() if "+" in how else value.strip()
    return found


@pytest.fixture(scope="module")
def recipe():
    return variables(RECIPE)


def expand(text):
    """With the values of what it names; twice, since there are names in names."""
    for _ in range(2):
        text = re.sub(r"\$\{(\w+)\}", lambda match: PLACES[match[1]], text)
    return text


def introspect(*what):
    return json.loads(subprocess.check_output(["meson", "introspect", *what]))


def options(recipe):
    """The options that Meson is given: each with the values it may get, and the default's first."""
    found = {}
    values = [recipe["EXTRA_OEMESON"]]
    for name, value in recipe.items():
        if name.startswith("PACKAGECONFIG["):
            values += value.split(",")[:2]
    for option in " ".join(values).split():
        name, value = re.fullmatch(r"-D(\w+)=(\S+)", option).groups()
        found.setdefault(name, []).append(value)
    return found


def test_options_are_mesons(recipe):
    known = {option["name"]: option for option in introspect(os.environ["BUILD"], "--buildoptions")}
    given = options(recipe)
    assert given
    assert given.keys() - known.keys() == set()
    for name, values in given.items():
        choices = known[name].get("choices") or (["true", "false"] if known[name]["type"] == "boolean" else values)
        assert set(values) <= set(choices), name


def test_no_feature_is_left_to_chance(recipe):
    """`auto` would make the image depend on what was built before."""
    features = re.findall(r"^option\('(\w+)', type: 'feature'", (TOP / "meson_options.txt").read_text(), flags=re.M)
    assert features
    given = options(recipe)
    assert {name: given.get(name) for name in features} == {name: ["enabled", "disabled"] for name in features}


def test_depends_on_what_meson_looks_for(recipe):
    looked_for = {one["name"] for one in introspect(TOP / "meson.build", "--dependencies")}
    named = set(recipe["DEPENDS"].split())
    for name, value in recipe.items():
        if name.startswith("PACKAGECONFIG["):
            named |= set(value.split(",")[2].split())
    of_the_board = {name for name in named if not name.endswith("-native")}
    assert of_the_board == {RECIPES[name] for name in looked_for - NOT_ON_THE_BOARD}
    # The programs that run while it is built: their options say which.
    assert named - of_the_board == {"gcc-arm-none-eabi-native", "scdoc-native"}


def test_every_installed_file_is_in_a_package(recipe):
    installed = introspect(os.environ["BUILD"], "--installed").values()
    patterns = {}
    for package in [*recipe["PACKAGES"].split(), *DEFAULT_FILES]:
        files = DEFAULT_FILES.get(package, "") + " " + recipe.get(f"FILES:{package}", "")
        patterns[expand(package)] = [expand(one) for one in files.split()]

    def package_of(path):
        # /lib is a link there or the unit's place is given: what counts is the option.
        path = path.replace("/lib/systemd/system", "/usr/lib/systemd/system") if path.startswith("/lib/") else path
        return next((package for package, globs in patterns.items() for one in globs
                     if fnmatch.fnmatchcase(path, one) or path.startswith(one + "/")), None)

    found = {}
    for path in installed:
        found.setdefault(package_of(path), []).append(path)
    assert set(found) == set(patterns)
    assert all("/doc/" in path or "/man/" in path for path in found["m4flash-doc"])
    assert all("complet" in path or "site-functions" in path
               for name in found for path in found[name] if name.endswith("-completion"))


def test_service_is_the_one_that_is_installed(recipe):
    names = {Path(path).name for path in introspect(os.environ["BUILD"], "--installed").values()}
    assert recipe["SYSTEMD_SERVICE:${PN}"] in names


def test_users_are_those_of_sysusers(recipe):
    text = (TOP / "units/m4flash.sysusers.conf").read_text()
    assert re.findall(r"^g (\S+) -$", text, flags=re.M) == [recipe["GROUPADD_PARAM:${PN}"].split()[-1]]
    assert re.findall(r"^u (\S+) - ", text, flags=re.M) == [recipe["USERADD_PARAM:${PN}"].split()[-1]]


def test_licence_and_version_are_the_projects(recipe):
    text = (TOP / "meson.build").read_text()
    digest = hashlib.md5((TOP / "LICENSE").read_bytes()).hexdigest()
    assert recipe["LIC_FILES_CHKSUM"] == f"file://LICENSE;md5={digest}"
    assert recipe["LICENSE"] == re.search(r"license: '(.*)'", text)[1]
    assert recipe["PV"] == re.search(r"  version: '(.*)'", text)[1] + "+git"


def test_kirkstones_meson_is_enough():
    """It has 0.61. Meson itself says in its log if a newer one is needed than the project says."""
    wanted = re.search(r"meson_version: '>=([\d.]+)'", (TOP / "meson.build").read_text())[1]
    assert tuple(map(int, wanted.split("."))) <= (0, 61, 3)
    log = (Path(os.environ["BUILD"]) / "meson-logs/meson-log.txt").read_text()
    assert "Project name: m4flash" in log
    assert "uses feature" not in log


@pytest.mark.parametrize("path", [RECIPE, APPEND], ids=lambda path: path.suffix)
def test_overrides_are_written_with_colons(path):
    """As since honister; the old form would be silently without an effect."""
    assert [name for name in variables(path) if re.search(r"_(append|prepend|remove|\$\{PN\})\b", name)] == []


def test_stock_units_have_a_package_that_ours_takes_the_place_of(recipe):
    append = variables(APPEND)
    package = append["PACKAGES"]
    assert {recipe[f"{name}:${{PN}}"] for name in ("RPROVIDES", "RCONFLICTS", "RREPLACES")} == {package}
    files = {Path(one).name for one in append[f"FILES:{package}"].split()}
    assert files == {"monitor-m4-elf-file.path", "monitor-m4-elf-file.service"}
    assert set(append["SYSTEMD_SERVICE:${PN}:remove"].split()) == files
    assert recipe["SYSTEMD_SERVICE:${PN}"] in files
    assert package in append["SYSTEMD_PACKAGES"] and package in append["RRECOMMENDS:${PN}:append"]


def test_page_names_what_is_there():
    text = (YOCTO / "README.md").read_text()
    assert {"recipes-bsp", "recipes-kernel"} == {path.name for path in YOCTO.iterdir() if path.is_dir()}
    assert APPEND.name.startswith("linux-firmware-arduino-portenta-x8-stm32h7") and "recipes-bsp" in text
    for name in re.findall(r"PACKAGECONFIG:\w+:pn-m4flash = \" ?(\w+)\"", text):
        assert f"PACKAGECONFIG[{name}]" in variables(RECIPE)
    for name in re.findall(r"-D(\w+)=", text):
        assert f"option('{name}'" in (TOP / "meson_options.txt").read_text()
