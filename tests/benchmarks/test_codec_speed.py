"""Time to find the best BPG file within a budget, in encodings of one file."""

from itertools import islice

from linksim.codecs.bpg import BPG
from linksim.codecs.cache import FileCache
from linksim.codecs.rate_search import RateSearch
from linksim.images.patches32 import patches
from linksim.images.photos import photograph


def search(images, budget_bytes):
    """Search each picture's best file with nothing remembered from before."""
    rate_search = RateSearch(BPG(), FileCache(memory_only=True))
    return [rate_search.best(image, budget_bytes) for image in images]


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


def test_rate_search_of_small_pictures(compare):
    """Eight pictures of 32×32 in 106 bytes each."""
    images = [picture.pixels for picture in islice(patches(), 8)]
    codec = BPG()
    compare(
        lambda: search(images, 106),
        lambda: [codec.encode(image, 40) for image in images],
        against="one encoding of each at QP 40",
        rounds=3,
        work=(8, "searches"),
    )
