"""Recipes: what they take from each other, what they refuse and how clearly, and those that are shipped."""

import pytest
import yaml

from linksim import jscc
from linksim.training.channels import CHANNELS, POWERS
from linksim.training.distortion import DISTORTIONS
from linksim.training.recipe import (
    PhaseSpec,
    TrainingChannelSpec,
    load_recipe,
    shipped_recipes,
)


@pytest.fixture
def write(tmp_path):
    """Writes data or text as a YAML file; returns its path."""

    def write(data, name="tiny.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(data if isinstance(data, str) else yaml.safe_dump(data), encoding="utf-8")
        return path

    return write


def test_defaults(write, tiny):
    recipe = load_recipe(write(tiny))
    assert (recipe.seed, recipe.start, recipe.early_stopping, recipe.precision) == (1, None, None, "float32")
    assert (recipe.channel.model, recipe.channel.power, recipe.channel.through) == (
        "awgn", "measured", "light",
    )  # fmt: skip
    phase = recipe.phases[0]
    assert (phase.distortion, phase.divergence, phase.train) == ("mse", 0.0, None)
    # σ_q of DeepJSCC-Q: from 5 by 5 every 10,000 updates up to 100.
    hardness = phase.hardness
    assert (hardness.start, hardness.step, hardness.every, hardness.limit) == (5, 5, 10_000, 100)


def test_a_recipe_takes_from_another_what_it_lacks(write, tiny):
    """Mappings field by field; lists whole; files relative to the file that names them."""
    write({"name": "base", "batch": 16, "channel": {"snr_db": 3}}, "far.yaml")
    write({**tiny, "extends": "../far.yaml", "batch": 4}, "folder/near.yaml")
    path = write(
        {
            "extends": "near.yaml",
            "name": "own",
            "channel": {"model": "rayleigh_block"},
            "phases": [{"steps": 1}],
        },
        "folder/own.yaml",
    )
    recipe = load_recipe(path)
    assert (recipe.name, recipe.batch, recipe.model.symbols) == ("own", 4, 2)
    assert (recipe.channel.model, recipe.channel.snr_db) == ("rayleigh_block", 10)
    assert [phase.steps for phase in recipe.phases] == [1]


def test_overrides_come_last(write, tiny):
    recipe = load_recipe(write(tiny), ("phases.0.steps=3", "channel.snr_db=[0, 20]", "seed=7"))
    assert (recipe.phases[0].steps, recipe.channel.snr_db, recipe.seed) == (3, (0, 20), 7)


@pytest.mark.parametrize(
    ("override", "known"),
    [
        ("channels=3", "channels: unknown"),
        ("model.name=jpeg", "model.name: "),
        ("model.channels=[4]", "model.channels: unknown"),
        ("model={name: deepjscc, channels: [5], symbols: 2}", "model.channels.0: "),
        ("model={name: deepjscc-q, channels: [4], symbols: 2, order: 32}", "model.order: "),
        ("model={name: deepjscc-q, channels: [4], symbols: 2}", "model.order: missing"),
        ("name=a/b", "name: "),
        ("phases=[]", "phases: "),
        ("phases.0.steps=0", "phases.0.steps: "),
        ("phases.0.steps=many", "phases.0.steps: "),
        ("phases.0.distortion=ssim", "phases.0.distortion: "),
        ("phases.0.distortion=ms_ssim", "photographs.side: MS-SSIM needs patches of 176 px"),
        ("phases.0.train=[]", "phases.0.train: "),
        ("phases.0.train=[channel]", "phases.0.train.0: "),
        ("phases.0.train=[quantizer]", "phases.0.train: a deepjscc-2019 has no quantizer"),
        ("phases.0.divergence=0.1", "phases.0.divergence: a deepjscc-2019 has none that can be trained"),
        ("phases.0.learning_rate.initial=0", "phases.0.learning_rate.initial: "),
        ("phases.0.learning_rate={schedule: plateau, warmup: 5}", "phases.0.learning_rate.warmup: "),
        ("phases.0.hardness.start=0", "phases.0.hardness.start: "),
        ("channel.snr_db=[20, 0]", "channel.snr_db: the least SNR lies above the largest"),
        ("channel.snr_db=1000", "channel.snr_db"),
        ("channel.model=cable", "channel.model: "),
        ("photographs.side=4", "photographs.side: "),
        ("photographs.rescale=[1, 0.5]", "photographs.rescale: "),
        ("batch=0", "batch: "),
        ("batch=1.5", "batch: "),
        ("seed=-1", "seed: "),
        ("precision=float16", "precision: "),
    ],
)
def test_refusals_name_file_and_field(override, known, write, tiny, refusal):
    path = write(tiny)
    text = refusal(load_recipe, path, (override,))
    assert text.startswith(f"{path}: ")
    assert known in text


def test_ms_ssim_is_for_large_patches(write, tiny):
    load_recipe(write(tiny), ("phases.0.distortion=ms_ssim", "photographs.side=176"))


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("name", "missing"),
        ("model", "missing"),
        ("photographs", "there are no pictures to train on"),
        ("channel", "a deepjscc-2019 needs one"),
        ("phases", "missing"),
    ],
)
def test_what_a_recipe_must_say(field, problem, write, tiny, refusal):
    del tiny[field]
    assert f"{field}: {problem}" in refusal(load_recipe, write(tiny))


