"""Scenarios broken in hundreds of ways: exit code 2 and two lines, whatever it is."""

import copy
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from linksim.scenario.dialect import read_yaml

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))

#: Fields without a default, and those where any text will do.
REQUIRED = {"name", "images", "bandwidth", "channel", "systems", "source", "cbr", "model", "snr_db", "type"}
FREE = {"label", "title", "path"}


def entries(node, key=None):
    """Every (container, key, name of the field) of parsed YAML; elements bear the name of their list."""
    for place, value in node.items() if isinstance(node, dict) else enumerate(node):
        name = place if isinstance(node, dict) else key
        yield node, place, name
        if isinstance(value, dict | list):
            yield from entries(value, name)


def delete_a_required_key(node, key):
    del node[key]


def rename_a_key(node, key):
    node[f"{key}_"] = node.pop(key)


def change_the_type(node, key):
    node[key] = {"nonsense": 1} if isinstance(node[key], str) else "nonsense"


def write_a_number_out_of_range(node, key):
    node[key] = -1_000_000_000


def write_garbage(node, key):
    node[key] = "?\a <garbage>"


#: Each mutation with the entries that it makes invalid for certain.
MUTATIONS = {
    delete_a_required_key: lambda node, key, name: key in REQUIRED,
    rename_a_key: lambda node, key, name: isinstance(key, str),
    change_the_type: lambda node, key, name: node[key] is not None,
    write_a_number_out_of_range: lambda node, key, name: type(node[key]) in (int, float),
    write_garbage: lambda node, key, name: isinstance(node[key], str) and name not in FREE,
}


def mutated(seed):
    """The text of a shipped scenario with one mistake."""
    dice = random.Random(seed)
    path = dice.choice(SHIPPED)
    if seed % 6 == 5:
        lines = path.read_text(encoding="utf-8").splitlines()
        lines.insert(dice.randint(1, len(lines)), "{]")
        return "\n".join(lines)
    mutate, applies = list(MUTATIONS.items())[seed % 6]
    data = copy.deepcopy(read_yaml(path))
    node, key, _ = dice.choice([entry for entry in entries(data) if applies(*entry)])
    mutate(node, key)
    return yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize("seed", range(200))
def test_a_mutated_scenario_is_refused(seed, refused, tmp_path):
    path = tmp_path / "mutated.yaml"
    path.write_text(mutated(seed), encoding="utf-8")
    assert refused("check", path).startswith(f"error: {path}: ")


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n\xff", b"- 1\n", b"name: [" * 5000])
def test_a_file_that_is_no_scenario_is_refused(command, content, refused, tmp_path):
    path = tmp_path / "scenario.yaml"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refused(command, path)


def test_a_bad_override_is_refused(refused, scenario_file):
    assert "channel.snr" in refused("check", scenario_file, "--set", "channel.snr=3")
    assert "--set seed" in refused("check", scenario_file, "--set", "seed=[")
    assert "--set nonsense" in refused("check", scenario_file, "--set", "nonsense")


def test_what_does_not_fit_the_pictures_is_refused(refused, scenario_file):
    text = refused("check", scenario_file, "--set", "bandwidth.cbr=1/7000")
    assert text.startswith(f"error: {scenario_file}: bandwidth.cbr: ")
    text = refused("check", scenario_file, "--set", "pictures={images: [4], snr_db: 4}")
    assert text.startswith(f"error: {scenario_file}: pictures.images: ")
    assert "0 to 3" in text


def test_a_bad_scenario_is_refused_before_tensorflow_starts(scenario_file):
    code = (
        "import sys; from linksim.cli import main; "
        f"code = main(['check', {str(scenario_file)!r}, '--set', 'seed=x']); "
        "print(code, {'tensorflow', 'sionna'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "2 set()\n"
