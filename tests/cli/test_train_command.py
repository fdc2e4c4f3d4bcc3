"""The command that trains: its lines, exit codes and refusals."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from linksim import zoo
from linksim.training import checkpoint, loop
from tests.training.conftest import labelled_pictures, write_fashion_mnist


@pytest.fixture
def recipe_file(tmp_path, training_photos, monkeypatch):
    """A recipe that trains in a second or two; its command runs in an empty folder."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "jax"))
    monkeypatch.chdir(tmp_path)
    data = {
        "name": "tiny",
        "model": {"name": "deepjscc-2019", "symbols": 2},
        "photographs": {
            "folder": str(training_photos), "side": 16, "rescale": [1, 1], "count": 32, "validation": 8,
        },
        "channel": {"snr_db": 10},
        "batch": 4,
        "epoch": 2,
        "phases": [{"steps": 4}],
    }  # fmt: skip
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def test_train_prints_a_line_an_epoch_and_where_the_weights_are(linksim, recipe_file):
    seen = linksim("train", recipe_file)
    assert seen.code == 0, seen
    folder = Path("runs/train/deepjscc-2019/tiny")
    assert seen.out == (
        f"Look at {folder}/history.csv\n"
        f"Send a picture with `linksim send --system {folder}/tiny.weights.h5`\n"
    )
    *first, second_last, last = seen.err.splitlines()
    assert len(first) <= 1  # that the tiles are cut, if they were not yet
    assert second_last.startswith("deepjscc-2019/tiny: phase 0, update 2, ")
    assert last.startswith("deepjscc-2019/tiny: phase 0, update 4, ")
    for text in (" s: loss ", ", training ", " dB, validation ", " dB"):
        assert text in last
    assert ", the best" in second_last
    assert last.endswith(" updates/s")

    # Again: nothing is left to do. From the start: it is.
    assert linksim("train", recipe_file).err == ""
    again = linksim("train", recipe_file, "--fresh")
    assert [line.partition(",")[2][:9] for line in again.err.splitlines()] == [" update 2", " update 4"]
    assert zoo.find(f"{folder}/tiny.weights.h5").card.steps == 4


def test_train_takes_folder_photographs_and_settings(linksim, recipe_file, training_photos):
    words = ("--out", "there", "--photographs", training_photos, "--set", "phases.0.steps=2")
    seen = linksim("train", recipe_file, "--set", "photographs.folder=nowhere", *words)
    assert seen.code == 0, seen
    assert zoo.find("there/tiny.weights.h5").card.steps == 2


