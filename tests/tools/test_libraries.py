"""Which libraries the programs need: what parses uploads is not even loaded where it must not be."""

import os
import re
import subprocess


def needed(program):
    """The libraries that the program itself asks for."""
    found = subprocess.run(["readelf", "--dynamic", os.environ[program]], capture_output=True,
                           text=True, check=True).stdout
    return {name.split(".so")[0] for name in re.findall(r"NEEDED.*\[(.*)\]", found)}


def test_the_daemon_cannot_parse_an_upload():
    assert "libelf" not in needed("M4FLASHD")


def test_the_checker_can_and_cannot_do_what_the_daemon_does():
    libraries = needed("M4FLASH_CHECKER")
    assert "libelf" in libraries
    assert "libsystemd" not in libraries


def test_nobody_has_libcrypto_who_does_not_verify():
    assert "libcrypto" not in needed("M4FLASHD") | needed("M4FLASH_CHECKER")
    assert needed("M4FLASH_CHECKER_SIGNED") == needed("M4FLASH_CHECKER") | {"libcrypto"}
