"""The shipped weights: each with its recipe, within a budget, and as good as its documentation says."""

from fractions import Fraction
from importlib import import_module
from itertools import islice

import numpy as np
import pytest

from linksim import zoo
from linksim.images.patches32 import patches
from linksim.jscc import MODELS
from linksim.metrics.psnr import psnr_db
from linksim.scenario.systems import LearnedSpec
from linksim.systems.learned import Learned
from linksim.training.recipe import load_recipe, shipped_recipes

#: Pictures of the quick comparisons, which are paired.
COUNT = 48


@pytest.fixture(scope="module")
def psnrs_db():
    """PSNR of each picture, sent with some weights over one channel and seed."""
    from linksim.phy.link import Link

    images = np.stack([picture.pixels for picture in islice(patches(), COUNT)])

    def send(name, snr_db=16.0, model="awgn", seed=5):
        system = Learned(LearnedSpec(type="learned", weights=f"zoo:{name}"))
        (point,) = system.operating_points(Fraction(1, 6), snr_db)
        reception = system.transmit(images, Link(model, snr_db), point, seed)
        return np.array([psnr_db(image, shown) for image, shown in zip(images, reception.pictures)])

    return send


@pytest.mark.parametrize("reference", zoo.shipped())
def test_weights_come_with_the_recipe_that_made_them(reference):
    from linksim.training.loop import recipe_digest

    weights = zoo.find(reference)
    name = reference.removeprefix("zoo:")
    assert name in shipped_recipes()
    recipe = load_recipe(name)
    assert recipe_digest(recipe) == weights.card.recipe_digest
    card = weights.card
    assert bool(card.test_accuracy) == bool(getattr(recipe.model, "classes", 0))
    if recipe.channel is None:  # of a classifier of pictures
        assert (card.channel, card.snr_db) == (None, None)
        return
    assert (card.channel, card.snr_db) == (recipe.channel.model, recipe.channel.snr_db)
    assert card.test_psnr_db


def test_cards_know_what_decoders_take():
    cards = {
        (card.model, card.sizes.get("codewords"), bool(card.orders)): card
        for card in (zoo.find(reference).card for reference in zoo.shipped())
        if card.model in MODELS
    }
    for card in cards.values():
        module, _, name = MODELS[card.model].partition(":")
        assert card.detects == getattr(import_module(module), name)(**card.sizes).detects, card.model


def test_the_files_are_small():
    sizes = {reference: zoo.find(reference).path.stat().st_size for reference in zoo.shipped()}
    assert max(sizes.values()) <= 4 * 2**20
    assert sum(sizes.values()) <= 80 * 2**20


def test_psnr_rises_with_the_order_and_4096_qam_nearly_equals_no_constraint(psnrs_db):
    """DeepJSCC-Q, Fig. 7, at the training SNR."""
    means = [psnrs_db(f"deepjscc-q/qam{order}-awgn16-c6").mean() for order in (16, 64, 4096)]
    assert means[0] + 0.3 < means[1]
    assert means[1] + 0.3 < means[2]
    assert abs(psnrs_db("deepjscc/awgn16-c6").mean() - means[2]) < 0.3


@pytest.mark.parametrize("order", [16, 64])
@pytest.mark.parametrize(("channel", "model"), [("awgn", "awgn"), ("rayleigh", "rayleigh_block")])
def test_learned_points_beat_qam(psnrs_db, order, channel, model):
    """DeepJSCC-Q, Figs. 8 and 9: mean paired difference more than two standard errors above zero."""
    learned, fixed = (
        psnrs_db(f"deepjscc-q/{kind}{order}-{channel}16-c6", model=model) for kind in ("l", "qam")
    )
    gains = learned - fixed
    assert gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(COUNT)


def test_quality_degrades_gracefully_below_the_training_snr(psnrs_db):
    curve = [psnrs_db("deepjscc-q/qam4096-awgn16-c6", snr_db).mean() for snr_db in range(0, 17, 2)]
    steps = np.diff(curve) / 2
    assert (steps > 0).all()
    assert steps.max() <= 1.5
