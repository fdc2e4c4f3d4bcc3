"""Training patches: what is cut, from where, at which scale, and that the seed alone decides it."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from linksim.training.patches import PatchSpec, make_tiles, photographs, validation_patches

RANDOM = np.random.default_rng(7)


def save(folder, name, pixels):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(folder / name)
    return folder / name


def noise(height, width, channels=(3,)):
    return RANDOM.integers(0, 256, (height, width, *channels), dtype=np.uint8)


def wedge(height, width):
    """Red counts the rows and green the columns; blue is noise, so that no tile is flat."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, RANDOM.integers(0, 256, (height, width))], -1)


@pytest.fixture
def corpus(tmp_path):
    for index in range(4):
        save(tmp_path / "train", f"{index}.png", noise(100 + 20 * index, 150))
    return tmp_path


def test_tiles_of_scale_1_are_pieces_of_the_photograph(tmp_path):
    pixels = wedge(60, 90)
    tiles = make_tiles([save(tmp_path, "a.png", pixels)], 16, (1, 1), 200, seed=1)
    assert (tiles.shape, tiles.dtype) == ((200, 16, 16, 3), np.uint8)
    corners = tiles[:, 0, 0, :2]
    for tile, (row, column) in zip(tiles, corners):
        np.testing.assert_array_equal(tile, pixels[row : row + 16, column : column + 16])
    # Every place is possible, the last ones too.
    assert (corners.min(axis=0) <= 1).all()
    assert (corners.max(axis=0) >= [43, 73]).all()


def test_scales_are_log_uniform_between_the_ends(tmp_path):
    # A ramp of one grey level a px rises by 1/scale a px in the tile.
    pixels = wedge(200, 250)
    tiles = make_tiles([save(tmp_path, "a.png", pixels)], 16, (0.25, 1), 2000, seed=2)
    slopes = (tiles[:, 8, 12, 1].astype(float) - tiles[:, 8, 3, 1]) / 9
    scales = 1 / slopes
    assert 0.24 < scales.min() < 0.26
    assert 0.9 < scales.max() < 1.1
    share = (scales < 0.5).mean()  # Half of the range in logarithms.
    assert share == pytest.approx(0.5, abs=0.03)


def test_resampling_is_antialiased(tmp_path):
    # One px wide stripes become grey below half the size.
    stripes = np.zeros((256, 256, 3))
    stripes[:, ::2] = 255
    tiles = make_tiles([save(tmp_path, "a.png", stripes)], 16, (0.125, 0.4), 100, seed=1)
    assert np.abs(tiles.astype(int) - 127.5).max() < 8


def test_photographs_are_drawn_in_proportion_to_their_area(tmp_path):
    paths = []
    for index, width in enumerate((50, 100, 250)):
        pixels = noise(60, width) // 64 + 64 * index
        pixels[..., 1] = noise(60, width, ())
        paths.append(save(tmp_path, f"{index}.png", pixels))
    tiles = make_tiles(paths, 8, (1, 1), 4000, seed=3)
    origin = tiles[:, 0, 0, 0] // 64
    np.testing.assert_allclose(np.bincount(origin) / 4000, [1 / 8, 1 / 4, 5 / 8], atol=1e-3)


def test_small_photographs_serve_the_large_scales_only(tmp_path):
    small, large = noise(32, 64) // 4, noise(128, 256) // 4 + 128
    paths = [save(tmp_path, "small.png", small), save(tmp_path, "large.png", large)]
    assert make_tiles(paths, 32, (0.25, 0.5), 300, seed=1).min() > 100
    assert make_tiles(paths, 32, (1, 1), 300, seed=1).min() < 64


def test_scales_at_which_nothing_fits_are_left_out(tmp_path):
    tiles = make_tiles([save(tmp_path, "a.png", wedge(100, 200))], 50, (0.125, 1), 50, seed=1)
    slopes = (tiles[:, 25, 40, 1].astype(float) - tiles[:, 25, 10, 1]) / 30
    assert slopes.max() < 2.05  # 1/2 is the smallest scale with 50 px.


def test_nearly_flat_tiles_are_thinned(tmp_path):
    pixels = np.full((400, 400, 3), 90)
    pixels[:, 200:] = noise(400, 200)
    tiles = make_tiles([save(tmp_path, "a.png", pixels)], 16, (1, 1), 4000, seed=1)
    flat = tiles.reshape(4000, -1).std(axis=1) < 8
    # 185 of 385 places are flat. A tile is flat when a flat place is kept (one in ten) at one of 4 attempts,
    # or when all four were flat and thinned.
    place = 185 / 385
    thinned = 0.9 * place
    expected = 0.1 * place * sum(thinned**n for n in range(4)) + thinned**4
    error = np.sqrt(expected * (1 - expected) / 4000)
    assert flat.mean() == pytest.approx(expected, abs=4 * error)


