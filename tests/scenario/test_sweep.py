"""Sweeps: which lists are axes, what they combine to, and what is refused."""

import pytest

from linksim.scenario.dialect import parse
from linksim.scenario.loader import dump_scenario, validate
from linksim.scenario.sweep import MAX_MEMBERS, expand

OFDM = {"model": "ofdm", "snr_db": [10], "speed_kmh": [3, 30, 120]}


def swept(data):
    return expand(data, file="sweep.yaml")


def values(sweep):
    """Of every member, what its systems have of the swept fields."""
    return [member.systems for member in sweep.members]


def test_a_scenario_without_lists_is_one_member_as_it_was(minimal):
    sweep = swept(minimal)
    assert sweep.axes == ()
    assert values(sweep) == [{0: {}}]
    plain = validate(minimal, file="sweep.yaml")
    assert sweep.members[0].scenario == plain
    assert sweep.dump([plain]) == dump_scenario(plain)


def test_lists_where_a_field_takes_lists_sweep_nothing(minimal):
    minimal |= {"channel": {"model": "ofdm", "snr_db": [0, 4], "pilots": [2, 11]}}
    minimal["bandwidth"] = {"cbr": ["1/6", "1/3"]}
    minimal["images"] = {"source": "photos", "crop": [64, 96]}
    minimal["metrics"] = ["psnr", "ms_ssim"]
    minimal["pictures"] = {"images": [0, 1], "snr_db": [4]}
    assert swept(minimal).axes == ()


@pytest.mark.parametrize(
    ("field", "texts"),
    [
        ({"channel": OFDM}, {"channel.speed_kmh": ("3", "30", "120")}),
        ({"seed": [1, 2]}, {"seed": ("1", "2")}),
        ({"link": {"power": ["measured", "nominal"]}}, {"link.power": ("measured", "nominal")}),
        ({"link": {"amplifier": [None, {"model": "rapp"}]}}, {"link.amplifier": ("none", "{model: rapp}")}),
        (
            {"images": {"source": "photos", "crop": [[64, 64], [64, 96]]}},
            {"images.crop": ("[64, 64]", "[64, 96]")},
        ),
        ({"images": {"source": "patches32", "limit": [2, 4]}}, {"images.limit": ("2", "4")}),
        (
            {"fallback": ["grey", {"mean_colour": [1, 2, 3]}]},
            {"fallback": ("grey", "mean_colour: [1, 2, 3]")},
        ),
        (
            {"channel": [{"model": "awgn", "snr_db": 4}, {"model": "rayleigh_fast", "snr_db": 4}]},
            {"channel": ("awgn", "rayleigh_fast")},
        ),
        (
            {"channel": {"model": "ofdm", "snr_db": 4, "pilots": [[2], [2, 11]]}},
            {"channel.pilots": ("[2]", "[2, 11]")},
        ),
    ],
    ids=lambda value: next(iter(value)),
)  # fmt: skip
def test_any_field_of_the_study_can_be_swept(minimal, field, texts):
    sweep = swept({**minimal, **field})
    assert {axis.path: axis.texts for axis in sweep.axes} == texts
    ((path, names),) = texts.items()
    assert values(sweep) == [{0: {path: name}} for name in names]


def test_a_field_of_a_system_sweeps_that_system_alone(minimal):
    first, second = minimal["systems"][0], {**minimal["systems"][0], "label": "other"}
    minimal["systems"] = [{**first, "code": {"iterations": [5, 10, 20]}}, second]
    minimal["channel"]["model"] = ["awgn", "rayleigh_fast"]
    sweep, field = swept(minimal), "systems.0.code.iterations"
    awgn, fading = {"channel.model": "awgn"}, {"channel.model": "rayleigh_fast"}
    assert values(sweep) == [
        {0: awgn | {field: "5"}, 1: awgn},
        {0: awgn | {field: "10"}},
        {0: awgn | {field: "20"}},
        {0: fading | {field: "5"}, 1: fading},
        {0: fading | {field: "10"}},
        {0: fading | {field: "20"}},
    ]
    assert [member.scenario.systems[0].code.iterations for member in sweep.members] == [5, 10, 20] * 2
    assert [member.scenario.channel.model for member in sweep.members] == ["awgn"] * 3 + ["rayleigh_fast"] * 3


