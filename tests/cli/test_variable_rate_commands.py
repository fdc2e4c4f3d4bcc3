"""Commands about weights of variable rate: send, models and check."""

import re

import pytest
import yaml

from linksim.images.reading import read_pixels

SIZES = {
    "channels": [8, 16, 32], "depths": [1, 1, 1], "window": 4, "hyper": 4, "rates": [2, 4, 8, 12, 16],
    "blocks": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def ntscc(make_weights, tmp_path_factory):
    return make_weights(tmp_path_factory.mktemp("ntscc") / "a.weights.h5", "ntscc", **SIZES)


@pytest.fixture(scope="module")
def mdjcm(make_weights, tmp_path_factory):
    return make_weights(tmp_path_factory.mktemp("mdjcm") / "v.weights.h5", "mdjcm", **SIZES, orders=[2, 4])


@pytest.mark.parametrize(("options", "cbr"), [((), 1 / 16), (("--cbr", "1/24"), 1 / 24)])
def test_send_gives_a_picture_the_cbr_that_it_is_told(options, cbr, linksim, picture, ntscc):
    seen = linksim("send", picture, "--system", ntscc, "--snr", "10", *options)
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.startswith("delivered: PSNR ")
    assert float(re.search(r"at CBR (\S+)", seen.out)[1]) == pytest.approx(cbr, rel=0.02)
    assert read_pixels(picture.with_name("picture_a_10dB.png")).shape == read_pixels(picture).shape


def test_send_takes_an_order(linksim, refused, picture, mdjcm, ntscc):
    seen = linksim("send", picture, "--system", mdjcm, "--snr", "10", "--order", "4")
    assert (seen.code, seen.err) == (0, "")
    assert "v/4, awgn 10 dB" in seen.out
    words = ("send", picture, "--snr", "10")
    assert refused(*words, "--system", mdjcm).startswith("error: --order: missing: ")
    assert refused(*words, "--system", mdjcm, "--order", "6").startswith("error: --order: ")
    assert "sends analogue symbols, not 2" in refused(*words, "--system", ntscc, "--order", "2")
    assert "no modulation order" in refused(*words, "--system", mdjcm, "--order", "3")
    assert refused(*words, "--order", "2").startswith("error: --order: belongs to learned systems")


def test_send_refuses_a_cbr_that_no_rates_reach(refused, picture, ntscc):
    text = refused("send", picture, "--system", ntscc, "--snr", "10", "--cbr", "1/4")
    assert "a mean CBR of 0.01042 to 0.08333, not 1/4" in text


def test_models_shows_a_card_and_what_it_costs(linksim, refused, mdjcm):
    assert "cbr: null" in linksim("models", mdjcm).out
    seen = linksim("models", mdjcm, "--cost")
    assert (seen.code, seen.err) == (0, "")
    assert refused("models", mdjcm, "--norm", "a.png").endswith("as zoo:ujscc/b\n")


def test_models_draws_what_is_sent(linksim, ntscc, mdjcm, tmp_path):
    seen = linksim("models", ntscc, mdjcm, "--draw", tmp_path / "a.png")
    assert (seen.code, seen.err) == (0, "")
    assert (tmp_path / "a.png").exists()


def test_check_shows_what_a_variable_rate_costs(linksim, minimal, ntscc, tmp_path):
    minimal["systems"] = [{"type": "learned", "weights": str(ntscc)}]
    minimal["bandwidth"] = {"cbr": "1/24"}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(minimal))
    seen = linksim("check", tmp_path / "a.yaml")
    assert (seen.code, seen.err) == (0, "")
    assert "side_information: capacity" in seen.out
