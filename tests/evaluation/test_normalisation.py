"""Statistics of switchable batch normalisation as they were put into weights."""

import numpy as np
import pytest

from linksim import zoo
from linksim.evaluation.normalisation import normalisations

SIZES = {"channels": [4, 4, 6], "strides": [1, 2, 2], "vectors": 2, "orders": [1, 4], "dimensions": [2, 3]}


def test_statistics_are_read_for_each_order(make_weights, tmp_path):
    path = make_weights(tmp_path / "u.weights.h5", "ujscc", **SIZES)
    codec = zoo.load(zoo.find(str(path)))
    norm = codec.decoder.parts[0].norm
    values = np.arange(12, dtype=np.float32).reshape(2, 6)  # exact in half precision
    for variable, array in (
        (norm.moving_mean, -values),
        (norm.moving_variance, values**2),
        (norm.gamma, values / 4),
        (norm.beta, values + 32),
    ):
        variable.assign(array)
    card = zoo.find(str(path)).card.model_dump(exclude={"parameters", "cbr", "sha256"})
    decoder, encoder = normalisations(zoo.save(codec, card, path))
    assert (decoder.layer, decoder.points) == ("inner decoder", (2, 16))
    np.testing.assert_array_equal(decoder.mean, -values)
    np.testing.assert_array_equal(decoder.deviation, values)
    np.testing.assert_array_equal(decoder.scale, values / 4)
    np.testing.assert_array_equal(decoder.bias, values + 32)
    # BPSK uses 2 vectors of 2 values, 16QAM 2 of 3; fresh layers have mean 0 and variance 1.
    assert encoder.layer == "inner encoder"
    missing = np.nan
    np.testing.assert_array_equal(encoder.deviation, [[1, 1, 1, 1, missing, missing], [1] * 6])
    np.testing.assert_array_equal(encoder.mean, [[0, 0, 0, 0, missing, missing], [0] * 6])


@pytest.mark.parametrize(
    ("model", "sizes"),
    [("ujscc", {**SIZES, "switched": False}), ("deepjscc-2019", {"symbols": 1})],
    ids=["shared", "none"],
)
def test_weights_without_are_refused(model, sizes, refusal, make_weights, tmp_path):
    path = make_weights(tmp_path / "without.weights.h5", model, **sizes)
    text = refusal(normalisations, zoo.find(str(path)))
    assert text.startswith(f"{path} has no switchable batch normalisation\n")
