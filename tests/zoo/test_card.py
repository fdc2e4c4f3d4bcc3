"""Cards say which modulation orders weights serve, and refuse sizes that no SNR boundaries follow from."""

import pytest
from pydantic import ValidationError

from linksim import zoo
from tests.conftest import CARD


def card(**sizes):
    own = {"model": "ujscc", "parameters": 1, "cbr": "1/6", "sha256": "0" * 64}
    return zoo.Card.model_validate({**CARD, **own, "sizes": sizes})


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
