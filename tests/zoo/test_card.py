"""Cards say what weights serve, come back as written, and refuse sizes that no SNR boundaries follow from."""

import json

import pytest
from pydantic import ValidationError

from linksim import zoo
from tests.conftest import CARD

OWN = {"parameters": 1, "cbr": "1/6", "sha256": "0" * 64}

#: What the card of a classifier says otherwise.
CLASSIFIER = {
    "model": "picture-classifier",
    "sizes": {"channels": (4, 6), "classes": 10},
    "cbr": None,
    "channel": None,
    "snr_db": None,
    "power": None,
    "validation_psnr_db": None,
    "validation_accuracy": 0.9312,
    "test_accuracy": {"clean": 0.9287},
}


def card(model="ujscc", **sizes):
    return zoo.Card.model_validate({**CARD, **OWN, "model": model, "sizes": sizes})


@pytest.mark.parametrize(
    ("sizes", "orders"),
    [
        ({"orders": [1, 2, 4, 6, 8], "dimensions": [2, 4, 8, 12, 16]}, (1, 2, 4, 6, 8)),
        ({"orders": [6], "dimensions": [12]}, (6,)),
        ({"order": 4}, (2,)),  # M points
        ({"order": 4096}, (12,)),
        ({"symbols": 8}, ()),
    ],
)
def test_orders_are_bits_per_symbol(sizes, orders):
    assert card(**sizes).orders == orders


@pytest.mark.parametrize(
    ("sizes", "text"),
    [({}, "analogue"), ({"order": 64}, "64"), ({"orders": (4,)}, "16"), ({"orders": (1, 2, 8)}, "2 to 256")],
)
def test_points_for_people(sizes, text):
    assert card(**sizes).points_text == text


@pytest.mark.parametrize(
    ("model", "side"),
    [
        ("jcm", 32), ("jcm-analog", 32), ("jcm-uniform-8bit", 32), ("jcm-nn-1bit", 32),
        ("deepjscc", None), ("ujscc", None), ("picture-classifier", None),
    ],
)  # fmt: skip
def test_jcm_takes_pictures_of_one_size_only(model, side):
    assert card(model, order=4).side == side


def test_a_card_of_a_classifier_comes_back_as_it_was_written():
    """It sends nothing: no points, and no SNR in its texts either."""
    written = zoo.Card.model_validate({**CARD, **OWN, **CLASSIFIER})
    assert zoo.Card.model_validate(json.loads(written.model_dump_json())) == written
    for field, value in CLASSIFIER.items():
        assert getattr(written, field) == value
    assert (written.points_text, written.snr_text, written.orders) == ("", "", ())


def test_accuracies_of_a_learned_system_come_back():
    own = {"model": "jcm", "sizes": {"order": 16}, "validation_accuracy": 0.5, "test_accuracy": {"-2": 0.75}}
    written = zoo.Card.model_validate({**CARD, **OWN, **own})
    read = zoo.Card.model_validate(json.loads(written.model_dump_json()))
    assert (read.validation_accuracy, read.test_accuracy) == (0.5, {"-2": 0.75})
    assert (read.points_text, read.snr_text, read.orders) == ("16", "10 dB", (4,))


def test_older_cards_say_nothing_of_accuracy():
    assert (card().validation_accuracy, card().test_accuracy) == (None, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("orders", [2, 1]), ("orders", [1, 1]), ("orders", [1, 3]), ("orders", 4), ("orders", "1-2"),
        ("target_ser", 0.5), ("target_ser", 0), ("target_ser", "0.1"),
    ],
)  # fmt: skip
def test_sizes_without_boundaries_are_refused(field, value):
    with pytest.raises(ValidationError, match=r"no rising modulation orders|no symbol error rate") as caught:
        card(**{"orders": [1, 2], field: value})
    (problem,) = caught.value.errors()
    assert problem["loc"] == ("sizes",)
    assert problem["ctx"]["field"] == field