def test_a_flat_photograph_still_gives_its_tiles(tmp_path):
    tiles = make_tiles([save(tmp_path, "a.png", np.full((64, 64, 3), 200))], 16, (1, 1), 20, seed=1)
    assert (tiles == 200).all()


def test_grey_photographs_become_three_equal_channels(tmp_path):
    tiles = make_tiles([save(tmp_path, "a.png", noise(64, 64, ()))], 16, (0.5, 1), 10, seed=1)
    np.testing.assert_array_equal(tiles[..., 0], tiles[..., 1])
    np.testing.assert_array_equal(tiles[..., 0], tiles[..., 2])


def test_the_seed_alone_decides_whatever_the_number_of_processes(corpus):
    paths = photographs(corpus, "train")
    arguments = (paths, 16, (Fraction(1, 4), Fraction(1, 1)), 300)
    alone = make_tiles(*arguments, seed=5, processes=1)
    np.testing.assert_array_equal(alone, make_tiles(*arguments, seed=5, processes=2))
    assert (alone != make_tiles(*arguments, seed=6)).any()


def test_tiles_come_in_random_order(tmp_path):
    paths = [save(tmp_path, f"{index}.png", noise(64, 64) // 4 + 128 * index) for index in range(2)]
    tiles = make_tiles(paths, 16, (1, 1), 400, seed=1)
    first = (tiles[:200, 0, 0, 0] < 128).sum()
    assert 70 < first < 130  # 100 expected, a standard error of 5


def test_the_validation_list_is_fixed(corpus):
    paths = photographs(corpus, "train")
    patches = validation_patches(paths, 16, (0.5, 1), 20)
    assert patches.shape == (20, 16, 16, 3)
    np.testing.assert_array_equal(patches, validation_patches(paths, 16, (0.5, 1), 20))


def test_photographs_are_the_pictures_of_a_split_in_order(corpus):
    for name in ("notes.txt", ".hidden.png"):
        (corpus / "train" / name).write_text("no picture")
    assert [path.name for path in photographs(corpus, "train")] == ["0.png", "1.png", "2.png", "3.png"]


def test_a_corpus_without_pictures_is_an_error(corpus, refusal):
    assert "fetch-training" in refusal(photographs, corpus, "validation")
    (corpus / "validation").mkdir()
    text = refusal(photographs, corpus, "validation")
    assert "it holds no picture" in text
    assert "fetch-training" in text


def test_photographs_that_are_too_small_are_an_error(corpus, refusal):
    text = refusal(make_tiles, photographs(corpus, "train"), 100, (0.125, 0.5), 10, 1)
    assert "no photograph holds a tile of 100 px at 0.5 of its size" in text


def test_a_broken_photograph_is_an_error_that_names_it(corpus, refusal):
    content = (corpus / "train/2.png").read_bytes()
    (corpus / "train/2.png").write_bytes(content[: len(content) // 2])
    for processes in (1, 2):
        text = refusal(make_tiles, photographs(corpus, "train"), 16, (1, 1), 100, 1, processes)
        assert "2.png" in text
    (corpus / "train/2.png").write_bytes(b"")
    assert "2.png" in refusal(make_tiles, photographs(corpus, "train"), 16, (1, 1), 100, 1)


def test_no_photograph_is_an_error(refusal):
    assert "no photograph" in refusal(make_tiles, [], 16, (1, 1), 1, 1)


def test_a_spec_reads_fractions_and_knows_its_tile():
    spec = PatchSpec(folder="photos", side=32, rescale=["1/8", 0.5], count=10, margin=4)
    assert spec.rescale == (Fraction(1, 8), Fraction(1, 2))
    assert spec.tile_side == 40
    assert PatchSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    "field",
    [
        {"rescale": ["1/2", "1/8"]}, {"rescale": [0, 1]}, {"rescale": [1, 2]}, {"rescale": ["half", 1]},
        {"side": 4}, {"side": "32"}, {"count": 0}, {"margin": -1}, {"scale": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_spec_refuses(field):
    with pytest.raises(ValidationError):
        PatchSpec(**({"folder": "photos", "side": 32, "rescale": [1, 1], "count": 10} | field))


def test_child_processes_import_no_framework():
    code = "import sys, linksim.training.patches; print({'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout == "set()\n"
