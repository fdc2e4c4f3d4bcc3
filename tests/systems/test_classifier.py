"""The classifier of received pictures says what its network says, whatever their size and number."""

import numpy as np
import pytest
from keras import ops

from linksim import zoo
from linksim.systems import classifier
from linksim.systems.classifier import Classifier


@pytest.fixture(scope="module")
def weights(make_weights, tmp_path_factory):
    """An untrained picture classifier."""
    path = tmp_path_factory.mktemp("classifier") / "tiny.weights.h5"
    return make_weights(path, "picture-classifier", channels=[16, 16], classes=5)


def brightness(images):
    """Logits of a network that counts how many of four levels the mean of a picture has passed."""
    mean = ops.mean(images, axis=(1, 2, 3))[:, None]
    return -ops.abs(4 * mean - ops.convert_to_tensor([[0.5, 1.5, 2.5, 3.5]], "float32"))


def test_it_names_the_class_of_the_largest_logit(monkeypatch, weights):
    """Pictures of 0 … 255 and quarters between 63 and 64, 127 and 128, 191 and 192."""
    monkeypatch.setattr(zoo, "load", lambda weights: brightness)
    levels = np.arange(256, dtype=np.uint8)
    pictures = np.broadcast_to(levels[:, None, None, None], (256, 4, 6, 3))
    classes = Classifier(str(weights))(pictures)
    assert classes.tolist() == [level // 64 for level in range(256)]


def test_a_loaded_network_sees_pictures_from_0_to_1_in_batches(weights, monkeypatch):
    """Fifty colours in threes, and pictures of another size."""
    monkeypatch.setattr(classifier, "_BATCH_SAMPLES", 3 * 16 * 16 * 3)
    network, named = zoo.load(zoo.find(str(weights))), Classifier(str(weights))
    colours = np.random.default_rng(1).integers(0, 256, (50, 1, 1, 3), dtype=np.uint8)
    for height, width in ((16, 16), (12, 20)):
        pictures = np.broadcast_to(colours, (50, height, width, 3))
        logits = np.asarray(network(pictures.astype(np.float32) / 255))
        assert named(pictures).tolist() == logits.argmax(axis=1).tolist()
        assert len(set(named(pictures).tolist())) > 1


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("zoo:picture-classifier/none", "zoo:picture-classifier/none is not among the shipped weights"),
        ("none.weights.h5", "none.weights.h5: there is no such file of weights"),
    ],
)
def test_missing_weights_are_refused(reference, problem, refusal):
    assert refusal(Classifier, reference).startswith(f"classifier.weights: {problem}")


def test_weights_of_a_system_are_refused(tiny_weights, refusal):
    problem, mend = refusal(Classifier, str(tiny_weights)).splitlines()
    assert problem == f"classifier.weights: {tiny_weights} holds weights of a deepjscc-q"
    assert "picture-classifier" in mend
