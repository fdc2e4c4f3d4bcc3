"""Weights come back as they were saved, to half precision, and files that do not fit are refused."""

import json
import shutil

import h5py
import numpy as np
import pytest

import linksim.phy  # noqa: F401  starts TensorFlow quietly
from linksim import jscc, zoo
from linksim.zoo import storage
from tests.conftest import CARD

JCM = {"channels": [4, 4, 6, 6], "symbols": 16, "spine": 4, "classes": 10}


@pytest.fixture
def copied(tiny_weights, tmp_path):
    """A copy of the tiny weights that a test may spoil."""
    shutil.copy(zoo.weights.card_path(tiny_weights), tmp_path / "tiny.json")
    return shutil.copy(tiny_weights, tmp_path / "tiny.weights.h5")


def edit_card(path, **fields):
    place = zoo.weights.card_path(path)
    place.write_text(json.dumps({**json.loads(place.read_text()), **fields}))


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("deepjscc-2019", {"symbols": 2}),
        ("deepjscc", {"channels": [4, 6], "symbols": 2}),
        ("deepjscc-q", {"channels": [4, 4], "symbols": 2, "order": 16, "learned": True}),
        (
            "ujscc",
            {
                "channels": [4, 6, 6],
                "strides": [1, 2, 2],
                "vectors": 2,
                "orders": [1, 4],
                "dimensions": [2, 3],
            },
        ),
        ("jcm", {**JCM, "order": 16}),
        ("jcm-analog", JCM),
        ("jcm-uniform-8bit", {**JCM, "order": 4}),
        ("jcm-nn-1bit", {**JCM, "order": 4}),
    ],
)
def test_every_variable_comes_back_to_its_stored_precision(model, sizes, make_weights, tmp_path):
    path = make_weights(tmp_path / "a.weights.h5", model, **sizes)
    from keras.utils import set_random_seed

    set_random_seed(1)
    saved, loaded = jscc.create(model, **sizes), zoo.load(zoo.find(str(path)))
    assert saved.count_params() == zoo.find(str(path)).card.parameters
    assert_stored(saved, loaded)
    assert len(loaded.constellations) == len(saved.constellations)
    for after, before in zip(loaded.constellations, saved.constellations):
        np.testing.assert_allclose(after, before, rtol=2**-9)


def assert_stored(saved, loaded):
    """Weights agree to what is kept of them; the states of random generators are not stored."""
    for before, after in zip(saved.weights, loaded.weights, strict=True):
        assert after.dtype == before.dtype
        # Kernels keep a few bits after the leading one, others 10; near zero there are steps of 2^-24.
        linear = any(word in before.path for word in ("dense", "spinal_head"))
        kernel = len(before.shape) == 4 or (len(before.shape) == 2 and linear)
        bits = saved.kernel_bits if kernel else 10
        np.testing.assert_allclose(after, before, rtol=2.0 ** -(bits + 1), atol=2**-25)


@pytest.fixture
def classifier(tmp_path):
    """A classifier with running statistics of its own, and its weights."""
    from keras.utils import set_random_seed

    set_random_seed(1)
    sizes = {"channels": (4, 6), "classes": 10}
    network = jscc.create("picture-classifier", **sizes)
    for _ in range(3):
        network(np.random.default_rng(1).random((4, 32, 32, 3), np.float32), training=True)
    nothing = dict.fromkeys(("channel", "snr_db", "power", "validation_psnr_db"))
    card = {**CARD, **nothing, "model": "picture-classifier", "sizes": sizes, "validation_accuracy": 0.9}
    return network, zoo.save(network, card, tmp_path / "classifier.weights.h5")


def test_a_classifier_comes_back(classifier):
    """Running statistics among its weights: it names classes as before."""
    network, weights = classifier
    assert weights.card == zoo.find(str(weights.path)).card
    assert weights.card.cbr is None
    loaded = zoo.load(weights)
    assert_stored(network, loaded)
    pictures = np.random.default_rng(2).random((8, 32, 32, 3), np.float32)
    np.testing.assert_allclose(loaded(pictures), network(pictures), atol=0.03)
    assert np.std(network(pictures)) > 0.1


