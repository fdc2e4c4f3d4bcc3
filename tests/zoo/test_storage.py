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
        exact = any(word in before.path for word in ("gdn", "quantizer"))
        if saved.kernel_step and len(before.shape) > 1 and np.prod(before.shape) >= 4096 and not exact:
            values = np.array(before)
            step = max(saved.kernel_step * values.std(), abs(values).max() / 127)
            np.testing.assert_allclose(after, values, rtol=1e-5, atol=step * (0.5 + 1e-4))
            continue
        if saved.kernel_step:
            np.testing.assert_allclose(after, before, rtol=2.0**-11, atol=2**-25)
            continue
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


# Weights on a grid of bytes.

CODER = {"channels": [16, 64], "depths": [1, 1], "window": 4, "hyper": 16}


def write_arrays(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(f"layers/{name}/vars/0", data=values)
    return path


def arrays_of(path):
    return {name.split("/")[1]: values for name, values in datasets(path).items()}


def packed_and_back(folder, share, base=None, **arrays):
    """The packed file, its entries by name, and the arrays that come out of it again."""
    packed, plain = folder / "packed.h5", folder / "plain.h5"
    storage._pack(write_arrays(folder / "full.h5", **arrays), packed, share, base)
    storage._unpack(packed, base, plain)
    return packed, arrays_of(plain)


@pytest.fixture
def normal():
    """Normal numbers of a deviation of 0.05, float32 [80, 90]."""
    return np.random.default_rng(1).normal(scale=0.05, size=(80, 90)).astype(np.float32)


def test_a_grid_is_off_by_half_a_step_at_most(normal, tmp_path):
    """Of a sixteenth of the standard deviation; integers of one byte, which compress."""
    packed, back = packed_and_back(tmp_path, 1 / 16, kernel=normal)
    step = normal.std() / 16
    error = np.abs(back["kernel"] - normal)
    assert 0.49 * step < error.max() <= 0.5 * step * (1 + 1e-5)
    with h5py.File(packed) as file:
        stored = file["layers/kernel/vars/0"]
        assert stored.attrs["step"] == pytest.approx(step, rel=1e-6)
        assert (stored.dtype, stored.compression, stored.shuffle) == (np.int8, "gzip", True)
        # No base: the numbers themselves, as many bits each as a normal law in such steps has.
        np.testing.assert_array_equal(stored[:], np.round(normal / np.float32(stored.attrs["step"])))
        entropy = np.log2(16 * np.sqrt(2 * np.pi * np.e))
        assert stored.id.get_storage_size() * 8 / normal.size < entropy + 0.6


def test_an_array_with_outliers_has_a_wider_step(normal, tmp_path):
    """So that its numbers still fit a byte."""
    normal[3, 4] = -5
    packed, back = packed_and_back(tmp_path, 1 / 16, kernel=normal)
    with h5py.File(packed) as file:
        stored = file["layers/kernel/vars/0"]
        assert stored.dtype == np.int8
        assert stored[3, 4] == -127
        assert stored.attrs["step"] == pytest.approx(5 / 127, rel=1e-6)
    assert np.abs(back["kernel"] - normal).max() <= 2.5 / 127 * (1 + 1e-5)


def test_small_arrays_vectors_zeros_and_integers_have_no_grid(normal, tmp_path):
    """They are in half precision, or as they are."""
    given = {
        "small": normal[:45, :89],  # 4005 values
        "bias": normal.reshape(-1),
        "nothing": np.zeros((80, 90), np.float32),
        "state": np.array([7, 2**31], np.uint32),
        "gain": np.float32(0.3),
    }
    packed, back = packed_and_back(tmp_path, 1 / 16, **given)
    assert not storage._grids(packed)
    for name, values in given.items():
        expected = values if name == "state" else np.float16(values)
        np.testing.assert_array_equal(back[name], expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_has_no_grid(value, normal, tmp_path):
    normal[0, 0] = value
    with pytest.raises(ValueError, match="layers/kernel/vars/0 is not finite"):
        packed_and_back(tmp_path, 1 / 16, kernel=normal)


@pytest.fixture
def base(normal, tmp_path):
    """A packed file and what comes out of it."""
    folder = tmp_path / "base"
    folder.mkdir()
    packed, back = packed_and_back(folder, 1 / 16, kernel=normal, frozen=normal[::-1])
    return packed, back


def test_differences_from_a_base_give_what_was_packed(normal, base, tmp_path):
    """On the grid of the base, to half its step, however far from it; what it lacks, on a grid of its own."""
    packed, theirs = base
    random = np.random.default_rng(2)
    given = {
        "kernel": theirs["kernel"] + random.normal(scale=0.01, size=normal.shape).astype(np.float32),
        "frozen": theirs["frozen"].astype(np.float32),
        "new": normal.T.copy(),
    }
    given["kernel"][0, :2] = 7, -7
    ours, back = packed_and_back(tmp_path, 1 / 16, packed, **given)
    grids, of_base = storage._grids(ours), storage._grids(packed)
    assert grids["layers/kernel/vars/0"][1] == of_base["layers/kernel/vars/0"][1]
    for name, values in given.items():
        step = grids[f"layers/{name}/vars/0"][1]
        assert np.abs(back[name] - values).max() <= 0.5 * step * (1 + 1e-4)
    np.testing.assert_array_equal(back["frozen"], theirs["frozen"])
    with h5py.File(ours) as file:
        assert file["layers/kernel/vars/0"].dtype == np.int16
        frozen = file["layers/frozen/vars/0"]
        assert frozen.dtype == np.int8
        assert not frozen[:].any()
        assert frozen.id.get_storage_size() < 0.01 * frozen.size


def test_differences_of_differences(normal, base, tmp_path):
    """A base may have been stored by differences itself: its own base is not needed."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    ours, _ = packed_and_back(first, 1 / 16, base[0], kernel=1.1 * normal)
    _, back = packed_and_back(second, 1 / 16, ours, kernel=1.2 * normal)
    step = storage._grids(base[0])["layers/kernel/vars/0"][1]
    assert np.abs(back["kernel"] - 1.2 * normal).max() <= 0.5 * step * (1 + 1e-4)


def test_packing_what_was_unpacked_changes_nothing(normal, base, tmp_path):
    """By itself or from its base, again and again."""
    packed, theirs = base
    given = {name: values.astype(np.float32) for name, values in theirs.items()}
    _, back = packed_and_back(tmp_path, 1 / 16, packed, **given)
    for name, values in theirs.items():
        np.testing.assert_array_equal(back[name], values)


# Weights whose codec asks for a grid.


def coder_of(seed):
    import keras

    keras.utils.set_random_seed(seed)
    return jscc.create("source-coder", **CODER)


CODER_CARD = {
    **CARD,
    **dict.fromkeys(("channel", "snr_db", "power")),
    "model": "source-coder",
    "sizes": CODER,
}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A source coder that stands in the zoo."""
    monkeypatch.setattr(zoo.weights, "FOLDER", tmp_path / "zoo")
    zoo.save(coder_of(1), CODER_CARD, tmp_path / "zoo/source-coder/base.weights.h5")
    return zoo.find("zoo:source-coder/base")


@pytest.fixture
def derived(shipped, tmp_path):
    """A codec whose g_s alone went on from the shipped one, and its weights."""
    codec = zoo.load(shipped)
    random = np.random.default_rng(3)
    for weight in codec.synthesis.trainable_variables:
        weight.assign_add(random.normal(scale=0.02, size=weight.shape).astype(np.float32))
    return codec, zoo.save(codec, CODER_CARD, tmp_path / "derived.weights.h5", shipped)


def assert_on_grid(saved, loaded):
    """To half a step of a sixteenth of the deviation, more where there are outliers; else to half precision.

    A base's step may be another: a few percent.
    """
    large = 0
    for before, after in zip(saved.weights, loaded.weights, strict=True):
        before, after = np.asarray(before), np.asarray(after)
        if before.ndim >= 2 and before.size >= 4096:
            large += 1
            step = max(before.std() / 16, np.abs(before).max() / 127)
            np.testing.assert_allclose(after, before, atol=0.55 * step)
        else:
            np.testing.assert_allclose(after, before, rtol=2.0**-11, atol=2**-25)
    assert large > 5


def test_a_coder_comes_back_to_its_grid(shipped):
    assert (shipped.card.base, shipped.card.base_sha256, shipped.card.cbr) == (None, None, None)
    loaded = zoo.load(shipped)
    assert_on_grid(coder_of(1), loaded)
    assert {weight.dtype for weight in loaded.weights} == {"float32"}
    # A byte or less for each of most of the numbers.
    assert shipped.path.stat().st_size < 1.3 * shipped.card.parameters + 40_000


def test_a_coder_comes_back_from_its_base(derived, shipped):
    codec, weights = derived
    assert (weights.card.base, weights.card.base_sha256) == ("zoo:source-coder/base", shipped.digest)
    loaded = zoo.load(zoo.find(str(weights.path)))
    assert_on_grid(codec, loaded)
    unchanged = zoo.load(shipped)
    for part in ("analysis", "hyperprior"):
        ours, theirs = (getattr(coder, part).get_weights() for coder in (loaded, unchanged))
        for value, expected in zip(ours, theirs):
            np.testing.assert_array_equal(value, expected)
    assert weights.path.stat().st_size < shipped.path.stat().st_size


def test_differences_from_another_base_load_as_they_were_packed(shipped, tmp_path):
    """They are larger then, and nothing is lost."""
    other = coder_of(2)
    assert_on_grid(other, zoo.load(zoo.save(other, CODER_CARD, tmp_path / "other.weights.h5", shipped)))


def test_a_base_that_is_missing_is_named(derived, shipped, refusal):
    weights = zoo.find(str(derived[1].path))
    shipped.path.unlink()
    text = refusal(zoo.load, weights)
    card = zoo.weights.card_path(weights.path)
    assert text.startswith(f"{card}: base: zoo:source-coder/base is not among the shipped weights\nmend: ")


def test_a_base_that_is_not_the_one_it_was_is_refused(derived, shipped, refusal):
    """Also one that fits in all but its numbers."""
    weights = zoo.find(str(derived[1].path))
    zoo.save(coder_of(4), CODER_CARD, shipped.path)
    text = refusal(zoo.load, weights)
    card = zoo.weights.card_path(weights.path)
    assert text == (
        f"{card}: base: zoo:source-coder/base is not what {weights.path} was stored against "
        "(SHA-256 differs)\nmend: take both from one version of linksim"
    )


def test_a_base_that_is_damaged_is_refused(derived, shipped, refusal):
    weights = zoo.find(str(derived[1].path))
    shipped.path.write_bytes(shipped.path.read_bytes()[:-9])
    assert "base: " in (text := refusal(zoo.load, weights))
    assert "base.weights.h5" in text
    assert "SHA-256 differs" in text
