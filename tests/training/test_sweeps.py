"""Sweeps: one file for a recipe at each of several SNRs, the names of its members, and what is refused."""

import os
import subprocess
import sys

import pytest
import yaml

from linksim.training.loop import recipe_digest
from linksim.training.recipe import load_recipe, load_recipes, shipped_recipes


@pytest.fixture
def write(tmp_path):
    """Writes data as a YAML file; returns its path."""

    def write(data, name="tiny.yaml"):
        (tmp_path / name).write_text(yaml.safe_dump(data), encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def sweep(labelled):
    """The data of a sweep over two SNRs; each test gets its own."""
    return {
        **labelled,
        "name": "tiny-{snr}",
        "channel": {"model": "rayleigh_block"},
        "sweep_snr_db": [-10, 4],
    }


def test_a_sweep_is_a_recipe_for_each_snr(write, sweep, labelled):
    """What the name and the SNR do not say is the same in all."""
    recipes = load_recipes(write({**sweep, "sweep_snr_db": [-10, 0, 4, 2.5, -0.25]}))
    assert [(recipe.name, recipe.channel.snr_db) for recipe in recipes] == [
        ("tiny-m10dB", -10), ("tiny-0dB", 0), ("tiny-4dB", 4), ("tiny-2.5dB", 2.5), ("tiny-m0.25dB", -0.25),
    ]  # fmt: skip
    for recipe in recipes:
        assert recipe.channel.model == "rayleigh_block"
        alone = {
            **labelled,
            "name": recipe.name,
            "channel": {"model": "rayleigh_block", "snr_db": recipe.channel.snr_db},
        }
        assert recipe == load_recipe(write(alone, "alone.yaml"))


def test_the_snr_may_stand_anywhere_in_the_name(write, sweep):
    sweep["name"] = "{snr}-tiny"
    assert [recipe.name for recipe in load_recipes(write(sweep))] == ["m10dB-tiny", "4dB-tiny"]


def test_a_sweep_of_a_recipe_without_a_channel_makes_one(write, sweep):
    del sweep["channel"]
    assert [recipe.channel.model for recipe in load_recipes(write(sweep))] == ["awgn", "awgn"]


def test_a_sweep_may_be_extended_and_overridden(write, sweep):
    base = {key: value for key, value in sweep.items() if key not in ("name", "sweep_snr_db")}
    write(base, "base.yaml")
    path = write({"extends": "base.yaml", "name": "own-{snr}", "sweep_snr_db": [1, 2]})
    recipes = load_recipes(path, ("batch=4", "sweep_snr_db=[7]"))
    assert [(recipe.name, recipe.batch) for recipe in recipes] == [("own-7dB", 4)]


def test_a_recipe_without_a_sweep_is_one(write, labelled):
    path = write(labelled)
    assert load_recipes(path) == (load_recipe(path),)


def test_a_sweep_of_one_snr_is_a_recipe(write, sweep):
    assert load_recipe(write({**sweep, "sweep_snr_db": [4]})).name == "tiny-4dB"


def test_one_recipe_is_not_a_whole_sweep(write, sweep, refusal):
    path = write(sweep)
    assert refusal(load_recipe, path) == (
        f"{path}: sweep_snr_db: it is a sweep of 2 recipes\nmend: name one, as tiny-m10dB"
    )


def test_the_digest_of_a_member_is_its_own(write, sweep):
    """The other SNRs do not matter, nor whether it is in a sweep at all."""
    digests = [recipe_digest(recipe) for recipe in load_recipes(write(sweep))]
    assert len(set(digests)) == 2
    (first,) = load_recipes(write({**sweep, "sweep_snr_db": [-10]}))
    assert recipe_digest(first) == digests[0]
    last = load_recipes(write({**sweep, "sweep_snr_db": [18, 6, 4]}))[-1]
    assert recipe_digest(last) == digests[1]


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        *[
            ({"sweep_snr_db": points}, "sweep_snr_db: no list of SNRs\nmend: write SNRs in dB, as [-10, 0")
            for points in ([], 4, "4", ["4"], {"from": 1}, [[1, 2]], None)
        ],
        ({"sweep_snr_db": [4, 1000]}, "channel.snr_db: "),
        ({"sweep_snr_db": [4, True]}, "channel.snr_db: "),
        ({"sweep_snr_db": [4, float("nan")]}, "channel.snr_db: "),
        (
            {"sweep_snr_db": [4, 4.0]},
            "sweep_snr_db: two recipes would have one name\nmend: write each SNR once",
        ),
        ({"name": "tiny"}, "name: one name for several recipes\nmend: write {snr} where the SNR stands"),
        ({"name": None}, "name: one name for several recipes"),
        ({"name": "{snr} dB"}, "name: 'm10dB dB' is not allowed"),
        ({"channel": {"snr_db": 10}}, "channel: a sweep adds its SNR there\nmend: write a mapping without"),
        ({"channel": "rayleigh_block"}, "channel: a sweep adds its SNR there"),
        ({"channel": {"model": "cable"}}, "channel.model: 'cable' is not known"),
        ({"batch": 0}, "batch: 0 is not allowed"),
    ],
)
def test_bad_sweeps_are_refused(changed, known, write, sweep, refusal):
    path = write({**sweep, **changed})
    assert refusal(load_recipes, path).startswith(f"{path}: {known}")


