"""Mutated scenarios: each is checked correctly or refused in two lines, never a traceback."""

import copy
import random
import time
from collections import Counter

import pytest
import yaml

from linksim.cli import main

pytestmark = pytest.mark.slow

COUNT = 500

COMMON = {"channel": {"model": "awgn", "snr_db": [0, 6]}, "metrics": ["psnr"]}
PICTURES = {"images": {"source": "patches32", "limit": 2}, "bandwidth": {"cbr": "1/6"}, **COMMON}

#: Small ones of every kind, so that those which a mutation leaves valid are checked in no time.
SCENARIOS = [
    {
        "name": "separated",
        **PICTURES,
        "systems": [
            {"type": "separated", "label": "JPEG", "codec": {"name": "jpeg"}, "mcs": {"indices": [4, 9]}},
            {"type": "capacity_bound", "label": "bound", "codec": {"name": "jpeg"}, "capacity": "gaussian"},
        ],
        "stop": {"trials": 2, "max_trials": 4, "psnr_halfwidth_db": 0.3},
        "pictures": {"images": [0], "snr_db": 6},
        "figures": [{"x": "snr_db", "y": "psnr_db", "file": "psnr"}],
    },
    {
        "name": "fixed",
        **PICTURES,
        "channel": {"model": "rayleigh_block", "snr_db": {"from": 0, "to": 10, "step": 5}},
        "systems": [
            {
                "type": "separated",
                "label": "BPG",
                "codec": {"name": "bpg", "chroma": "4:2:0"},
                "code": {"name": "nr-ldpc", "decoder": "fast", "iterations": 8},
                "mcs": {"table": "pdsch-2", "policy": "fixed", "index": 3},
            }
        ],
        "link": {"power": "measured", "csi": "perfect"},
        "fallback": {"mean_colour": [120, 110, 100]},
    },
    {
        "name": "learned",
        **PICTURES,
        "systems": [{"type": "learned", "label": "tiny", "weights": "WEIGHTS"}],
        "fallback": "grey",
        "chunk": 2,
    },
    {
        "name": "bits",
        **COMMON,
        "systems": [
            {
                "type": "bits",
                "label": "802.11ad",
                "code": {"name": "ieee80211ad-ldpc"},
                "mcs": {"table": "wifi-ad", "indices": [1, 2]},
                "uses": 672,
                "blocks": 10,
            }
        ],
        "figures": [{"x": "snr_db", "y": "bler", "file": "bler", "log_y": True}],
    },
]
for scenario in SCENARIOS:
    if scenario["name"] == "bits":
        del scenario["metrics"]

JUNK = [
    None, True, 0, 1, -1, 2, 3.5, 1e300, float("nan"), float("inf"), 10**30, "2026-01-01",
    "", " ", "0", "1/0", "1/6", "grey", "awgn", "measured", "pdsch-1", "zoo:a/b", "../../etc", "\u0000",
    "ü" * 300, [], [[]], [None], [1, 1], {}, {"": 1}, {1: 2},
    {"from": 0, "to": 1, "step": 0}, {"from": 1, "to": 0, "step": 0.1},
]  # fmt: skip

LETTERS = "[]{}:-&*!|>'\"%@`\t\n,?#ä0"


def places(node):
    """Every container with each of its keys."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


def mutate(data, dice):
    """Nudge, replace, delete, rename, move, repeat or add one value."""
    found = list(places(data))
    node, key = dice.choice(found)
    other, its_key = dice.choice(found)
    match dice.randrange(9):
        case 0 | 1 | 2 if isinstance(node[key], int | float):
            node[key] = node[key] * dice.choice([-1, 0.5, 2]) + dice.choice([0, 1])
        case 0 | 1:
            node[key] = dice.choice(JUNK)
        case 2 | 3:
            del node[key]
        case 4 if isinstance(node, dict):
            node[str(key)[:-1] or "x"] = node.pop(key)
        case 5:
            node[key] = copy.deepcopy(other[its_key])
        case 6 if isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        case _ if isinstance(node, dict):
            node[dice.choice(["snr_db", "limit", "label", "mcs", "unknown"])] = dice.choice(JUNK)


def garble(text, dice):
    """Cut, add or replace some letters."""
    place = dice.randrange(len(text))
    added = "".join(dice.choices(LETTERS, k=dice.randrange(1, 4)))
    return dice.choice([text[:place], text[:place] + added + text[place + dice.randrange(3) :]])


@pytest.mark.filterwarnings("ignore")  # what a check warns of is no error of it
def test_mutated_scenarios(tiny_weights, tmp_path, capsys, note):
    dice, seen, slowest = random.Random(2026), Counter(), 0.0
    path = tmp_path / "mutated.yaml"
    for data in SCENARIOS:
        path.write_text(yaml.safe_dump(data).replace("WEIGHTS", str(tiny_weights)))
        assert main(["check", str(path)]) == 0, capsys.readouterr().err
    for number in range(COUNT):
        data = copy.deepcopy(SCENARIOS[number % len(SCENARIOS)])
        if number % 5:
            for _ in range(dice.choice([1, 1, 2, 3])):
                if data:
                    mutate(data, dice)
            text = yaml.safe_dump(data, allow_unicode=True)
        else:
            text = garble(yaml.safe_dump(data), dice)
        path.write_text(text.replace("WEIGHTS", str(tiny_weights)), encoding="utf-8")
        began = time.monotonic()
        code = main(["check", str(path)])
        slowest = max(slowest, time.monotonic() - began)
        out, errors = capsys.readouterr()
        told = [line for line in errors.splitlines() if not line.startswith("warning:")]
        assert code in (0, 2), (text, errors)
        assert "Traceback" not in errors, (text, errors)
        if code:
            assert told[0].startswith("error: "), (text, errors)
            assert len(told) <= 2, (text, errors)
        else:
            assert "upper bound: " in out, text
            assert not told, (text, errors)
        seen[code] += 1
    assert min(seen[0], seen[2]) > COUNT / 20
    note(
        f"{COUNT} mutated scenarios (fixed seed) given to `linksim check`",
        f"{seen[0]} checked, {seen[2]} refused in two lines, exit code 2; no traceback; "
        f"the slowest took {slowest:.0f} s",
        "test_mutated_scenarios.py",
    )
