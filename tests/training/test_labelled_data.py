"""Labelled pictures to train on: which are kept for validation, and that labels stay with their pictures."""

import numpy as np
import pytest

from linksim.training import data
from linksim.training.data import Examples
from linksim.training.loop import Batch, recipe_digest
from tests.training.conftest import labelled_pictures, write_fashion_mnist


@pytest.fixture
def numbered(tmp_path):
    """A folder of 30 training pictures of which each shows its number, labelled by its last digit."""
    numbers = np.arange(30, dtype=np.uint8)
    pictures = np.zeros((30, 28, 28), np.uint8) + numbers[:, None, None]
    write_fashion_mnist(tmp_path, pictures, numbers % 10)
    return tmp_path


def load(recipe_data, validated, listener, **spec):
    recipe_data["labelled"] |= spec
    return data.load(validated(recipe_data), listener)


def assert_numbered(examples, numbers):
    """Each picture shows its number within a border of two px, in all channels."""
    assert (examples.pictures.shape, examples.pictures.dtype) == ((len(numbers), 32, 32, 3), np.uint8)
    shown = examples.pictures[:, 2:-2, 2:-2]
    np.testing.assert_array_equal(shown, np.zeros_like(shown) + np.reshape(numbers, (-1, 1, 1, 1)))
    assert examples.labels.dtype == np.int32
    np.testing.assert_array_equal(examples.labels, np.array(numbers) % 10)


def test_the_last_pictures_are_kept_for_validation(labelled, validated, listener, numbered):
    """Of the training split; there is no test split in the folder at all."""
    loaded = load(labelled, validated, listener, path=str(numbered), validation=7)
    assert_numbered(loaded.training, range(23))
    assert_numbered(loaded.validation, range(23, 30))
    assert loaded.description == "23 training pictures of fashion_mnist"
    assert listener.words == []


def test_pictures_of_several_kinds_have_their_labels(labelled, validated, listener):
    """Those of all trainings here: 64 and 24 of 88."""
    loaded = load(labelled, validated, listener)
    pictures, labels = labelled_pictures(88)
    for examples, part in ((loaded.training, slice(64)), (loaded.validation, slice(64, 88))):
        np.testing.assert_array_equal(examples.pictures[:, 2:-2, 2:-2, 1], pictures[part])
        np.testing.assert_array_equal(examples.labels, labels[part])


@pytest.mark.parametrize("validation", [30, 31])
def test_too_few_pictures_are_refused(validation, labelled, validated, listener, numbered, refusal):
    text = refusal(load, labelled, validated, listener, path=str(numbered), validation=validation)
    assert text == "labelled.validation: fashion_mnist has only 30 training pictures\nmend: lower it"


def test_one_picture_is_left_to_train_on(labelled, validated, listener, numbered):
    loaded = load(labelled, validated, listener, path=str(numbered), validation=29)
    assert_numbered(loaded.training, [0])


def test_pictures_that_are_missing(labelled, validated, listener, tmp_path, refusal):
    """What to do is said in the words of a training."""
    text = refusal(load, labelled, validated, listener, path=str(tmp_path))
    assert text.startswith(f"{tmp_path}: labelled.path: train-images-idx3-ubyte.gz is missing\nmend: ")
    assert text.endswith(" and give it as --dataset or labelled.path")
    text = refusal(load, labelled, validated, listener, path=str(tmp_path / "none"))
    assert text.startswith(f"{tmp_path}/none: labelled.path: ")


def test_more_classes_than_the_network_has_are_refused(labelled, validated, listener, numbered, refusal):
    labelled["model"]["classes"] = 9
    text = refusal(load, labelled, validated, listener, path=str(numbered), validation=7)
    assert text == "model.classes: fashion_mnist has labels up to 9\nmend: write 10"


def test_a_network_without_classes_takes_any_labels(labelled, validated, listener, numbered):
    labelled["model"] = {"name": "deepjscc", "channels": [4, 4], "symbols": 1}
    loaded = load(labelled, validated, listener, path=str(numbered), validation=7)
    assert len(loaded.training) == 23


def test_cifar10_is_loaded_as_a_scenario_does(labelled, validated, listener, monkeypatch):
    """By its own loader, from its training split."""
    asked = []

    def loader(spec):
        asked.append((spec.source, spec.path, spec.split, spec.limit))
        pictures = [type("P", (), {"pixels": np.zeros((32, 32, 3), np.uint8), "label": 1})] * 8
        return type("Set", (), {"pictures": pictures})

    monkeypatch.setattr(data.images, "load", loader)
    labelled["labelled"] = {"source": "cifar10", "validation": 2}
    assert data.load(validated(labelled), listener).description == "6 training pictures of cifar10"
    assert asked == [("cifar10", None, "train", None)]


def test_batches_keep_labels_with_their_pictures():
    """Whatever is drawn; as without labels, the same is drawn by seed and step."""
    numbers = np.arange(50, dtype=np.uint8)
    pictures = np.zeros((50, 4, 4, 3), np.uint8) + numbers[:, None, None, None]
    batches = list(Batch(Examples(pictures, numbers.astype(np.int32)), 8, seed=3).of_steps(0, 5))
    for shown, labels in batches:
        assert (shown.shape, labels.shape, labels.dtype) == ((8, 4, 4, 3), (8,), np.int32)
        np.testing.assert_array_equal(shown[:, 0, 0, 0], labels)
    unlabelled = Batch(Examples(pictures), 8, seed=3).of_steps(0, 5)
    for (shown, _), (alone,) in zip(batches, unlabelled, strict=True):
        np.testing.assert_array_equal(shown, alone)


def test_the_digest_does_not_hang_on_the_place(labelled, validated):
    digest = recipe_digest(validated(labelled))
    labelled["labelled"]["path"] = "elsewhere"
    assert recipe_digest(validated(labelled)) == digest
    del labelled["labelled"]["path"]
    assert recipe_digest(validated(labelled)) == digest
    for field, value in (("validation", 25), ("source", "cifar10")):
        changed = {**labelled, "labelled": {**labelled["labelled"], field: value}}
        assert recipe_digest(validated(changed)) != digest
