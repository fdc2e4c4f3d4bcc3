"""Weights are found by reference and agree with their card, or the error says what is wrong."""

import json
import pickle
import shutil
import subprocess
import sys

import pytest

from linksim import zoo
from linksim.jscc import CLASSIFIERS, SOURCE_CODERS, VARIABLE_RATE
from linksim.zoo import weights as finding


@pytest.fixture
def copied(tiny_weights, tmp_path):
    """A copy of the tiny weights that a test may spoil."""
    shutil.copy(finding.card_path(tiny_weights), tmp_path / "tiny.json")
    return shutil.copy(tiny_weights, tmp_path / "tiny.weights.h5")


@pytest.fixture
def shipped(tiny_weights, tmp_path, monkeypatch):
    """A zoo that ships the tiny weights as `zoo:deepjscc-q/tiny-16qam`; returns its folder."""
    folder = tmp_path / "zoo" / "deepjscc-q"
    folder.mkdir(parents=True)
    shutil.copy(tiny_weights, folder / "tiny-16qam.weights.h5")
    shutil.copy(finding.card_path(tiny_weights), folder / "tiny-16qam.json")
    monkeypatch.setattr(finding, "FOLDER", folder.parent)
    return folder


def edit_card(path, **fields):
    place = finding.card_path(path)
    place.write_text(json.dumps({**json.loads(place.read_text()), **fields}))


def test_weights_are_found_by_path(tiny_weights):
    found = zoo.find(str(tiny_weights))
    assert found.path == tiny_weights
    assert found.digest == found.card.sha256
    assert found.card.orders == (4,)
    assert found.card.points_text == "16"
    assert pickle.loads(pickle.dumps(found)) == found


def test_weights_are_found_in_the_zoo(shipped):
    assert zoo.shipped() == ["zoo:deepjscc-q/tiny-16qam"]
    found = zoo.find("zoo:deepjscc-q/tiny-16qam")
    assert (found.name, found.path.parent) == ("deepjscc-q/tiny-16qam", shipped)


def test_every_shipped_weight_agrees_with_its_card():
    for reference in zoo.shipped():
        card = zoo.find(reference).card
        if card.model in CLASSIFIERS:
            assert (card.cbr, card.channel, card.snr_db, card.validation_psnr_db) == (None,) * 4
            assert card.validation_accuracy > 0.8
        elif card.model in SOURCE_CODERS:
            assert (card.cbr, card.channel, card.snr_db) == (None,) * 3
            assert card.validation_rate_bpp < 24
        elif card.model in VARIABLE_RATE:
            assert card.cbr is None
            assert 0 < card.validation_cbr < 1 / 2
        else:  # with JCM's features at −20 dB little more arrives than the mean of all pictures
            assert card.validation_psnr_db > (9 if card.side else 15)


@pytest.mark.parametrize(
    "reference",
    [
        "zoo:deepjscc-q/tiny-64qam",
        "zoo:tiny-16qam",
        "zoo:",
        "zoo:deepjscc-q/../deepjscc-q/tiny-16qam",
        "zoo:a/b/c",
    ],
)
def test_unknown_references_are_refused(reference, shipped, refusal):
    assert f"{reference} is not among the shipped weights" in refusal(zoo.find, reference)


def test_a_similar_reference_is_offered(shipped, refusal):
    assert "perhaps zoo:deepjscc-q/tiny-16qam; " in refusal(zoo.find, "zoo:deepjscc-q/tiny-61qam")


def test_a_missing_file_is_refused_and_a_similar_one_offered(copied, refusal):
    text = refusal(zoo.find, str(copied.with_name("tony.weights.h5")))
    assert "there is no such file" in text
    assert f"mend: perhaps {copied}" in text


@pytest.mark.parametrize("name", ["x" * 5000 + ".weights.h5", "a\0.weights.h5", "a/b/c.weights.h5"])
def test_impossible_paths_are_refused(name, refusal):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding.difflib, "get_close_matches", lambda *_, **__: [])
        assert "there is no such file" in refusal(zoo.find, name[-300:] if "x" in name else name)


def test_another_kind_of_file_is_refused(copied, refusal):
    assert "end in .weights.h5" in refusal(zoo.find, str(finding.card_path(copied)))


def test_a_missing_card_is_refused(copied, refusal):
    finding.card_path(copied).unlink()
    assert "the card of tiny.weights.h5 is missing" in refusal(zoo.find, str(copied))