def test_a_file_that_is_missing(tmp_path, refusal):
    assert "none.yaml: cannot be read" in refusal(load_recipe, tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["", "- a\n", "just words\n"])
def test_a_file_that_is_no_mapping(text, write, refusal):
    assert "a recipe is a mapping of fields" in refusal(load_recipe, write(text))


@pytest.mark.parametrize("base", [3, ["a.yaml"], {"file": "a.yaml"}])
def test_extends_names_a_file(base, write, tiny, refusal):
    assert "extends: no file name" in refusal(load_recipe, write({**tiny, "extends": base}))


def test_a_base_that_is_missing_is_named(write, tiny, refusal):
    text = refusal(load_recipe, write({**tiny, "extends": "none.yaml"}))
    assert "none.yaml: cannot be read" in text


def test_a_base_that_is_no_mapping_is_named(write, tiny, refusal):
    base = write("- a\n", "base.yaml")
    assert refusal(load_recipe, write({**tiny, "extends": "base.yaml"})).startswith(f"{base}: ")


def test_recipes_that_extend_each_other_in_a_circle(write, tiny, refusal):
    write({"extends": "tiny.yaml"}, "other.yaml")
    text = refusal(load_recipe, write({**tiny, "extends": "other.yaml"}))
    assert "extends: more than 5 recipes extend each other\nmend: look for a circle" in text


def test_five_recipes_may_extend_each_other(write, tiny):
    write(tiny, "0.yaml")
    for number in range(1, 6):
        path = write({"extends": f"{number - 1}.yaml", "seed": number}, f"{number}.yaml")
    assert load_recipe(path).seed == 5


def test_the_schema_and_the_registries_name_the_same():
    def choices(model, field):
        return model.model_fields[field].annotation.__args__

    assert set(choices(TrainingChannelSpec, "model")) == set(CHANNELS)
    assert set(choices(TrainingChannelSpec, "power")) == set(POWERS)
    assert set(choices(PhaseSpec, "distortion")) == set(DISTORTIONS)


def test_a_name_of_a_shipped_recipe_stands_for_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "deepjscc-q/qam64-awgn16-c6"
    assert shipped_recipes()[name].stem == "qam64-awgn16-c6"
    assert load_recipe(name).name == "qam64-awgn16-c6"


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_what_they_are_called_and_start_from_what_there_is(name):
    recipe = load_recipe(name)
    assert f"{recipe.model.name}/{recipe.name}" == name
    if recipe.start is not None:
        assert recipe.start.removeprefix("zoo:") in shipped_recipes()
        base = load_recipe(recipe.start.removeprefix("zoo:"))
        for size in ("channels", "strides", "symbols", "vectors"):
            assert getattr(base.model, size, None) == getattr(recipe.model, size, None)


def test_every_shipped_recipe_has_a_model_that_can_be_built():
    """Those that differ in their symbols alone once; a learned constellation of 4096 points among them."""
    models = [load_recipe(name).model for name in shipped_recipes()]
    for model in {repr(model.model_dump(exclude={"symbols"})): model for model in models}.values():
        codec = jscc.create(model.name, **model.model_dump(exclude={"name"}))
        assert codec.count_params() > 50_000
