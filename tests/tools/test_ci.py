"""The example of a workflow: its step that checks sketches, run as GitHub's runner would run it."""

import json
import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / "scripts" / "ci" / "github-workflow.yml"
COMMAND = os.environ["M4FLASH_COMMAND"]
SKETCHES = Path(os.environ["SKETCHES"])

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")


def step(name):
    """The shell script of the step."""
    text = WORKFLOW.read_text()
    return textwrap.dedent(re.search(rf"- name: {name}\n.*?run: \|\n(.*?)\n\n", text, re.DOTALL)[1])


@pytest.fixture
def check(tmp_path):
    """Runs the step on sketches of these names: its exit status, output, and the file it leaves."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "m4flash").symlink_to(COMMAND)
    (tmp_path / "build").mkdir()

    def run(*names):
        for name in names:
            shutil.copy(SKETCHES / f"{name}.elf", tmp_path / "build")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step("Check")], cwd=tmp_path,
            env=os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        lines = (tmp_path / "verdicts.jsonl").read_text().splitlines()
        return done.returncode, done.stdout.splitlines(), [json.loads(line) for line in lines]

    return run


def test_good_sketches_pass(check):
    status, output, verdicts = check("blink", "pulse")
    assert (status, output) == (0, [])
    assert [verdict["result"] for verdict in verdicts] == ["accepted"] * 2


def test_bad_sketch_fails_with_its_reason(check):
    status, output, verdicts = check("blink", "dtcm-stack")
    assert status != 0
    assert len(output) == 1 and re.match(
        r"::error title=stack-pointer::build/dtcm-stack\.elf: \S", output[0])
    assert len(verdicts) == 2


def test_no_sketch_is_a_failure(check):
    assert check()[0] != 0