def datasets(path):
    """Every dataset of a file of weights, by name."""
    found = {}

    def note(name, entry):
        if isinstance(entry, h5py.Dataset):
            found[name] = entry[()]

    with h5py.File(path) as file:
        file.visititems(note)
    return found


def bits_beyond(values, bits):
    """Share of the values whose mantissas have more bits after the leading one."""
    mantissas = np.frexp(values.astype(np.float64))[0] * 2 ** (bits + 1)
    return (mantissas != np.round(mantissas)).mean()


def test_kernels_of_a_classifier_keep_five_bits(classifier):
    kernels = [values for values in datasets(classifier[1].path).values() if values.ndim in (2, 4)]
    # The first, two in each block, one beside the halving; the linear one.
    assert len(kernels) == 1 + 2 + 3 + 1
    for kernel in kernels:
        assert bits_beyond(kernel, 5) == 0 < bits_beyond(kernel, 4)


def test_a_codec_says_how_many_bits_its_kernels_keep(tmp_path):
    """Four of the benchmark with hard decisions, of convolutions and linear layers."""
    fields = {**CARD, "model": "jcm-nn-1bit", "sizes": JCM}
    path = zoo.save(jscc.create("jcm-nn-1bit", **JCM), fields, tmp_path / "a.weights.h5").path
    kernels = [values for values in datasets(path).values() if values.ndim in (2, 4)]
    assert {kernel.ndim for kernel in kernels} == {2, 4}
    assert all(bits_beyond(kernel, 4) == 0 for kernel in kernels)
    assert np.mean([bits_beyond(kernel, 3) for kernel in kernels]) > 0.3


def test_learned_points_and_gdn_keep_ten_bits(tmp_path):
    sizes = {"channels": [4], "symbols": 1, "order": 16, "learned": True}
    fields = {**CARD, "model": "deepjscc-q", "sizes": sizes}
    path = zoo.save(jscc.create("deepjscc-q", **sizes), fields, tmp_path / "a.weights.h5").path
    matrices = {values.shape: values for values in datasets(path).values() if values.ndim == 2}
    assert set(matrices) == {(16, 2), (4, 4)}
    assert bits_beyond(matrices[16, 2], 5) > 0.3
    assert bits_beyond(matrices[4, 4][np.eye(4) == 1], 5) == 1  # 0.1 has no end in binary


def test_a_classifier_has_no_cbr(classifier, refusal):
    weights = classifier[1]
    edit_card(weights.path, cbr="1/6")
    text = refusal(zoo.load, zoo.find(str(weights.path)))
    assert "cbr: the picture-classifier of these sizes has None, not 1/6" in text


def test_what_is_trained_and_what_is_not_are_both_kept(make_weights, tmp_path):
    """The probabilities of learned points are no trainable weights, but the points hang on them."""
    path = tmp_path / "a.weights.h5"
    sizes = {"channels": [4, 4], "symbols": 2, "order": 16, "learned": True}
    codec = jscc.create("deepjscc-q", **sizes)
    use = np.arange(1, 17, dtype=np.float32) / 136
    codec.quantizer.probabilities.assign(use)
    make_weights(path, "deepjscc-q", **sizes)
    card = zoo.find(str(path)).card.model_dump(mode="json")
    loaded = zoo.load(zoo.save(codec, card, path))
    np.testing.assert_allclose(loaded.quantizer.probabilities, use, rtol=2**-11)
    np.testing.assert_allclose(loaded.constellations[0], codec.constellations[0], rtol=2**-9)


