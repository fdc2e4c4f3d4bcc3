"""`linksim models` with several names, its figures and its tables of costs."""

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
        (
            7,
            ["--draw", "many"],
            "--draw: a figure has 1 to 6 columns, one for each modulation order of each weights, not 7",
        ),
        (0, ["--draw", "none"], "--draw: a figure has 1 to 6 columns"),
        (0, ["--cost"], "--cost: needs weights"),
        (0, ["--norm", "none"], "--norm: a figure shows one file of weights, not 0"),
        (2, ["--norm", "two", "--cost"], "--norm: a figure shows one file of weights, not 2"),
        (1, ["--norm", "without", "--cost"], "has no switchable batch normalisation"),
        (1, ["--source", "patches32"], "--source: belongs to --draw"),
        (1, ["--draw", "some", "--source", "foto"], "--source: there is no such source 'foto'"),
        (1, ["none.weights.h5", "--draw", "some"], "there is no such file of weights"),
    ],
)
def test_what_cannot_be_drawn_is_refused(count, words, known, refused, tiny_weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert known in refused("models", *[tiny_weights] * count, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def universal_weights(make_weights, tmp_path_factory):
    """A tiny uJSCC for 4QAM and 16QAM."""
    path = tmp_path_factory.mktemp("universal") / "u.weights.h5"
    sizes = {"channels": [4, 4, 4], "strides": [1, 2, 2], "vectors": 2}
    return make_weights(path, "ujscc", **sizes, orders=[2, 4], dimensions=[2, 3])


def test_drawing_prints_a_line_for_each_modulation_order(linksim, universal_weights, tmp_path):
    seen = linksim("models", universal_weights, "--draw", tmp_path / "figure.pdf")
    assert (seen.code, seen.err) == (0, "")
    four, sixteen, *files = seen.out.splitlines()
    assert files == [str(tmp_path / f"figure.{ending}") for ending in ("png", "pdf", "csv")]
    assert four.startswith(f"{universal_weights}, 4QAM: entropy ")
    assert sixteen.startswith(f"{universal_weights}, 16QAM: entropy ")
    assert "of 16 points used" in sixteen


def test_modulation_orders_count_as_columns(refused, universal_weights, tmp_path):
    assert "not 8" in refused("models", *[universal_weights] * 4, "--draw", tmp_path / "many")


def test_costs_of_several_weights(linksim, universal_weights, tiny_weights):
    seen = linksim("models", universal_weights, tiny_weights, "--cost")
    assert (seen.code, seen.err) == (0, "")
    sizes, operations = seen.out.split("\n\n")
    first, second = (line.split() for line in sizes.splitlines()[1:])
    assert (first[0], second[0], second[2]) == (str(universal_weights), str(tiny_weights), "0.00%")
    rows = [line.split() for line in operations.splitlines() if line.startswith("/")]
    assert [(row[0], row[1]) for row in rows] == [
        (str(universal_weights), "4"),
        (str(universal_weights), "16"),
        (str(tiny_weights), "16"),
    ]
    # 8×8 positions, 3×3 kernels, 4 channels, 2 vectors of 2 or 3 values: 2·64·9·4·4 and 2·64·9·4·6.
    assert [row[5] for row in rows[:2]] == ["0.02", "0.03"]
    assert "32×32 px" in operations


def test_normalisation_is_drawn_with_a_line_for_each_layer_and_order(linksim, universal_weights, tmp_path):
    seen = linksim("models", universal_weights, "--norm", tmp_path / "norm.png")
    assert (seen.code, seen.err) == (0, "")
    *lines, png, pdf, table = seen.out.splitlines()
    assert [png, pdf, table] == [str(tmp_path / f"norm.{ending}") for ending in ("png", "pdf", "csv")]
    # An untrained layer has running variance 1; it has 4 channels, or two vectors of two or three values.
    assert lines == [
        f"{universal_weights}, {order}: running standard deviation of the {layer} 1.000 on average over "
        f"{count} channels"
        for layer, counts in (("inner decoder", (4, 4)), ("inner encoder", (4, 6)))
        for order, count in zip(("4QAM", "16QAM"), counts)
    ]
