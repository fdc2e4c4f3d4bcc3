"""The tables of what weights cost, from made-up counts."""

from types import SimpleNamespace

from linksim.evaluation.complexity import Complexity, OrderComplexity
from linksim.report.complexity import operations, sizes

CARD = {"steps": 20000, "batch": 64, "start": None, "seconds": 930.0, "device": "1 x gpu:0 (jax)"}
WEIGHTS = SimpleNamespace(reference="zoo:ujscc/b", card=SimpleNamespace(**CARD))
ORDERS = (
    OrderComplexity(2, 250_519_798, 250_521_042, 1_179_648, 1_179_648),
    OrderComplexity(16, 254_143_600, 254_059_986, 4_718_592, 4_718_592),
)
COMPLEXITY = Complexity(1_812_560, 34_620, (32, 32), ORDERS)


def test_a_row_for_each_weights():
    heading, row = sizes([(WEIGHTS, COMPLEXITY)])
    assert len(heading) == len(row)
    # 34620/1812560 = 1.910%
    counts = ("20,000", "1,280,000", "15.5 min", "1 x gpu:0 (jax)")
    assert row == ("zoo:ujscc/b", "1,812,560", "1.91%", *counts)


def test_what_a_training_started_from_stands_beside_its_updates_and_an_old_card_counts_no_patches():
    card = SimpleNamespace(**{**CARD, "steps": 5000, "start": "ujscc/b-te-256qam", "batch": None})
    _, row = sizes([(SimpleNamespace(reference="zoo:ujscc/b-me2", card=card), COMPLEXITY)])
    assert row[3:5] == ("5,000 from ujscc/b-te-256qam", "")


def test_a_row_for_each_modulation_order():
    analogue = Complexity(10, 0, (256, 384), (OrderComplexity(None, 3_000_000, 4, 5, 6),))
    heading, *rows = operations([(WEIGHTS, COMPLEXITY), (WEIGHTS, analogue)])
    assert rows == [
        ("zoo:ujscc/b", "2", "32×32", "250.52", "250.52", "1.18", "1.18"),
        ("zoo:ujscc/b", "16", "32×32", "254.14", "254.06", "4.72", "4.72"),
        ("zoo:ujscc/b", "analogue", "256×384", "3.00", "0.00", "0.00", "0.00"),
    ]
    assert {len(row) for row in rows} == {len(heading)}
