"""Shell completion, in real shells: what they offer is what --help tells of."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from test_man import OPTION, commands, help_of

COMPLETION = Path(__file__).parents[2] / "units/completion"
M4FLASH = Path(os.environ["M4FLASH_COMMAND"])
LIMIT = 60  # seconds until a shell that says nothing is given up

# A program with every kind of argument, and a history.
STUB = r"""#!/bin/sh
case "$*" in
    "history --json") printf '{"id":%d,"code":"ok"}\n' 7 19 ;;
    "--help") cat <<'END' ;;
Usage: m4flash COMMAND

Commands:
  take      Take: it [all].
  end       End it.

Options:
  --help  this text
END
    "take --help") cat <<'END' ;;
Usage: m4flash take [--config FILE] [--adb [SERIAL] | --ssh HOST] [-n N] FILE... | --sha256 DIGEST

Options:
  -b, --board NAME    a board
  -n, --lines N       a number: [any]
      --config FILE   a file
      --state-dir DIR  a folder
  -D, --adb[=SERIAL]  a device
END
    "end --help") printf 'Usage: m4flash end [--json] [ID]\n\nOptions:\n  -j, --json  JSON\n' ;;
esac
"""
ADB = r"""#!/bin/sh
printf 'List of devices attached\nDEVICE1\tdevice\nDEVICE2\tdevice\n\n'
"""


class World:
    """A folder with some files, and a PATH on which m4flash is found."""

    def __init__(self, folder):
        self.here = folder / "here"
        self.bin = folder / "bin"
        self.boards = folder / "boards"
        for path in self.here / "folder", self.bin, self.boards:
            path.mkdir(parents=True)
        for name in "sketch.elf", "notes.txt", "../boards/this-board.conf":
            (self.here / name).touch()
        self.env = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "M4FLASH_BOARDS_DIR": str(self.boards),
            "HOME": str(folder),
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "200",
        }

    def install(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, argv, world):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(world.here)
            os.execve(argv[0], argv, world.env)
        self.heard = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, pattern):
        """What is heard before the pattern, which is taken away with it."""
        deadline = time.monotonic() + LIMIT
        while not (match := re.search(pattern, self.heard)):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {pattern!r}: {self.heard}"
            try:
                self.heard += os.read(self.fd, 4096).decode(errors="replace").replace("\r", "")
            except OSError:
                raise AssertionError(f"has ended: {self.heard}") from None
        before, self.heard = self.heard[: match.start()], self.heard[match.end() :]
        return before

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Bash:
    """Fills the variables as readline does, and calls what is registered for m4flash."""

    SCRIPT = """
        source "$1/m4flash.bash"
        [[ $(complete -p m4flash) =~ -F\\ ([^ ]+) ]] || exit 1
        COMP_WORDS=("${@:2}") COMP_CWORD=$(( $# - 2 )) COMP_LINE="${*:2}" COMP_POINT=${#COMP_LINE}
        "${BASH_REMATCH[1]}" m4flash "${@: -1}" "${@: -2:1}"
        (( ${#COMPREPLY[@]} == 0 )) || printf '%s\\n' "${COMPREPLY[@]}"
    """

    def __init__(self, world):
        self.world = world

    def offers(self, *words):
        done = subprocess.run(
            ["bash", "--norc", "-c", self.SCRIPT, "bash", COMPLETION, *words],
            cwd=self.world.here, env=self.world.env, capture_output=True, text=True, check=True,
        )
        assert done.stderr == ""
        return set(done.stdout.split("\n")) - {""}


class Zsh:
    """Types the words and a tab; instead of adding a match, zsh prints it."""

    SETUP = """
        PROMPT= RPROMPT=; unsetopt prompt_sp prompt_cr zle_bracketed_paste 2>/dev/null
        unset zle_bracketed_paste
        fpath=(COMPLETION $fpath); autoload -Uz compinit; compinit -u -d DUMP
        stop() { print -n '<'end'>' }
        start() { print -n '<'start'>' }
        compprefuncs=(start); comppostfuncs=(stop)
        zstyle ':completion:*' completer _complete
        compadd() {
            if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
            typeset -a hits; builtin compadd -A hits "$@"
            (( $#hits )) && print -rl -- '' $hits
        }
        bindkey '^I' complete-word
        print -n '<'ready'>'
    """

    def __init__(self, world):
        self.world = world

    def offers(self, *words):
        shell = Terminal(["/usr/bin/zsh", "-f", "-i"], self.world)
        try:
            setup = self.SETUP.replace("COMPLETION", str(COMPLETION))
            (self.world.here.parent / "setup").write_text(setup.replace("DUMP", str(self.dump)))
            shell.type("source ../setup\n")
            shell.read_until("<ready>")
            shell.type(" ".join(words) + "\t")
            shell.read_until("<start>")
            return set(shell.read_until("<end>").split("\n")) - {""}
        finally:
            shell.close()


SHELLS = {"bash": Bash, "zsh": Zsh}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture(autouse=True, scope="session")
def dump(tmp_path_factory):
    """What zsh's compinit has found, for the next zsh: that saves most of the time."""
    Zsh.dump = tmp_path_factory.mktemp("zsh") / "dump"


@pytest.fixture(params=SHELLS)
def shell(request, world):
    if shutil.which(request.param) is None:
        pytest.skip(f"no {request.param}")
    return SHELLS[request.param](world)


@pytest.fixture
def real(world):
    os.symlink(M4FLASH, world.bin / "m4flash")


@pytest.fixture
def stub(world):
    world.install("m4flash", STUB)
    world.install("adb", ADB)


def names(text):
    return {name for short, long, _ in OPTION.findall(text) for name in (short, long) if name}


def test_offers_every_command(shell, real):
    assert shell.offers("m4flash", "") == set(commands())


def test_offers_the_commands_that_fit(shell, real):
    assert shell.offers("m4flash", "hist") == {"history"}


def test_offers_the_options_of_no_command(shell, real):
    assert shell.offers("m4flash", "--") == {"--help", "--version"}


@pytest.mark.parametrize("command", commands())
def test_offers_every_option(shell, real, command):
    options = {name for name in names(help_of(str(M4FLASH), command)) if name.startswith("--")}
    assert shell.offers("m4flash", command, "--") == options


def test_offers_short_options_too(shell, real):
    assert shell.offers("m4flash", "history", "-") >= {"-n", "-j", "-h", "--lines"}


@pytest.mark.parametrize(
    "words, offered",
    [
        (("take", ""), {"sketch.elf", "notes.txt", "folder"}),
        (("take", "sk"), {"sketch.elf"}),
        (("take", "--config", ""), {"sketch.elf", "notes.txt", "folder"}),
        (("take", "--state-dir", ""), {"folder"}),
        (("take", "--board", "this"), {"this-board"}),
        (("take", "-b", "this"), {"this-board"}),
        (("take", "--lines", ""), set()),
        (("end", ""), {"7", "19"}),
        (("end", "1"), {"19"}),
        (("end", "--json", ""), {"7", "19"}),
        (("no-such-command", "--"), set()),
    ],
)
def test_offers_the_right_kind_of_argument(shell, stub, words, offered):
    assert {word.rstrip("/") for word in shell.offers("m4flash", *words)} == offered


def test_offers_devices(shell, stub):
    """The option's argument may be left out, and a file may come there."""
    assert shell.offers("m4flash", "take", "--adb", "DEV") == {"DEVICE1", "DEVICE2"}
    assert "sketch.elf" in shell.offers("m4flash", "take", "--adb", "sk")


def test_descriptions_may_have_any_text(world, stub):
    """Brackets and colons mean something to zsh."""
    if shutil.which("zsh") is None:
        pytest.skip("no zsh")
    assert Zsh(world).offers("m4flash", "take", "-") >= {"-n", "--lines", "--config"}


def test_a_tab_in_bash(world, real):
    """The same by way of readline."""
    shell = Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], world)
    try:
        shell.type("PS1=; bind 'set enable-bracketed-paste off'\n")
        shell.type(f"source {COMPLETION}/m4flash.bash\n")
        shell.type("echo '<'ready'>'\n")
        shell.read_until("<ready>\n")
        shell.type("m4flash hist\t--li\t2")
        shell.read_until("m4flash history --lines 2")
    finally:
        shell.close()
