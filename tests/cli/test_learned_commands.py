"""Commands about learned systems: models, and send with weights."""

import shutil

import numpy as np
import pytest
from PIL import Image

from linksim import zoo
from linksim.images.reading import read_pixels
from linksim.zoo import weights as finding


@pytest.fixture
def shipped(tiny_weights, tmp_path, monkeypatch):
    """A zoo that ships the tiny weights as `zoo:deepjscc-q/tiny`."""
    folder = tmp_path / "zoo" / "deepjscc-q"
    folder.mkdir(parents=True)
    shutil.copy(tiny_weights, folder / "tiny.weights.h5")
    shutil.copy(finding.card_path(tiny_weights), folder / "tiny.json")
    monkeypatch.setattr(finding, "FOLDER", folder.parent)
    return folder


def test_models_lists_the_shipped_weights(linksim, shipped):
    seen = linksim("models")
    assert (seen.code, seen.err) == (0, "")
    heading, row, _ = seen.out.splitlines()
    assert heading.split()[:3] == ["weights", "points", "CBR"]
    assert row.split()[:6] == ["zoo:deepjscc-q/tiny", "16", "1/6", "awgn", "10", "dB"]
    assert row.endswith("11.50 dB")


def test_models_says_so_when_nothing_is_shipped(linksim, tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "FOLDER", tmp_path)
    seen = linksim("models")
    assert (seen.code, seen.err) == (0, "")
    assert "no weights are shipped" in seen.out


@pytest.mark.parametrize("name", ["deepjscc-q/tiny", "zoo:deepjscc-q/tiny"])
def test_models_shows_a_card(name, linksim, shipped):
    seen = linksim("models", name)
    assert (seen.code, seen.err) == (0, "")
    assert "zoo:deepjscc-q/tiny: " in seen.out
    for field in zoo.Card.model_fields:
        assert f"\n{field}:" in seen.out


def test_models_refuses_an_unknown_name(refused, shipped):
    assert "perhaps zoo:deepjscc-q/tiny" in refused("models", "deepjscc-q/tinny")


def test_send_with_shipped_weights(linksim, picture, shipped):
    seen = linksim("send", picture, "--system", "zoo:deepjscc-q/tiny", "--snr", "10")
    assert (seen.code, seen.err) == (0, "")
    arrived = picture.with_name("picture_deepjscc-q-tiny_10dB.png")
    assert read_pixels(arrived).shape == read_pixels(picture).shape
    # 40×56 has 10·14 positions of 8 symbols.
    assert seen.out.startswith("delivered: PSNR ")
    assert "at CBR 0.1667 (1120 uses), weights:deepjscc-q/tiny, awgn 10 dB" in seen.out
    assert seen.out.endswith(f"Look at {arrived}\n")


def test_send_with_a_file_of_weights_and_their_cbr(linksim, picture, tiny_weights):
    seen = linksim("send", picture, "--system", tiny_weights, "--snr", "10", "--cbr", "2/12")
    assert (seen.code, seen.err) == (0, "")
    assert picture.with_name("picture_tiny_10dB.png").exists()


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("--cbr", "1/12", "is made for CBR 1/6, not 1/12"),
        ("--cbr", "much", "1/12"),
        ("--table", "pdsch-1", "separate chains"),
        ("--mcs", "3", "separate chains"),
        ("--system", "zoo:deepjscc-q/tinny", "perhaps zoo:deepjscc-q/tiny"),
        ("--system", "none.weights.h5", "there is no such file"),
        ("--channel", "cable", "rayleigh_block"),
        ("--snr", "1000", "100"),
    ],
)
def test_send_names_the_option_that_is_wrong(option, value, known, refused, picture, shipped):
    words = ["--system", "zoo:deepjscc-q/tiny", "--snr", "5", option, value]
    text = refused("send", picture, *words)
    assert text.startswith(f"error: {option}: ")
    assert known in text


def test_send_refuses_damaged_weights(refused, picture, shipped):
    (shipped / "tiny.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    text = refused("send", picture, "--system", "zoo:deepjscc-q/tiny", "--snr", "5")
    assert text.startswith(f"error: --system: {shipped}/tiny.weights.h5: truncated")


def test_send_refuses_a_grey_picture(refused, tmp_path, shipped):
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / "grey.png")
    text = refused("send", tmp_path / "grey.png", "--system", "zoo:deepjscc-q/tiny", "--snr", "5")
    assert text.startswith("error: --system: grey.png is grey")


@pytest.mark.parametrize(("snr", "order"), [("0", 1), ("8", 2), ("15", 4), ("20", 6), ("30", 8)])
def test_send_tells_which_modulation_order_the_snr_has_chosen(linksim, picture, snr, order):
    seen = linksim("send", picture, "--system", "zoo:ujscc/b", "--snr", snr)
    assert (seen.code, seen.err) == (0, "")
    # 40×56 has 10·14 positions of 4 symbols.
    assert f"at CBR 0.0833 (560 uses), weights:ujscc/b/{order}, awgn {snr} dB" in seen.out


def test_send_tells_the_class_that_the_receiver_names(linksim, refused, picture, tmp_path):
    """JCM's own decoder does, of a picture of its size; the class is one of ten."""
    Image.fromarray(read_pixels(picture)[:32, :32]).save(tmp_path / "small.png")
    seen = linksim("send", tmp_path / "small.png", "--system", "zoo:jcm/bpsk-n256-4dB", "--snr", "4")
    assert seen.code == 0
    _, named, _ = seen.out.splitlines()
    assert named in {f"The receiver names class {number}" for number in range(10)}
    text = refused("send", picture, "--system", "zoo:jcm/bpsk-n256-4dB", "--snr", "4")
    assert "takes 32×32 px" in text