def test_floats_are_halved_and_integers_are_not(tmp_path):
    large = np.linspace(-1, 1, 10_000, dtype=np.float32)
    with h5py.File(tmp_path / "full.h5", "w") as file:
        file.create_dataset("layers/conv/vars/0", data=large)
        file["layers/conv"].attrs["name"] = "conv_17"
        file.create_dataset("layers/noise/vars/0", data=np.array([7, 2**31], np.uint32))
        file.create_dataset("layers/gain/vars/0", data=np.float32(0.5))
    storage._halve(tmp_path / "full.h5", tmp_path / "half.h5", 5)
    with h5py.File(tmp_path / "half.h5") as file:
        kernel = file["layers/conv/vars/0"]
        assert (kernel.dtype, kernel.compression, kernel.shuffle) == (np.float16, "gzip", True)
        np.testing.assert_array_equal(kernel[:], large.astype(np.float16))
        assert not file["layers/conv"].attrs
        assert file["layers/noise/vars/0"].dtype == np.uint32
        assert file["layers/noise/vars/0"][:].tolist() == [7, 2**31]
        assert file["layers/gain/vars/0"][()] == 0.5


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e5])
def test_weights_beyond_half_precision_are_not_saved(value, tiny_weights, tmp_path):
    codec = zoo.load(zoo.find(str(tiny_weights)))
    codec.gain.assign(value)
    card = zoo.find(str(tiny_weights)).card.model_dump(mode="json")
    with pytest.raises(ValueError, match="not finite in half precision"):
        zoo.save(codec, card, tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_card_without_a_field_is_not_saved(tiny_weights, tmp_path, refusal):
    codec = zoo.load(zoo.find(str(tiny_weights)))
    card = zoo.find(str(tiny_weights)).card.model_dump(mode="json")
    del card["recipe"]
    assert "recipe: missing" in refusal(zoo.save, codec, card, tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []


def test_saving_what_was_loaded_loses_nothing(tiny_weights, tmp_path):
    found = zoo.find(str(tiny_weights))
    once = zoo.load(found)
    twice = zoo.load(zoo.save(once, found.card.model_dump(mode="json"), tmp_path / "b.weights.h5"))
    for before, after in zip(once.variables, twice.variables):
        np.testing.assert_array_equal(before, after)


def test_a_file_that_changed_after_it_was_found_is_refused(copied, refusal):
    found = zoo.find(str(copied))
    copied.write_bytes(copied.read_bytes() + b"more")
    assert "SHA-256 differs" in refusal(zoo.load, found)


def test_sizes_of_another_network_are_refused(copied, refusal):
    edit_card(copied, sizes={"channels": [4, 6], "symbols": 8, "order": 16})
    text = refusal(zoo.load, zoo.find(str(copied)))
    assert "tiny.json: parameters: the deepjscc-q of these sizes has " in text


@pytest.mark.parametrize(
    "sizes",
    [{}, {"channels": [4, 4], "symbols": 8, "order": 15}, {"channels": [4, 4], "width": 3}],
    ids=["none", "no such order", "unknown"],
)
def test_sizes_of_no_network_are_refused(sizes, copied, refusal):
    edit_card(copied, sizes=sizes)
    assert "tiny.json: sizes: no deepjscc-q can be built with them" in refusal(
        zoo.load, zoo.find(str(copied))
    )


def test_a_card_of_another_cbr_is_refused(copied, refusal):
    edit_card(copied, cbr="1/12")
    assert "cbr: the deepjscc-q of these sizes has 1/6, not 1/12" in refusal(zoo.load, zoo.find(str(copied)))


def test_weights_of_another_model_are_refused(copied, refusal):
    """A network with as many parameters and the same CBR, whose layers are others."""
    import hashlib

    with h5py.File(copied, "r+") as file:
        file.move("encoder", "elsewhere")
    edit_card(copied, sha256=hashlib.sha256(copied.read_bytes()).hexdigest())
    assert "these are not the weights of a deepjscc-q" in refusal(zoo.load, zoo.find(str(copied)))
