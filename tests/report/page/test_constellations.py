"""Which constellations a page shows, and that they are those that the weights send for the run's pictures."""

import numpy as np
import pytest

from linksim import zoo
from linksim.evaluation.usage import constellation_usage, measure
from linksim.report.page import constellations, write_page
from linksim.report.page.folder import read_run
from linksim.scenario.images import Patches32Spec


@pytest.fixture
def learned_run(make_run, point, tiny_weights):
    """A run of two systems with the same digital weights and one with weights that are gone."""
    weights = str(tiny_weights)
    systems = [
        {"type": "learned", "label": "first", "weights": weights},
        {"type": "learned", "label": "second", "weights": weights},
        {"type": "learned", "label": "lost", "weights": "lost.weights.h5"},
    ]
    images = {"source": "patches32", "limit": 3}
    lines = [
        point(label, 0, 20, mcs=f"weights:{weights}", modulation_order=4)
        for label in ("first", "second", "lost")
    ]
    changes = {"systems": systems, "images": images, "bandwidth": {"cbr": "1/6"}, "pictures": None}
    return make_run(changes, lines, pictures=False)


def test_points_and_shares_are_those_of_the_runs_pictures(learned_run, tiny_weights, parsed):
    told = []
    with pytest.warns(UserWarning, match=r"lost\.weights\.h5"):
        page = parsed(write_page(learned_run, tell=told.append))
    (usage,) = measure(zoo.find(str(tiny_weights)), Patches32Spec(limit=3))
    assert usage.symbols == 3 * 8 * 8 * 8
    (drawn,) = page.data["constellations"]
    np.testing.assert_allclose(drawn["real"], usage.values.real, atol=1e-5)
    np.testing.assert_allclose(drawn["imaginary"], usage.values.imag, atol=1e-5)
    np.testing.assert_allclose(drawn["share"], usage.shares, rtol=1e-3)
    (table,) = [table for table in page.tables if "entropy (bits)" in table[0]]
    assert table[1:] == [
        [
            "first, second: tiny, 16QAM",
            "16",
            str(usage.used),
            f"{usage.entropy_bits:.2f}",
            "4",
            f"{usage.energy_db:+.2f}",
            "1536 (3 of patches32)",
        ]
    ]
    assert "lost.weights.h5 could not be measured" in page.text
    assert told == [f"measuring what {tiny_weights} sends"]


def test_of_many_weights_the_first_the_middle_and_the_last_are_taken(make_run, point, monkeypatch):
    table = {snr_db: f"{snr_db}.weights.h5" for snr_db in range(0, 18, 2)}
    systems = [{"type": "learned", "label": "s", "weights": {"snr_db": table}}]
    lines = [point("s", 0, 20, mcs="weights:0", modulation_order=2)]
    run = read_run(make_run({"systems": systems, "pictures": None}, lines, pictures=False))

    class Card:
        orders = (2,)

    class Weights:
        card = Card()

        def __init__(self, reference):
            self.reference = self.name = f"zoo:{reference}"

    usage = constellation_usage(np.array([1, -1, 1j, -1j]), [0], "")
    monkeypatch.setattr(zoo, "find", Weights)
    monkeypatch.setattr("linksim.evaluation.usage.measure", lambda weights, images: [usage])
    found, notes = constellations.measured(run, lambda line: None)
    expected = [f"s: zoo:{snr_db}.weights.h5, 4QAM" for snr_db in (0, 8, 16)]
    assert ([name for name, _ in found], notes) == (expected, [])


def test_a_run_without_learned_systems_has_none(make_run, parsed):
    page = parsed(write_page(make_run()))
    assert page.data["constellations"] == []
    assert "Constellations" not in page.text