def test_renamed_weights_miss_their_card(copied, refusal):
    renamed = copied.rename(copied.with_name("other.weights.h5"))
    assert "other.json: the card of other.weights.h5 is missing" in refusal(zoo.find, str(renamed))


def test_weights_under_the_name_of_others_are_refused(copied, make_weights, refusal):
    other = make_weights(copied.with_name("other.weights.h5"), "deepjscc-2019", symbols=1)
    shutil.copy(other, copied)
    assert "not the weights of its card tiny.json" in refusal(zoo.find, str(copied))


def test_truncated_weights_are_refused(copied, refusal):
    whole = copied.read_bytes()
    copied.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in refusal(zoo.find, str(copied))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x04 a pickle"])
def test_what_is_no_hdf5_is_refused(content, copied, refusal):
    copied.write_bytes(content)
    assert "this is no HDF5 file" in refusal(zoo.find, str(copied))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 50_000, b'{"model": 1}' + b" " * 200_000], ids=range(6)
)
def test_a_damaged_card_is_refused(text, copied, refusal):
    finding.card_path(copied).write_bytes(text)
    assert "tiny.json: the card is damaged" in refusal(zoo.find, str(copied))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sha256", "abc"),
        ("cbr", "much"),
        ("parameters", "many"),
        ("snr_db", float("nan")),
        ("sizes", [1]),
        ("sizes", {"channels": {"a": 1}}),
        ("colour", "blue"),
        ("model", "resnet"),
    ],
)
def test_a_wrong_field_of_a_card_is_named(field, value, copied, refusal):
    edit_card(copied, **{field: value})
    assert f"tiny.json: {field}" in refusal(zoo.find, str(copied))


def test_weights_in_the_folder_of_another_model_are_refused(shipped, refusal):
    shipped.rename(shipped.with_name("deepjscc"))
    text = refusal(zoo.find, "zoo:deepjscc/tiny-16qam")
    assert "the card is of a deepjscc-q, not of a deepjscc" in text


def test_a_file_is_read_once(copied, monkeypatch):
    zoo.find(str(copied))
    monkeypatch.setattr(finding.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
    assert zoo.find(str(copied)).digest


def test_the_listing_shows_the_others_beside_a_damaged_card(shipped):
    (shipped / "broken.weights.h5").write_bytes(b"")
    (shipped / "broken.json").write_text("{")
    heading, broken, tiny = zoo.listing()
    assert len(heading) == len(broken) == len(tiny)
    assert broken[:2] == ("zoo:deepjscc-q/broken", broken[1])
    assert "damaged" in broken[1]
    assert tiny[:5] == (
        "zoo:deepjscc-q/tiny-16qam", "16", "1/6", "awgn", "10 dB",
    )  # fmt: skip
    assert tiny[-2:] == ("11.50 dB", "")


def test_the_listing_of_a_classifier_has_gaps(shipped, make_weights):
    """No points, CBR, channel, SNR and PSNR; a system with classes has both kinds of quality."""
    for model, sizes, fields in (
        (
            "picture-classifier",
            {"channels": [4], "classes": 10},
            {"channel": None, "snr_db": None, "power": None, "cbr": None, "validation_psnr_db": None},
        ),
        ("jcm-analog", {"channels": [4] * 4, "symbols": 16, "spine": 4, "classes": 10}, {"snr_db": -2}),
    ):
        path = make_weights(shipped.parent / model / "tiny.weights.h5", model, **sizes)
        edit_card(path, **fields, validation_accuracy=0.9312)
    heading, _, jcm, classifier = zoo.listing()
    assert heading[-2:] == ("validation PSNR", "accuracy")
    assert jcm[:5] == ("zoo:jcm-analog/tiny", "analogue", "1/192", "awgn", "-2 dB")
    assert jcm[-2:] == ("11.50 dB", "93.1%")
    assert classifier[:5] == ("zoo:picture-classifier/tiny", "", "", "", "")
    assert classifier[-2:] == ("", "93.1%")


def test_a_model_of_another_version_is_refused_with_those_there_are(copied, refusal):
    edit_card(copied, model="resnet")
    text = refusal(zoo.find, str(copied))
    assert "model: 'resnet' is no model of this version\nmend: one of deepjscc-2019, " in text
    assert text.endswith(", mdjcm, picture-classifier, source-coder")


def test_finding_weights_imports_nothing_heavy(tiny_weights):
    code = (
        f"import sys; from linksim import zoo; zoo.find({str(tiny_weights)!r}); zoo.listing(); "
        "print({'tensorflow', 'keras', 'numpy', 'h5py', 'sionna'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
