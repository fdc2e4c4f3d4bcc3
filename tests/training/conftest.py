"""Recipes so small that they train in seconds, labelled pictures for them, and a listener that remembers."""

import struct

import numpy as np
import pytest

from linksim.training.recipe import Recipe


class Remembering:
    """What a training told: its words and the lines of its epochs."""

    def __init__(self):
        self.words, self.lines, self.best = [], [], []

    def say(self, text):
        self.words.append(text)

    def update(self, done, total, loss):
        pass

    def epoch(self, line, best):
        self.lines.append(dict(line))
        self.best.append(best)


@pytest.fixture
def listener():
    return Remembering()


@pytest.fixture
def tiny(training_photos):
    """The data of a recipe for the network of 2019; each test gets its own."""
    return {
        "name": "tiny",
        "model": {"name": "deepjscc-2019", "symbols": 2},
        "photographs": {
            "folder": str(training_photos),
            "side": 16,
            "margin": 2,
            "rescale": ["1/2", 1],
            "count": 64,
            "validation": 16,
        },
        "channel": {"snr_db": 10},
        "batch": 8,
        "epoch": 4,
        "phases": [{"steps": 8, "learning_rate": {"initial": 1e-3}}],
    }


@pytest.fixture(scope="session")
def labelled_folder(tmp_path_factory):
    """Fashion-MNIST in small: 88 training pictures of three kinds, and a test split that nobody may read."""
    folder = tmp_path_factory.mktemp("fashion-mnist")
    write_fashion_mnist(folder, *labelled_pictures(88))
    (folder / "t10k-images-idx3-ubyte").write_bytes(b"not read")
    return folder


@pytest.fixture
def labelled(labelled_folder):
    """The data of a recipe for JCM with BPSK; each test gets its own."""
    return {
        "name": "tiny",
        "model": {"name": "jcm", "channels": [4, 4, 4, 4], "symbols": 16, "spine": 4, "order": 4},
        "labelled": {"source": "fashion_mnist", "path": str(labelled_folder), "validation": 24},
        "channel": {"snr_db": 10},
        "batch": 8,
        "epoch": 4,
        "phases": [{"steps": 8, "learning_rate": {"initial": 1e-2}}],
    }


@pytest.fixture
def validated():
    """Recipe from data."""
    return Recipe.model_validate


def labelled_pictures(count):
    """Pictures uint8 [count, 28, 28] and labels 0, 1, 2: dark, striped across, striped down; all noisy."""
    random = np.random.default_rng(count)
    labels = random.integers(3, size=count).astype(np.uint8)
    stripes = np.where(np.arange(28) // 4 % 2, 200, 0) + np.zeros((28, 1), int)
    kinds = np.stack([np.zeros((28, 28), int), stripes.T, stripes])
    return (kinds[labels] + random.integers(0, 50, (count, 28, 28))).astype(np.uint8), labels


def write_fashion_mnist(folder, pictures, labels, prefix="train"):
    """Write the IDX files of a split."""
    for name, array in (("images-idx3", pictures), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / f"{prefix}-{name}-ubyte").write_bytes(header + array.tobytes())


def train_until(updates, recipe, folder, listener):
    """Train and stop as by Ctrl-C after so many updates."""
    from linksim.training import loop  # loads Keras: after the tests' own choice of how TensorFlow starts

    seen = 0

    def count(self, batch, logs=None):
        nonlocal seen
        seen += 1
        if seen == updates:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._Live, "on_train_batch_end", count)
        with pytest.raises(KeyboardInterrupt):
            loop.train(recipe, folder, listener)


#: Trains the recipe of the first argument in the folder of the second and dies in the update of the third.
KILLED = """
import json, os, signal, sys
from pathlib import Path
import linksim.phy
from linksim.training import loop
from linksim.training.recipe import Recipe
class Silent:
    def say(self, text): pass
    def update(self, done, total, loss): pass
    def epoch(self, line, best): pass
updates = 0
def batch_end(self, batch, logs=None):
    global updates
    updates += 1
    if updates == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
loop._Live.on_train_batch_end = batch_end
loop.train(Recipe.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2]), Silent())
"""