def test_train_can_be_stopped_and_says_how_it_goes_on(linksim, recipe_file, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", stop)
    seen = linksim("train", recipe_file, "--out", "there")
    assert (seen.code, seen.out) == (130, "")
    assert seen.err == "stopped; the same command goes on from there/checkpoint.npz\n"
    seen = linksim("train", recipe_file, "--out", "there", "--fresh")
    assert seen.err == "stopped; the same command, without --fresh, goes on from there/checkpoint.npz\n"


@pytest.fixture
def sweep_file(recipe_file):
    """A sweep over two SNRs, on labelled pictures that lie in `pictures`."""
    Path("pictures").mkdir()
    write_fashion_mnist(Path("pictures"), *labelled_pictures(16))
    data = yaml.safe_load(recipe_file.read_text())
    del data["photographs"], data["channel"]
    data |= {
        "name": "tiny-{snr}",
        "labelled": {"source": "fashion_mnist", "validation": 8},
        "sweep_snr_db": [-10, 4],
        "epoch": 4,
    }
    recipe_file.write_text(yaml.safe_dump(data), encoding="utf-8")
    return recipe_file


def test_train_makes_each_recipe_of_a_sweep_in_a_folder_of_its_own(linksim, sweep_file):
    seen = linksim("train", sweep_file, "--dataset", "pictures")
    assert seen.code == 0, seen
    folder = Path("runs/train/deepjscc-2019")
    names = ["tiny-m10dB", "tiny-4dB"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert seen.out.splitlines() == [
        line
        for name in names
        for line in (
            f"Look at {folder}/{name}/history.csv",
            f"Send a picture with `linksim send --system {folder}/{name}/{name}.weights.h5`",
        )
    ]
    assert [line.partition(":")[0] for line in seen.err.splitlines()] == [
        f"deepjscc-2019/{name}" for name in names
    ]
    cards = [zoo.find(f"{folder}/{name}/{name}.weights.h5").card for name in names]
    assert [(card.recipe, card.snr_db, card.steps) for card in cards] == [
        ("tiny-m10dB", -10, 4), ("tiny-4dB", 4, 4),
    ]  # fmt: skip
    # What is finished is not trained again.
    assert linksim("train", sweep_file, "--dataset", "pictures").err == ""


def test_train_puts_a_sweep_into_folders_below_that_of_out(linksim, sweep_file):
    """One recipe goes into the folder itself, though it is of a sweep."""
    words = ("train", sweep_file, "--dataset", "pictures", "--set", "phases.0.steps=1")
    seen = linksim(*words, "--out", "there", "--set", "batch=2")
    assert seen.code == 0, seen
    for name in ("tiny-m10dB", "tiny-4dB"):
        card = zoo.find(f"there/{name}/{name}.weights.h5").card
        assert (card.steps, card.batch) == (1, 2)
    assert linksim(*words, "--out", "one", "--set", "sweep_snr_db=[7]").code == 0
    assert zoo.find("one/tiny-7dB.weights.h5").card.snr_db == 7


def test_train_stops_the_whole_sweep(linksim, sweep_file, monkeypatch):
    trained = []

    def stop(recipe, *_):
        trained.append(recipe.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", stop)
    seen = linksim("train", sweep_file)
    assert (seen.code, seen.out, trained) == (130, "", ["tiny-m10dB"])
    folder = "runs/train/deepjscc-2019/tiny-m10dB"
    assert seen.err == f"stopped; the same command goes on from {folder}/checkpoint.npz\n"


def test_train_takes_one_member_of_a_shipped_sweep(linksim, recipe_file, monkeypatch):
    trained = []

    def train(recipe, folder, *_):
        trained.append((recipe.name, recipe.channel.snr_db, str(recipe.labelled.path), str(folder)))
        return folder / "weights"

    monkeypatch.setattr(loop, "train", train)
    assert linksim("train", "jcm/bpsk-n256-m10dB", "--dataset", "pictures").code == 0
    assert trained == [("bpsk-n256-m10dB", -10, "pictures", "runs/train/jcm/bpsk-n256-m10dB")]


def test_train_tells_the_accuracy_of_a_classifier_which_sends_no_picture(linksim, sweep_file):
    data = yaml.safe_load(sweep_file.read_text())
    del data["sweep_snr_db"]
    data |= {"name": "tiny", "model": {"name": "picture-classifier", "channels": [4]}}
    sweep_file.write_text(yaml.safe_dump(data), encoding="utf-8")
    seen = linksim("train", sweep_file, "--dataset", "pictures")
    folder = "runs/train/picture-classifier/tiny"
    assert (seen.code, seen.out) == (0, f"Look at {folder}/history.csv\n")
    accuracy = zoo.find(f"{folder}/tiny.weights.h5").card.validation_accuracy
    assert seen.err.endswith(f", {accuracy:.1%} right, the best\n")


def test_train_says_where_labelled_pictures_come_from(refused, sweep_file):
    text = refused("train", sweep_file, "--dataset", "none")
    assert text.startswith("error: none: labelled.path: ")
    assert text.endswith("give it as --dataset or labelled.path\n")


@pytest.mark.parametrize("named", [None, "mine"])
def test_train_lets_jax_keep_its_programs_beside_the_other_caches(named, linksim, recipe_file, monkeypatch):
    """Unless a folder is named for them; where there is no home folder they are not kept."""
    monkeypatch.setattr(loop, "train", lambda recipe, folder, *_: folder / "weights")
    monkeypatch.setenv("LINKSIM_CACHE", "caches")
    if named is None:
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    else:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", named)
    assert linksim("train", recipe_file).code == 0
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == (named or "caches/jax")


def test_train_does_without_a_home_folder(linksim, recipe_file, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(loop, "train", lambda recipe, folder, *_: folder / "weights")
    monkeypatch.setattr("linksim.codecs.cache.default_directory", homeless)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert linksim("train", recipe_file).code == 0
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


def test_train_refuses_a_folder_of_another_recipe_unless_fresh(linksim, refused, recipe_file):
    Path("there").mkdir()
    checkpoint.write(Path("there/checkpoint.npz"), [], checkpoint.Progress("other"))
    text = refused("train", recipe_file, "--out", "there")
    assert text == (
        "error: there: the folder holds a training of another recipe\n"
        "mend: choose another --out, or --fresh\n"
    )
    words = ("--out", "there", "--fresh", "--set", "phases.0.steps=1")
    assert linksim("train", recipe_file, *words).code == 0


def test_train_refuses_a_damaged_checkpoint(refused, recipe_file):
    Path("there").mkdir()
    Path("there/checkpoint.npz").write_bytes(b"PK\x03\x04")
    assert "there/checkpoint.npz: the checkpoint is damaged" in refused(
        "train", recipe_file, "--out", "there"
    )


def test_train_says_where_photographs_come_from(refused, recipe_file, tmp_path):
    text = refused("train", recipe_file, "--photographs", tmp_path / "none")
    assert f"{tmp_path}/none/train: no training photographs" in text
    assert "`linksim images fetch-training`" in text


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["--set", "phases.0.steps=none"], "phases.0.steps"),
        (["--set", "batches=3"], "batches: unknown"),
        (["--backend", "torch"], "--backend: there is no backend 'torch'"),
        (
            ["--backend", "jax", "--set", "channel.through=sionna"],
            "channel.through: Sionna's blocks need TensorFlow\nmend: add --backend tensorflow",
        ),
        (["--size", "3"], "--size"),
    ],
)
def test_train_refuses_what_is_wrong_before_anything_starts(words, known, refused, recipe_file):
    assert known in refused("train", recipe_file, *words)
    assert not Path("runs").exists()


def test_train_refuses_a_recipe_that_is_missing(refused, recipe_file):
    assert "none.yaml: cannot be read" in refused("train", "none.yaml")
    assert "deepjscc/none: cannot be read" in refused("train", "deepjscc/none")


def test_train_says_when_jax_is_missing(refused, recipe_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "linksim.training.loop")

    def without_jax(name, *others):
        if name.partition(".")[0] == "keras":
            raise ModuleNotFoundError("No module named 'jax'", name="jax")
        return imported(name, *others)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without_jax)
    text = refused("train", recipe_file, "--backend", "jax")
    assert "--backend: JAX is not installed\nmend: `pip install linksim[train]`" in text


def test_train_under_jax_is_quiet_but_for_its_own_lines(recipe_file):
    """In a process of its own, with TensorFlow's log level as users have it."""
    pytest.importorskip("jax")
    loud = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "linksim", "train", recipe_file, "--backend", "jax", "--out", "there"]
    done = subprocess.run(command, env={**loud, "JAX_PLATFORMS": "cpu"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("deepjscc-2019/tiny: ") for line in done.stderr.splitlines()), done.stderr
    assert zoo.find("there/tiny.weights.h5").card.device.endswith("(jax)")
