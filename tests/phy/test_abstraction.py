"""Sionna's tables of block error rates: what they hold, and what they do not."""

import numpy as np
import pytest

from linksim.modulation.mcs import mcs_table
from linksim.phy.abstraction import block_error_rate


def pdsch(index, uses, snr_db):
    return block_error_rate(mcs_table("pdsch-1")[index], uses, snr_db)


@pytest.mark.parametrize(("index", "waterfall_db"), [(7, 1.16), (15, 7.61), (24, 15.37)])
def test_waterfalls_lie_where_measured_ones_do(index, waterfall_db):
    """BLER is 0.1 at these SNRs (docs/error-rates.md, `linksim run scenarios/bler_nr.yaml`)."""
    assert pdsch(index, 2880, waterfall_db - 1) > 0.5
    assert pdsch(index, 2880, waterfall_db + 1) < 0.05


def test_a_block_arrives_when_all_its_code_blocks_do():
    """16QAM R .60: 1 code block in 2880 uses, 7 in 20160; all are longer than the tables' longest."""
    one, seven = pdsch(15, 2880, 8.0), pdsch(15, 20160, 8.0)
    assert 0.01 < one < 0.1
    assert seven == pytest.approx(1 - (1 - one) ** 6, rel=1e-6)


def test_rates_fall_with_the_snr():
    rates = [pdsch(10, 1000, snr_db) for snr_db in np.arange(-5, 20, 1.0)]
    assert rates[0] == 1
    assert rates[-1] == 0
    assert (np.diff(rates) <= 1e-3).all()


@pytest.mark.parametrize(
    ("index", "uses", "snr_db"),
    [(2, 2880, 5.0), (10, 2880, -5.1), (10, 2880, 20.1), (28, 9, 10.0)],
    ids=["no such MCS", "below", "above", "not decodable"],
)
def test_what_the_tables_do_not_hold(index, uses, snr_db):
    assert block_error_rate(mcs_table("pdsch-1")[index], uses, snr_db) is None
