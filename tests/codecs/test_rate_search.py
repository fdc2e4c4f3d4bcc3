"""RateSearch against trying every quality, and its independence of the cache."""

import random
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linksim.codecs.base import DecodeError
from linksim.codecs.bpg import BPG
from linksim.codecs.cache import FileCache
from linksim.codecs.jpeg import JPEG
from linksim.codecs.jpeg2000 import JPEG2000
from linksim.codecs.rate_search import REACH, Encoded, RateSearch
from linksim.images.patches32 import patches

PICTURE = np.zeros((2, 2, 1), np.uint8)


class SizesOnly:
    """A codec whose file of quality q is `sizes[q]` bytes long, whatever the picture."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.qualities = tuple(range(len(sizes)))
        self.identity = f"sizes {sizes}"
        self.encoded = []

    def encode(self, image, quality):
        self.encoded.append(quality)
        return bytes([quality]) * self.sizes[quality]

    def decode(self, data):
        raise DecodeError("there is no picture in it")


def highest_that_fits(sizes, budget):
    return max((quality for quality, size in enumerate(sizes) if size <= budget), default=None)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(0, 45))
def test_equals_brute_force_where_sizes_fall_within_reach(sizes, budget):
    # A file below the largest of those more than REACH steps before it is what the search may miss.
    for index in range(len(sizes)):
        sizes[index] = max([sizes[index], *sizes[: max(index - REACH, 0)]])
    found = RateSearch(SizesOnly(sizes), FileCache(memory_only=True)).best(PICTURE, budget)
    assert (found and found.quality) == highest_that_fits(sizes, budget)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(0, 45))
def test_what_is_found_fits_whatever_the_sizes(sizes, budget):
    found = RateSearch(SizesOnly(sizes), FileCache(memory_only=True)).best(PICTURE, budget)
    if found:
        assert found == Encoded(bytes([found.quality]) * sizes[found.quality], found.quality)
        assert len(found.data) <= budget
    else:
        assert sizes[0] > budget


def test_nothing_fits():
    assert RateSearch(SizesOnly([5, 6, 7]), FileCache(memory_only=True)).best(PICTURE, 4) is None


def test_looks_past_the_smallest_quality():
    assert RateSearch(SizesOnly([5, 3, 7, 8]), FileCache(memory_only=True)).best(PICTURE, 4).quality == 1


@pytest.mark.parametrize(
    ("codec", "share_missed"),
    [(BPG(), 0.001), (BPG("4:4:4"), 0.001), (JPEG(), 0.005), (JPEG2000(), 0)],
    ids=["bpg-420", "bpg-444", "jpeg", "jpeg2000"],
)
def test_nearly_equals_brute_force_on_tiny_photographs(codec, share_missed, cuts):
    # Sizes fall further than REACH in some flat pictures of 32×32, by a byte or two.
    search = RateSearch(codec, FileCache(memory_only=True))
    asked, missed = 0, 0
    for cut in cuts:
        sizes = [len(codec.encode(cut, quality)) for quality in codec.qualities]
        for budget in [*range(min(sizes) - 2, 200), *range(200, max(sizes) + 20, 5)]:
            found = search.best(cut, budget)
            index = highest_that_fits(sizes, budget)
            asked += 1
            missed += (found and found.quality) != (None if index is None else codec.qualities[index])
    assert missed <= share_missed * asked


def test_few_files_are_coded():
    # Five are the least: one that fits, one that does not, and REACH above.
    codec = BPG()
    counts = []
    for patch in islice(patches(), 16):
        sizes = [len(codec.encode(patch.pixels, quality)) for quality in codec.qualities]
        for budget in (64, 106, 400):
            coded = SizesOnly(sizes)
            RateSearch(coded, FileCache(memory_only=True)).best(patch.pixels, budget)
            counts.append(len(coded.encoded))
    assert np.mean(counts) < 7.5


@pytest.mark.parametrize("rise", [0, 1, 80, 159, 160])
def test_plateaus_do_not_make_it_walk(rise):
    # A bisection codes 8 of them, and REACH more.
    codec = SizesOnly([100] * rise + [100_000] * (160 - rise))
    for budget in (100, 101, 99_999):
        codec.encoded.clear()
        found = RateSearch(codec, FileCache(memory_only=True)).best(PICTURE, budget)
        assert (-1 if found is None else found.quality) == rise - 1
        assert len(codec.encoded) <= 24


def test_does_not_depend_on_the_cache_or_the_order(cuts, tmp_path):
    questions = [(index, budget) for index in range(3) for budget in (20, 31, 40, 64, 90, 128, 300, 2000)]

    def ask(cache, order):
        search = RateSearch(BPG(), cache)
        return {question: search.best(cuts[question[0]], question[1]) for question in order}

    alone = {question: ask(FileCache(memory_only=True), [question])[question] for question in questions}
    shuffled = random.Random(3).sample(questions, len(questions))
    with FileCache(tmp_path) as cache:
        assert ask(cache, questions) == alone
    with FileCache(tmp_path) as cache:
        assert ask(cache, shuffled) == alone
    with FileCache(tmp_path / "small", max_bytes=2000) as cache:
        assert ask(cache, shuffled) == alone


def test_a_file_is_coded_once(tmp_path):
    codec = SizesOnly([2, 4, 6, 8, 10, 12, 14])
    with FileCache(tmp_path) as cache:
        for budget in (3, 5, 9, 20):
            RateSearch(codec, cache).best(PICTURE, budget)
    assert sorted(codec.encoded) == sorted(set(codec.encoded))
    again = SizesOnly(codec.sizes)
    with FileCache(tmp_path) as cache:
        RateSearch(again, cache).best(PICTURE, 9)
    assert again.encoded == []


def test_pictures_codecs_and_shapes_do_not_mix():
    cache = FileCache(memory_only=True)
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    for codec in (JPEG(), JPEG("4:4:4"), BPG()):
        for picture in (image, 255 - image, image.reshape(24, 16, 3), image.reshape(48, 24, 1)):
            found = RateSearch(codec, cache).best(picture, 10_000)
            assert found.data == codec.encode(picture, found.quality)


def test_decoded_pictures_are_remembered_and_protected(cuts):
    search = RateSearch(BPG(), FileCache(memory_only=True))
    found = search.best(cuts[1], 200)
    first = search.decoded(found)
    np.testing.assert_array_equal(first, BPG().decode(found.data))
    assert search.decoded(found) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_decoding_damage_is_an_error():
    search = RateSearch(SizesOnly([3]), FileCache(memory_only=True))
    with pytest.raises(DecodeError):
        search.decoded(search.best(PICTURE, 3))
