"""`linksim models` with several names, and its figure."""

import numpy as np
import pytest


def test_several_cards(linksim, tiny_weights):
    seen = linksim("models", tiny_weights, tiny_weights)
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.count(f"{tiny_weights}: ") == 2
    assert seen.out.count("\nmodel: deepjscc-q\n") == 2


def test_drawing_prints_a_line_for_each_and_the_files(linksim, tiny_weights, tmp_path):
    seen = linksim("models", tiny_weights, "--draw", tmp_path / "figure.png")
    assert (seen.code, seen.err) == (0, "")
    line, png, pdf, table = seen.out.splitlines()
    assert [png, pdf, table] == [str(tmp_path / f"figure.{ending}") for ending in ("png", "pdf", "csv")]
    assert line.startswith(f"{tiny_weights}: entropy ")
    assert line.endswith("65536 symbols of 128 of patches32")
    values = np.genfromtxt(table, delimiter=",", names=True, usecols="share")["share"]
    assert np.nansum(values) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("count", "words", "known"),
    [
        (7, ["--draw", "many"], "--draw: a figure shows 1 to 6 weights, not 7"),
        (0, ["--draw", "none"], "--draw: a figure shows 1 to 6 weights, not 0"),
        (1, ["--source", "patches32"], "--source: belongs to --draw"),
        (1, ["--draw", "some", "--source", "foto"], "--source: there is no such source 'foto'"),
        (1, ["none.weights.h5", "--draw", "some"], "there is no such file of weights"),
    ],
)
def test_what_cannot_be_drawn_is_refused(count, words, known, refused, tiny_weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert known in refused("models", *[tiny_weights] * count, *words)
    assert list(tmp_path.iterdir()) == []
