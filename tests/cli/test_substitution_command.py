"""`linksim substitution`: its table, its figure, and what it refuses."""

import pytest


def test_the_table_and_the_files(linksim, tmp_path):
    seen = linksim("substitution", "--orders", "4", "--snr", "-2,10", "--out", tmp_path / "figure.png")
    assert (seen.code, seen.err) == (0, "")
    first, heading, low, high, *rest = seen.out.splitlines()
    assert first == "s: clipped Gaussian of unit power"
    assert heading.split()[:3] == ["order", "SNR", "sent"]
    assert low.startswith("16QAM  -2 dB  0.0000")
    assert high.startswith("16QAM  10 dB  0.0000")
    assert rest[-3:] == [str(tmp_path / f"figure.{ending}") for ending in ("png", "pdf", "csv")]


def test_without_a_file_nothing_is_drawn(linksim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert linksim("substitution", "--orders", "2", "--snr", "10").code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (["--orders", "5"], "--orders: there is no square QAM of '5' bits per symbol"),
        (["--snr", "loud"], "--snr: 'loud' is no SNR in dB"),
        (["--snr", "1,2,3,4,5", "--out", "many"], "--snr: a figure has up to 4 SNRs, not 5"),
        (["none.weights.h5"], "there is no such file of weights"),
    ],
)
def test_what_cannot_be_compared_is_refused(refused, words, known, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert known in refused("substitution", *words)
    assert list(tmp_path.iterdir()) == []


def test_weights_give_the_samples(linksim, make_weights, tmp_path):
    sizes = {
        "channels": [8, 8, 16],
        "depths": [1, 1, 1],
        "window": 4,
        "hyper": 8,
        "rates": [2, 4],
        "blocks": 1,
    }
    weights = make_weights(tmp_path / "m.weights.h5", "mdjcm", **sizes, orders=[2, 4])
    seen = linksim("substitution", weights, "--orders", "4", "--snr", "10")
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.startswith(f"s: {weights}, 128 of patches32 at CBR 0.0")
    assert seen.out.splitlines()[2].startswith("16QAM  10 dB  0.0000")
