"""What weights send for pictures: shares, energy and entropy against numpy and closed forms."""

import numpy as np
import pytest

from linksim import zoo
from linksim.evaluation.usage import analogue_usage, constellation_usage, measure


def test_a_hand_made_case():
    """Shares 1/2, 1/4, 1/4, 0 of energies 1, 4, 9 and 100: entropy 1.5 bits, mean 15/4, peak 9."""
    usage = constellation_usage([1, 2j, -3, 10], [[0, 1, 0], [0, 2, 1], [2, 0, 0], [0, 2, 1]], "a case")
    counts = np.array([6, 3, 3, 0])
    np.testing.assert_array_equal(usage.shares, counts / 12)
    assert (usage.order, usage.symbols, usage.used) == (4, 12, 3)
    assert usage.entropy_bits == pytest.approx(1.5)
    assert usage.energy_db == pytest.approx(10 * np.log10(15 / 4))
    assert usage.peak_to_average_db == pytest.approx(10 * np.log10(9 / (15 / 4)))


def test_equal_use_has_full_entropy_and_a_single_point_none():
    assert constellation_usage(np.ones(8), np.arange(24) % 8, "").entropy_bits == pytest.approx(3)
    alone = constellation_usage([1, -1], [[1, 1]], "")
    assert (alone.entropy_bits, alone.used, alone.peak_to_average_db) == (0, 1, 0)


def test_analogue_symbols_have_equal_shares_and_no_entropy():
    symbols = np.random.default_rng(1).normal(size=(3, 50, 2)) @ [1, 1j]
    usage = analogue_usage(symbols, "noise")
    energy = np.abs(symbols) ** 2
    assert (usage.order, usage.entropy_bits, usage.symbols) == (None, None, 150)
    assert usage.shares.sum() == pytest.approx(1)
    assert usage.energy_db == pytest.approx(10 * np.log10(energy.mean()))
    assert usage.peak_to_average_db == pytest.approx(10 * np.log10(energy.max() / energy.mean()))


def test_measured_shares_are_those_of_the_encoder(tiny_weights):
    from linksim import images
    from linksim.jscc.codec import Condition
    from linksim.scenario.images import Patches32Spec

    weights = zoo.find(str(tiny_weights))
    (usage,) = measure(weights)
    pixels = np.stack([picture.pixels for picture in images.load(Patches32Spec(limit=128)).pictures])
    codec = zoo.load(weights)
    indices = np.asarray(codec.encode(np.float32(pixels) / 255, Condition(32, 32, 10.0)).indices)
    counts = np.array([(indices == label).sum() for label in range(16)])
    # Compiled and eager networks may round differently beside a decision border.
    np.testing.assert_allclose(usage.shares, counts / counts.sum(), atol=1e-4)
    np.testing.assert_array_equal(usage.values, codec.constellations[0])
    assert usage.symbols == counts.sum() == 128 * 8 * 8 * 8
    assert usage.pictures == "128 of patches32"
    mean = np.mean(np.abs(codec.constellations[0][indices]) ** 2)
    assert usage.energy_db == pytest.approx(10 * np.log10(mean), abs=0.01)
    latent = np.asarray(codec.unquantized(np.float32(pixels) / 255)) @ [1, 1j]
    noise = np.mean(np.abs(codec.constellations[0][indices] - latent) ** 2)
    assert usage.quantization_noise_db == pytest.approx(10 * np.log10(noise / mean), abs=0.01)


def test_each_modulation_order_is_measured_by_itself(make_weights, tmp_path):
    """Labels of the encoder at every order, counted with numpy; energies of the orders' own points."""
    from linksim import images
    from linksim.jscc.codec import Condition
    from linksim.modulation.constellations import qam
    from linksim.scenario.images import Patches32Spec

    sizes = {"channels": [4, 4, 4], "strides": [1, 2, 2], "vectors": 2}
    path = make_weights(tmp_path / "u.weights.h5", "ujscc", **sizes, orders=[1, 4, 6], dimensions=[2, 3, 4])
    weights = zoo.find(str(path))
    usages = measure(weights)
    pixels = np.stack([picture.pixels for picture in images.load(Patches32Spec(limit=128)).pictures])
    codec = zoo.load(weights)
    assert [usage.order for usage in usages] == [2, 16, 64]
    for order, (bits, usage) in enumerate(zip((1, 4, 6), usages)):
        labels = np.asarray(codec.encode(np.float32(pixels) / 255, Condition(32, 32, 10.0, order)).indices)
        # Compiled and eager networks may round differently beside a decision border.
        counts = np.bincount(labels.ravel(), minlength=2**bits)
        np.testing.assert_allclose(usage.shares, counts / counts.sum(), atol=1e-3)
        np.testing.assert_allclose(usage.values, qam(bits), rtol=1e-6)
        assert usage.symbols == 128 * 8 * 8 * 2
        mean = np.mean(np.abs(qam(bits)[labels]) ** 2)
        assert usage.energy_db == pytest.approx(10 * np.log10(mean), abs=0.02)
        assert usage.quantization_noise_db is None
    assert usages[0].energy_db == pytest.approx(0, abs=1e-6)  # both points of BPSK have energy 1


def test_weights_for_large_pictures_send_photographs(make_weights, tmp_path):
    path = make_weights(tmp_path / "large.weights.h5", "deepjscc", channels=[2, 2, 2, 2], symbols=3)
    (usage,) = measure(zoo.find(str(path)))
    assert usage.pictures == "7 of photos"
    assert usage.symbols == 7 * 16 * 24 * 3
    assert usage.energy_db == pytest.approx(0, abs=1e-3)  # unit power for each picture


@pytest.mark.parametrize(("source", "known"), [("foto", "patches32"), ("folder", "patches32")])
def test_an_unknown_source_is_refused(refusal, tiny_weights, source, known):
    text = refusal(measure, zoo.find(str(tiny_weights)), source)
    assert text.startswith("source: ")
    assert known in text


def test_grey_pictures_are_refused(refusal, tiny_weights, monkeypatch):
    from linksim import images
    from linksim.images.picture import Picture, PictureSet

    grey = PictureSet((Picture("grey", np.zeros((32, 32, 1), np.uint8)),))
    monkeypatch.setattr(images, "load", lambda specification: grey)
    assert "grey" in refusal(measure, zoo.find(str(tiny_weights)), "patches32")


def test_quantization_noise_is_the_distance_to_the_points_over_their_energy():
    usage = constellation_usage([1, -1], [[0, 1, 1]], "", np.array([[1.5, -1, -0.5j - 1]]))
    assert usage.quantization_noise_db == pytest.approx(10 * np.log10((0.25 + 0 + 0.25) / 3))
