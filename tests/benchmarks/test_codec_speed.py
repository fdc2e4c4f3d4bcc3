"""Time to find the best BPG file within a budget, beside encodings of one file and a plain bisection."""

from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from time import perf_counter

import pytest

from linksim.codecs.bpg import BPG
from linksim.codecs.cache import FileCache
from linksim.codecs.rate_search import REACH, RateSearch
from linksim.images.patches32 import patches
from linksim.images.photos import photograph

PROCESSES = 2


def search(images, budget_bytes):
    """Search each picture's best file with nothing remembered from before."""
    rate_search = RateSearch(BPG(), FileCache(memory_only=True))
    return [rate_search.best(image, budget_bytes).data for image in images]


def bisect(images, budget_bytes):
    """Do the same by bisection from the ends of the scale, each file coded from scratch."""
    return [_bisect(image, budget_bytes) for image in images]


def _bisect(image, budget_bytes):
    qualities = BPG.qualities
    best, fits, fails = None, -1, len(qualities)

    def is_within(index):
        nonlocal best
        data = BPG().encode(image, qualities[index])
        if len(data) <= budget_bytes:
            best = data
        return len(data) <= budget_bytes

    while fails - fits > 1:
        middle = (fits + fails) // 2
        if is_within(middle):
            fits = middle
        else:
            fails = middle
    for index in range(fails + 1, min(fails + 1 + REACH, len(qualities))):
        is_within(index)
    return best


@pytest.fixture
def processes(monkeypatch, pytestconfig):
    """Worker processes; spawned, because an encoder's threads do not live on behind a fork."""
    monkeypatch.syspath_prepend(pytestconfig.rootpath)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        yield pool


def test_rate_search_of_a_photograph(compare):
    """256×384 at CBR 1/16 with 2 bits a use: 4608 bytes."""
    image = photograph("chelsea").pixels[:256, :384]
    codec = BPG()
    compare(
        lambda: search([image], 4608),
        lambda: codec.encode(image, 35),
        against="one encoding at QP 35",
        rounds=3,
        work=(1, "searches"),
    )


def test_rate_search_of_small_pictures(compare, processes):
    """10,000 pictures of 32×32 in 64 bytes each: 500 pictures, 20 times over from an empty cache."""
    images = [picture.pixels for picture in islice(patches(), 500)]
    parts = [images[start::4] for start in range(4)]

    def run(task, repetitions):
        return [*processes.map(task, parts * repetitions, [64] * len(parts) * repetitions)]

    assert run(search, 1) == run(bisect, 1)  # this also starts the processes and opens their encoders
    start = perf_counter()
    run(bisect, 1)
    compare(
        lambda: run(search, 20),
        20 * (perf_counter() - start),
        against="plain bisection",
        rounds=1,
        work=(10_000, "searches"),
        note=f"both on {PROCESSES} processes; bisection from 500 pictures",
        warm=False,
    )
