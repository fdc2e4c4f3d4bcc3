"""The JSON Schema for editors: up to date, valid, and of one mind with the loader."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from linksim.scenario.dialect import read_yaml
from linksim.scenario.errors import InputError
from linksim.scenario.loader import apply_overrides, json_schema
from linksim.scenario.sweep import expand

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator():
    return Draft202012Validator(json.loads(json_schema()))


def test_the_shipped_schema_is_up_to_date():
    shipped = files("linksim.scenario").joinpath("scenario.schema.json").read_text(encoding="utf-8")
    assert shipped == json_schema()


def test_the_schema_is_valid(validator):
    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_fit(path, validator):
    validator.validate(read_yaml(path))


@pytest.mark.parametrize(
    "override",
    [
        "channel.snr_db=3",
        "channel.snr_db={from: -2, to: 20, step: 0.5}",
        "bandwidth.cbr=1 / 16",
        "bandwidth.cbr=[0.0833, 1/12, 1e-2]",
        "fallback={mean_colour: [1, 2, 3]}",
        "images={source: folder, path: here, strict: true}",
        "systems.0.codec={name: bpg, chroma: 4:4:4}",
        "systems.0.mcs={table: wifi-ad, indices: [4, 6]}",
        "systems.0.mcs={policy: threshold, target_bler: 0.05, calibration: sionna}",
        "systems.0={type: learned, weights: zoo:a/b, equaliser: mmse}",
        "systems.0.code={decoder: fast, precision: float32}",
        "stop={trials: 2, max_trials: 10, psnr_halfwidth_db: 0.1}",
        "systems.0={type: learned, weights: zoo:ujscc/b, boundaries: [3, 9.5]}",
        "systems.0={type: learned, weights: {order: {'1': zoo:a/b, '4': zoo:a/c}}, target_ser: 0.2}",
        "systems.0.classifier={weights: zoo:picture-classifier/a}",
        "channel={model: ofdm, snr_db: 3, profile: cdl-c, pilots: [3], rx_antennas: 2}",
        "link={amplifier: {backoff_db: 6}}",
        "systems.0={type: capacity_bound, classifier: {weights: a/b.weights.h5}}",
        "systems.0={type: own, label: mine, codec: 'my_net.py:build', digest: v1}",
        # Sweeps.
        "channel={model: ofdm, snr_db: 3, speed_kmh: [3, 30], pilots: [[2], [2, 11]]}",
        "channel.model=[awgn, rayleigh_fast]",
        "channel=[{model: awgn, snr_db: 3}, {model: ofdm, snr_db: [3, 4]}]",
        "images={source: [photos, kodak], crop: [[64, 64], [64, 96]], limit: [1, 2]}",
        "link={power: [measured, nominal], amplifier: [null, {backoff_db: 6}]}",
        "systems.0.codec={name: [jpeg, jpeg2000]}",
        "systems.0.mcs={policy: fixed, index: [3, 4]}",
        "systems.0={type: learned, label: a, weights: [zoo:a/b, zoo:a/c]}",
    ],
)
def test_what_the_loader_takes_fits(override, minimal, validator):
    scenario = apply_overrides(minimal, (override,), file="a.yaml")
    expand(scenario, file="a.yaml")
    validator.validate(scenario)


@pytest.mark.parametrize(
    "override",
    [
        "foo=1",
        "name=[a, b]",
        "systems.0.label=[a, b]",
        "figures=[{y: [psnr_db, bler], file: a}]",
        "channel.snr_db=[[]]",
        "seed=[1, x]",
        "seed=x",
        "seed=-1",
        "name=a b",
        "channel.snr_db=[]",
        "channel.snr_db={from: 0, to: 1}",
        "channel.model=cable",
        "bandwidth.cbr=abc",
        "bandwidth.cbr=9",
        "systems=[]",
        "systems.0.codec.chrmoa=1",
        "systems.0.codec={}",
        "systems.0.mcs.table=pdsch-5",
        "systems.0.code.decoder=quick",
        "systems.0.code.precision=int8",
        "systems.0={type: learned, weights: zoo:a/b, target_ser: 0.5}",
        "systems.0={type: learned, weights: zoo:a/b, boundaries: []}",
        "systems.0={type: learned, weights: zoo:a/b, boundaries: [101]}",
        "systems.0={type: learned, weights: {order: {}}}",
        "systems.0.classifier=zoo:picture-classifier/a",
        "systems.0={type: learned, weights: zoo:a/b, classifier: {weight: zoo:a/b}}",
        "images={source: folder}",
        "images={source: photos, crop: [8]}",
        "fallback={mean_colour: [0, 0, 256]}",
        "figures=[{y: nothing, file: a}]",
    ],
)
def test_what_the_loader_refuses_does_not_fit(override, minimal, validator):
    scenario = apply_overrides(minimal, (override,), file="a.yaml")
    assert not validator.is_valid(scenario)
    with pytest.raises(InputError):
        expand(scenario, file="a.yaml")
