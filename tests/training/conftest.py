"""Recipes so small that they train in seconds, and a listener that remembers."""

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


@pytest.fixture
def validated():
    """Recipe from data."""
    return Recipe.model_validate


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
