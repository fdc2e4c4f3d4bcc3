"""`linksim init` and what a user types next; completion in the shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from linksim.api import prepare
from linksim.scenario.loader import load_scenario

TEMPLATE = Path(load_scenario.__code__.co_filename).with_name("template.yaml").read_text(encoding="utf-8")
LINES = TEMPLATE.splitlines()
OPTIONS = [number for number, line in enumerate(LINES) if re.match(r" *#[^ ]", line)]


def test_it_writes_a_scenario_that_check_accepts(linksim, tmp_path):
    path = tmp_path / "mine.yaml"
    seen = linksim("init", path)
    assert seen == (0, f"Edit {path}, then `linksim check {path}` and `linksim run {path}`\n", "")
    assert load_scenario(path).name == "mine"
    seen = linksim("check", path, "--set", "channel.snr_db=10", "--set", "images.limit=1")
    assert (seen.code, seen.err) == (0, "")
    assert "upper bound: " in seen.out


def test_it_overwrites_nothing(refused, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert refused("init", path) == f"error: {path}: is there already\nmend: name another file\n"
    assert path.read_text() == "mine"
    assert "cannot be written" in refused("init", tmp_path / "nowhere" / "mine.yaml")


def test_a_name_that_no_scenario_can_have_is_not_taken(linksim, tmp_path):
    path = tmp_path / "my study!.yaml"
    assert linksim("init", path).code == 0
    assert load_scenario(path).name == "my-study"


@pytest.mark.parametrize("number", OPTIONS, ids=[LINES[number].strip(" #")[:50] for number in OPTIONS])
def test_every_option_is_valid(number, tmp_path):
    """Instead of the line of the same key above it in its block, where there is one."""
    lines = list(LINES)
    indent, option = re.match(r"( *)#(.*)", lines[number]).groups()
    lines[number] = indent + option
    key = re.match(r"\w+:", option)
    if key is not None:
        for above in range(number - 1, -1, -1):
            if lines[above].startswith(indent + key.group()):
                lines[above] = ""
                break
    path = tmp_path / "option.yaml"
    path.write_text("\n".join(lines))
    changed = load_scenario(path)
    (tmp_path / "plain.yaml").write_text(TEMPLATE)
    assert changed != load_scenario(tmp_path / "plain.yaml")
    if "my-pictures" not in option:  # a folder that only a user has
        prepare(changed)


def complete(*words):
    """What the shell is offered after these words."""
    asked = {"COMP_WORDS": " ".join(["linksim", *words]), "COMP_CWORD": str(len(words))}
    code = "import sys; sys.argv = ['linksim']; from linksim.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked, "_LINKSIM_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_the_shell_completes_commands_weights_and_recipes():
    assert complete("do") == ["doctor"]
    assert complete("models", "picture-c") == ["picture-classifier/fashion-mnist"]
    assert "ujscc/b" in complete("train", "ujscc/")
