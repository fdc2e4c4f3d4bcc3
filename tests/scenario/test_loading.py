"""Loading: shipped scenarios, defaults, frozen models, and a dump that loads to the same scenario."""

from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from linksim.scenario.loader import dump_scenario, load_scenario, validate
from linksim.scenario.sweep import load_sweep

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))


def test_scenarios_are_shipped():
    assert SHIPPED


def test_shipped_scenarios_have_names_of_their_own():
    names = [load_sweep(path).members[0].scenario.name for path in SHIPPED]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_dump_loads_to_the_same_scenario(path, tmp_path):
    sweep = load_sweep(path)
    copy = tmp_path / "copy.yaml"
    copy.write_text(sweep.dump([member.scenario for member in sweep.members]), encoding="utf-8")
    assert load_sweep(copy).members == sweep.members


@pytest.mark.parametrize(
    "text", ["1e3", "no", "4:2:0", "2024-01-01", "012", "0x1f", "~", "Größe → ½", "a: b #"]
)
def test_text_that_looks_like_something_else_survives_a_dump(text, minimal, tmp_path):
    scenario = validate(minimal | {"title": text}, file="a.yaml")
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_scenario(scenario), encoding="utf-8")
    assert load_scenario(copy).title == text


def test_every_optional_part_survives_a_dump(minimal, tmp_path):
    minimal |= {
        "bandwidth": {"cbr": ["1/6", 0.1]},
        "fallback": {"mean_colour": [1, 2, 3]},
        "stop": {"trials": 2, "max_trials": 9, "psnr_halfwidth_db": 0.1, "min_block_errors": 5},
        "pictures": {"images": [0], "snr_db": {"from": 0, "to": 1, "step": 0.1}},
        "chunk": 3,
    }
    minimal["systems"][0]["grouping"] = {"mosaic": 4}
    scenario = validate(minimal, file="a.yaml")
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_scenario(scenario), encoding="utf-8")
    assert load_scenario(copy) == scenario


def test_defaults_are_those_of_the_interface(minimal):
    del minimal["systems"][0]["codec"], minimal["systems"][0]["mcs"]
    scenario = validate(minimal, file="a.yaml")
    system = scenario.systems[0]
    assert (scenario.link.power, scenario.link.csi, scenario.fallback) == ("measured", "perfect", "grey")
    assert (scenario.stop.trials, scenario.stop.limit) == (1, 1)
    assert (system.codec.name, system.codec.chroma, system.codec.preset) == ("bpg", "4:2:0", "slow")
    code = system.code
    assert (code.name, code.decoder, code.precision, code.iterations) == ("nr-ldpc", "fast", "int16", 20)
    assert system.mcs.candidates == tuple(range(29))
    assert scenario.bandwidth.cbr == (Fraction(1, 6),)


@pytest.mark.parametrize(
    ("table", "code"),
    [("pdsch-4", "nr-ldpc"), ("papers-ldpc", "nr-ldpc"), ("wifi-ad", "ieee80211ad-ldpc")],
)
@pytest.mark.parametrize("written", [True, False])
def test_the_table_brings_its_code(table, code, written, minimal, tmp_path):
    minimal["systems"][0] |= {"mcs": {"table": table}, "code": {"name": code} if written else {}}
    minimal["systems"] += [{"type": "capacity_bound", "table": table}]
    scenario = validate(minimal, file="a.yaml")
    assert scenario.systems[0].code.name == code
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_scenario(scenario), encoding="utf-8")
    assert load_scenario(copy) == scenario


@pytest.mark.parametrize(
    ("written", "precision"),
    [
        ({}, "int16"),
        ({"precision": "float32"}, "float32"),
        ({"decoder": "fast", "precision": "int16"}, "int16"),
        ({"decoder": "sionna"}, None),
    ],
)
def test_precision_belongs_to_the_fast_decoder(written, precision, minimal, tmp_path):
    minimal["systems"][0]["code"] = written
    scenario = validate(minimal, file="a.yaml")
    assert scenario.systems[0].code.precision == precision
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_scenario(scenario), encoding="utf-8")
    assert load_scenario(copy) == scenario


def test_psnr_is_always_measured(minimal):
    assert validate(minimal | {"metrics": ["ssim"]}, file="a.yaml").metrics == ("psnr", "ssim")


def test_a_fixed_mcs_is_the_only_candidate(minimal):
    minimal["systems"][0]["mcs"] = {"policy": "fixed", "index": 10}
    assert validate(minimal, file="a.yaml").systems[0].mcs.candidates == (10,)


def test_a_scenario_cannot_be_changed(minimal):
    scenario = validate(minimal, file="a.yaml")
    for model, field in (
        (scenario, "seed"),
        (scenario.channel, "snr_db"),
        (scenario.systems[0].code, "name"),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, field, 1)
