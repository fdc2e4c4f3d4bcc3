"""Samples of an encoder's output: those that are sent, at the CBR of the card, and what has none."""

import json

import numpy as np
import pytest

from linksim import zoo
from linksim.evaluation.substitution import SAMPLES, Encoder

SIZES = {
    "channels": [8, 8, 16], "depths": [1, 1, 1], "window": 4, "hyper": 8, "rates": [2, 4, 8], "blocks": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(make_weights, tmp_path_factory):
    """A tiny untrained MDJCM for 4QAM and 64QAM."""
    path = tmp_path_factory.mktemp("mdjcm") / "m.weights.h5"
    return make_weights(path, "mdjcm", **SIZES, orders=[2, 6])


def test_sent_symbols_have_unit_power_within_the_grid(weights):
    encoder = Encoder(zoo.find(str(weights)), [2, 6])
    assert encoder.pictures == "128 of patches32"
    four, sixty_four = encoder.samples(2, 10.0), encoder.samples(6, 10.0)
    assert np.abs(four).max() <= 0.5**0.5 + 1e-6
    assert np.abs(sixty_four).max() <= 7 * (1.5 / 63) ** 0.5 + 1e-6
    assert 0.5 < 2 * np.mean(np.square(sixty_four)) <= 1 + 1e-5
    assert four.size == min(SAMPLES, round(2 * encoder.cbr * 128 * 32 * 32 * 3))
    assert np.all(np.diff(four) >= 0)


def test_rates_go_by_the_cbr_of_the_card(weights, tmp_path):
    """Of 2 to 8 uses for each patch of 8 px: CBR 1/96 to 1/24."""
    card = json.loads(weights.with_name("m.json").read_text())
    copy = tmp_path / "m.weights.h5"
    copy.write_bytes(weights.read_bytes())
    for cbr in (0.015, 0.03):
        (tmp_path / "m.json").write_text(json.dumps(card | {"validation_cbr": cbr}))
        found = Encoder(zoo.find(str(copy)), [2])
        assert found.cbr == pytest.approx(cbr, rel=0.05)


def test_what_has_no_grid_or_other_orders_is_refused(weights, tiny_weights, refusal):
    assert "square QAM" in refusal(Encoder, zoo.find(str(tiny_weights)), [4])
    assert "serves 2, 6 bits per symbol, not 4" in refusal(Encoder, zoo.find(str(weights)), [2, 4])
