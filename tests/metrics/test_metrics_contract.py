"""What all metrics share: the registry and the refusal of pairs that do not fit."""

from importlib import import_module

import numpy as np
import pytest

from linksim.metrics import METRICS


def metric(name):
    module, function = METRICS[name].split(":")
    return getattr(import_module(module), function)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(
    ("reference", "received"),
    [
        (np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200, 1), np.uint8)),
        (np.zeros((200, 200, 3), np.uint8), np.zeros((200, 201, 3), np.uint8)),
        (np.zeros((200, 200), np.uint8), np.zeros((200, 200), np.uint8)),
        (np.zeros((0, 200, 3), np.uint8), np.zeros((0, 200, 3), np.uint8)),
        (np.zeros((200, 200, 3), np.uint8), np.zeros((200, 200, 3), np.float32)),
        (np.zeros((200, 200, 3)), np.zeros((200, 200, 3))),
    ],
)
def test_unlike_or_float_pictures_are_refused(name, reference, received):
    with pytest.raises(ValueError, match="metrics compare"):
        metric(name)(reference, received)


@pytest.mark.parametrize("name", METRICS)
def test_results_are_plain_floats(name):
    a, b = np.random.default_rng(0).integers(0, 256, (2, 176, 176, 3), dtype=np.uint8)
    assert type(metric(name)(a, b)) is float