def test_a_name_with_a_hole_needs_a_sweep(write, labelled, refusal):
    assert "name: 'tiny-{snr}' is not allowed" in refusal(
        load_recipes, write({**labelled, "name": "tiny-{snr}"})
    )


def test_members_of_shipped_sweeps_have_names(tmp_path, monkeypatch):
    """As the weights that they make; the sweep as a whole is called as its file."""
    monkeypatch.chdir(tmp_path)
    whole = load_recipes("jcm/bpsk-n256")
    assert [recipe.channel.snr_db for recipe in whole] == [-20, -14, -10, -6, -2, 4, 10, 14, 18]
    assert "jcm/bpsk-n256" not in shipped_recipes()
    for name, snr_db in (("jcm/bpsk-n256-m10dB", -10), ("jcm/bpsk-n256-4dB", 4)):
        recipe = load_recipe(name)
        assert (f"jcm/{recipe.name}", recipe.channel.snr_db) == (name, snr_db)
        assert recipe in whole
        assert load_recipes(name) == (recipe,)
        assert shipped_recipes()[name].stem == "bpsk-n256"
    assert load_recipe("jcm/bpsk-n256-4dB", ("batch=4",)).batch == 4


def test_a_whole_shipped_sweep_is_no_single_recipe(refusal):
    text = refusal(load_recipe, "jcm/bpsk-n256")
    assert "sweep_snr_db: it is a sweep of 9 recipes\nmend: name one, as bpsk-n256-m20dB" in text


@pytest.mark.parametrize("override", ["sweep_snr_db=[3]", "name=mine-{snr}"])
def test_a_member_that_an_override_takes_away(override, refusal):
    text = refusal(load_recipes, "jcm/bpsk-n256-4dB", (override,))
    assert "bpsk-n256-4dB is no longer one of its recipes\nmend: override jcm/bpsk-n256, the whole" in text


def test_an_override_of_the_snr_of_a_member_is_refused(refusal):
    text = refusal(load_recipe, "jcm/bpsk-n256-4dB", ("channel.snr_db=3",))
    assert "channel: a sweep adds its SNR there" in text


def test_a_member_that_there_is_not(refusal):
    assert "jcm/bpsk-n256-5dB: cannot be read" in refusal(load_recipe, "jcm/bpsk-n256-5dB")


@pytest.mark.slow
def test_recipes_of_a_sweep_share_one_program_of_jax(labelled_folder, tmp_path):
    """The SNR is a variable of the update: further SNRs leave no further compiled program."""
    pytest.importorskip("jax")
    programs = tmp_path / "programs"
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(programs),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PLATFORMS": "cpu",
    }
    sizes = ["model.channels=[4, 4, 4, 4]", "model.spine=4", "batch=8", "labelled.validation=24"]
    fixed = [*sizes, "epoch=2", "phases.0.steps=2"]

    def compiled(snrs_db, out):
        command = [sys.executable, "-m", "linksim", "train", "jcm/bpsk-n64", "--backend", "jax"]
        command += ["--dataset", str(labelled_folder), "--out", str(tmp_path / out)]
        for override in (*fixed, f"sweep_snr_db={snrs_db}"):
            command += ["--set", override]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return sorted(path.name for path in programs.glob("*-cache"))

    first = compiled([0], "first")
    assert sum(name.startswith("jit_train_step") for name in first) == 1
    assert compiled([5, 10], "further") == first
