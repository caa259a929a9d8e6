"""The manual pages: all that the programs, their tables and their help tell of is in them, and
nothing else. If one of these tests fails, a page in units/man has to follow the program."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from test_readme import texts

TOP = Path(__file__).parents[2]
PAGES = Path(os.environ["M4FLASH_BUILT_UNITS"]) / "man"
M4FLASH = os.environ["M4FLASH_COMMAND"]
M4FLASHD = os.environ["M4FLASHD"]
SKETCH = Path(os.environ["SKETCHES"]) / "blink.elf"
LONG = r"(--[\w-]+)(?:[ [=]+([^]\s]+)\]?)?"  # and its argument, "--adb[=SERIAL]" or "--lines N"
OPTION = re.compile(rf"^ {{2,6}}(?:(-\w), )?{LONG}(?:  |$)", flags=re.MULTILINE)

pytestmark = [
    pytest.mark.skipif(shutil.which("man") is None, reason="no man"),
    pytest.mark.skipif(not PAGES.joinpath("m4flash.1").exists(), reason="built without scdoc"),
]


def source(path):
    return (TOP / path).read_text()


class Page:
    """A page as a reader sees it: {(section, subsection): [(term or "", text)]}."""

    def __init__(self, name):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "4000", "MANROFFSEQ": ""}
        environment.pop("MANPAGER", None)
        done = subprocess.run(
            ["man", "--warnings", "--nh", "--nj", "--local-file", PAGES / name],
            capture_output=True, text=True, check=True, env=environment,
        )
        self.warnings = done.stderr
        self.parts = {}
        self.section = self.subsection = ""
        for block in re.split(r"\n\n+", done.stdout.strip("\n")):
            for line in self.headings(block.splitlines()):
                self.take(line)

    def headings(self, lines):
        """Notes the headings of a block, and returns its other lines."""
        while lines and not lines[0].startswith(" " * 7):
            if lines[0].startswith("   "):
                self.subsection = lines[0].strip()
            else:
                self.section, self.subsection = lines[0], ""
            lines = lines[1:]
        return lines

    def take(self, line):
        entries = self.parts.setdefault((self.section, self.subsection), [])
        if line.startswith(" " * 8) and entries:  # below its term, or the rest of its text
            term, text = entries.pop()
            entries.append((term, f"{text} {line.strip()}") if term else (text, line.strip()))
        else:
            entries.append(("", line.strip()))

    def terms(self, section, subsection=""):
        """{term: text} in the order of the page."""
        return {term: text for term, text in self.parts[section, subsection] if term}

    def words(self, section, subsection=""):
        """The same, a key for each term of "one, two"."""
        terms = self.terms(section, subsection)
        return {word: text for term, text in terms.items() for word in term.split(", ")}

    def subsections(self, section):
        return [sub for (name, sub) in self.parts if name == section and sub]

    def lines(self, section):
        return [text for _, text in self.parts[section, ""]]


@pytest.fixture(scope="module")
def m4flash():
    return Page("m4flash.1")


@pytest.fixture(scope="module")
def m4flashd():
    return Page("m4flashd.8")


@pytest.fixture(scope="module")
def conf():
    return Page("m4flash.conf.5")


def help_of(*command):
    return subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout


def commands():
    listed = help_of(M4FLASH).split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+) ", listed, flags=re.MULTILINE)


def options_of(text):
    """[(short or "", long, argument or "")] of a help text."""
    return OPTION.findall(text)


def options_in(page, *place):
    """The same of a page, where "-n, --lines N" or "--state-dir DIR, --config FILE" is a term."""
    found = []
    for term in page.terms(*place):
        short = ""
        for part in term.split(", "):
            if re.fullmatch(r"-\w", part):
                short = part
            else:
                found.append((short, *re.fullmatch(LONG, part).groups("")))
                short = ""
    return found


def statuses(text):
    """The numbers of its paragraph "Exit status: 0 ..., 1 ..."."""
    paragraph = " ".join(text.split("Exit status")[1].split("\n\n")[0].split())
    return set(re.findall(r"[;,:] (\d) ", paragraph))


@pytest.mark.parametrize("name", ["m4flash.1", "m4flashd.8", "m4flash.conf.5"])
def test_page_is_well_formed(name):
    assert Page(name).warnings == ""


# ---- Commands and options -----------------------------------------------------------------------


def test_every_command_is_there(m4flash):
    assert m4flash.subsections("COMMANDS") == commands()


@pytest.mark.parametrize("command", commands())
def test_command_is_as_its_help_says(m4flash, command):
    text = help_of(M4FLASH, command)
    usage = re.match(r"Usage: ((?:.+\n)+)", text)[1]
    assert " ".join(usage.split()) in m4flash.lines("SYNOPSIS")
    assert sorted(options_in(m4flash, "COMMANDS", command)) == sorted(options_of(text))


def test_synopsis_has_nothing_else(m4flash):
    assert [line.split()[1] for line in m4flash.lines("SYNOPSIS")] == [*commands(), "--help"]


def test_options_of_all_commands(m4flash):
    assert options_in(m4flash, "OPTIONS") == options_of(help_of(M4FLASH))


def test_exit_statuses(m4flash, m4flashd):
    told = set.union(*(statuses(help_of(M4FLASH, command)) for command in commands()))
    assert set(m4flash.terms("EXIT STATUS")) == told | statuses(help_of(M4FLASH))
    assert set(m4flashd.terms("EXIT STATUS")) == statuses(help_of(M4FLASHD))


def test_options_of_the_daemon(m4flashd):
    assert options_in(m4flashd, "OPTIONS") == options_of(help_of(M4FLASHD))


# ---- Results and codes --------------------------------------------------------------------------


def test_results(m4flash):
    names = re.findall(r"^    RESULT_([A-Z]+),", source("src/job/outcome.h"), flags=re.MULTILINE)
    assert list(m4flash.terms("RESULTS")) == [name.lower() for name in names if name != "NONE"]


@pytest.mark.parametrize(
    "section, table, left_out",
    [("REJECTED", "src/sketch/code.c", ["accepted"]), ("FAILED", "src/openocd/code.c", ["ok"])],
)
def test_says_of_every_code_what_the_programs_say(m4flash, section, table, left_out):
    expected = {name: f"{sentence} {hint}" for name, sentence, hint in texts(table, left_out)}
    assert expected
    assert m4flash.terms(section) == expected


def test_codes_that_are_in_neither_table(m4flash):
    others = re.findall(r'outcome_of\(\s*RESULT_\w+, "([a-z-]+)"', source("src/job/outcome.c"))
    assert others
    assert sorted(m4flash.terms("CODES")) == sorted([*others, "ok", "accepted"])


def test_codes_of_errors(m4flash):
    codes = set()
    for path in (TOP / "src/cli").glob("*.c"):
        call = r'problem_set\((?:&?problem|ret),[^"]*"([a-z0-9-]+)"(?: : "([a-z0-9-]+)")?'
        codes.update(code for pair in re.findall(call, path.read_text()) for code in pair if code)
    assert sorted(m4flash.terms("ERRORS")) == sorted(codes)


def test_keys_of_json(m4flash):
    entry = re.findall(r'add\(o, "(\w+)"', source("src/job/outcome.c"))
    step = re.findall(r'bus_dict_add_\w+\(reply, "(\w+)", job->', source("src/daemon/bus_object.c"))
    step += re.findall(r'json_set_\w+\(view, "(\w+)"', source("src/cli/progress.c"))
    log = re.findall(r'json_set_\w+\(object, "(\w+)"', source("src/cli/log.c"))
    assert sorted(m4flash.words("JSON", "Of a step")) == sorted(step)
    assert sorted(m4flash.words("JSON", "Of log")) == sorted(log)
    assert sorted(m4flash.words("JSON", "Of history")) == sorted(entry)


def test_keys_of_a_check(m4flash):
    verdict = json.loads(subprocess.check_output([M4FLASH, "check", "--json", SKETCH]))
    told = m4flash.words("JSON", "Of check")
    assert sorted(told) == sorted(verdict)
    for key in "ram", "symbols":
        assert set(verdict[key][0]) <= set(re.findall(r"\w+", told[key]))


# ---- The service --------------------------------------------------------------------------------


def test_fields_of_the_journal(m4flashd):
    fields = re.findall(r'"([A-Z0-9_]+)=', source("src/job/report.c"))
    told = m4flashd.words("JOURNAL", "Fields of an outcome")
    assert sorted(told) == sorted(set(fields) - {"MESSAGE_ID"})


def test_members_on_the_bus(m4flashd):
    interface = ElementTree.parse(TOP / "units/org.m4flash.Flasher1.xml").find("interface")
    members = "\n".join(m4flashd.lines("D-BUS"))
    for kind, word in ("method", "Methods"), ("signal", "Signal"), ("property", "Properties"):
        names = [member.get("name") for member in interface.findall(kind)]
        assert f"{word}: {', '.join(names)}." in members


def test_environment(m4flash, m4flashd):
    asked = set()
    for path in (TOP / "src").rglob("*.c"):
        asked.update(re.findall(r'(?:getenv|installed_at)\("(\w+)"', path.read_text()))
    of_systemd = {"STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC"}
    told = set(m4flash.words("ENVIRONMENT")) | set(m4flashd.words("ENVIRONMENT"))
    assert told == asked | of_systemd


# ---- Configuration ------------------------------------------------------------------------------


def test_settings(conf):
    board = re.search(r"'board'.*value: '(\S+)'", source("meson_options.txt"))[1]
    row = re.compile(r'\{"(\w+)", "(\w+)", &(\w+), FIELD\(\w+\), (?:"(.*)"|(\w+))\}')
    words = {"DEFAULT_BOARD": board, "NULL": None}
    expected = [
        (section, key, words.get(word, preset), kind == "path_or_none")
        for section, key, kind, preset, word in row.findall(source("src/config/settings.c"))
    ]
    found = []
    for section in conf.subsections("SETTINGS"):
        for term, text in conf.terms("SETTINGS", section).items():
            default = re.search(r"Default: (.*)$", text)[1]
            default = {"none": ""}.get(default, default)
            found.append((
                section.strip("[]"),
                term.split("=")[0],
                None if default == f"the board profile's {profile_key(term)}=" else default,
                "or nothing for none" in text,
            ))
    assert len(expected) > 10
    assert found == expected


def profile_key(term):
    """What a setting that is not set is taken from."""
    return {"Config": "OpenOCDConfig"}.get(term.split("=")[0], term.split("=")[0])


def test_board_profiles(conf):
    row = re.compile(r'\{"(\w+)", "(\w+)", \w+, (?:ON|RANGE)\([\w.]+\), (\w+),')
    expected = {
        (section, key): need == "OPTIONAL"
        for section, key, need in row.findall(source("src/config/board.c"))
    }
    found = {
        (section.strip("[]").removesuffix(" NAME"), term.split("=")[0]): "Optional." in text
        for section in conf.subsections("BOARD PROFILES")
        for term, text in conf.terms("BOARD PROFILES", section).items()
    }
    assert len(expected) > 10
    assert found == expected


def test_what_hooks_are_told(conf):
    told = re.findall(r'"(M4FLASH_\w+)=%s?"', source("src/job/deploy.c"))
    assert told
    assert sorted(conf.words("HOOKS")) == sorted(told)