def test_two_fields_of_a_system_give_all_combinations(minimal):
    minimal["systems"][0] |= {
        "codec": {"name": ["jpeg", "jpeg2000"]},
        "mcs": {"policy": "fixed", "index": [4, 9]},
    }
    chosen = [tuple(member.systems[0].values()) for member in swept(minimal).members]
    assert chosen == [("jpeg", "4"), ("jpeg", "9"), ("jpeg2000", "4"), ("jpeg2000", "9")]


@pytest.mark.parametrize(
    "fields",
    [
        {"channel": OFDM},
        {"channel": {"model": ["ofdm", "awgn"], "snr_db": [0, 4]}},
        {"systems": [{"type": "separated", "label": "a", "codec": {"name": ["bpg", "jpeg"]}}]},
        {"systems": [{"type": "separated", "label": "a", "mcs": {"table": ["pdsch-1", "wifi-ad"]}}]},
        {"images": {"source": ["patches32", "photos"], "limit": 2}},
    ],
    ids=["speed", "model", "codec", "table", "source"],
)
def test_the_resolved_sweep_loads_to_the_same_members(minimal, fields):
    sweep = swept({**minimal, **fields})
    text = sweep.dump([member.scenario for member in sweep.members])
    again = swept(parse(text))
    assert again.members == sweep.members
    assert [axis.path for axis in again.axes] == [axis.path for axis in sweep.axes]


def test_a_figure_may_run_along_swept_numbers(minimal):
    minimal |= {"channel": OFDM, "figures": [{"x": "sweep.channel.speed_kmh", "y": "psnr_db", "file": "a"}]}
    assert swept(minimal).members[0].scenario.figures[0].x == "sweep.channel.speed_kmh"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"seed": list(range(MAX_MEMBERS + 1))}, ["seed", "65 combinations", "64 are the most"]),
        ({"seed": [1, 1]}, ["seed", "'1' appears more than once"]),
        ({"seed": [1, "a"]}, ["seed", "'a' is not allowed"]),
        ({"seed": []}, ["seed", "[] is not allowed"]),
        ({"name": ["a", "b"]}, ["name", "write text"]),
        ({"title": ["a", "b"]}, ["title", "write text"]),
        ({"channel": {**OFDM, "speed_kmh": [3, 3000]}}, ["channel.speed_kmh", "3000 is not allowed"]),
        ({"channel": {"model": ["awgn", "ofdm"], "snr_db": 4, "speed_kmh": 3}}, ["channel.speed_kmh"]),
        (
            {"figures": [{"x": "sweep.channel.speed_kmh", "y": "psnr_db", "file": "a"}]},
            ["figures.0.x", "channel.speed_kmh is not swept"],
        ),
        (
            {
                "channel": {"model": ["awgn", "rayleigh_fast"], "snr_db": 4},
                "figures": [{"x": "sweep.channel.model", "y": "psnr_db", "file": "a"}],
            },
            ["figures.0.x", "channel.model takes names"],
        ),
        (
            {
                "images": {"source": "patches32", "limit": [2, 4]},
                "pictures": {"images": [0], "snr_db": [4]},
            },
            ["images.limit", "remove `pictures:`"],
        ),
        (
            {"systems": [{"type": "learned", "weights": ["zoo:a/b", "zoo:a/c"]}]},
            ["systems.0.label", "add `label:`"],
        ),
        (
            {"systems": [{"type": "own", "label": "a", "codec": ["a.py:f", "b.py:f"], "digest": "1"}]},
            ["systems.0.codec", "one digest for several codecs"],
        ),
    ],
    ids=[
        "many", "twice", "wrong", "empty", "name", "title", "limit", "union", "figure", "names", "kept",
        "label", "digest",
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(minimal, refusal, fields, told):
    text = refusal(swept, {**minimal, **fields})
    assert text.startswith("sweep.yaml: ")
    for words in told:
        assert words in text


def test_the_limit_counts_the_combinations_of_each_system(minimal, refusal):
    system = minimal["systems"][0]
    minimal["systems"] = [
        {**system, "label": label, "code": {"iterations": list(range(1, 33))}} for label in "ab"
    ]
    assert len(swept(minimal).members) == 63
    minimal["seed"] = [1, 2]
    assert "126 combinations of systems.0.code.iterations, systems.1" in refusal(swept, minimal)
