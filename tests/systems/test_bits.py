"""Random bits: uncoded error rates against the closed forms, and what counts as a block error."""

import numpy as np
import pytest

from linksim.evaluation.summary import summarise_blocks
from linksim.evaluation.tasks import ChannelPoint, seed_of
from linksim.modulation.error_rates import ber_awgn, ber_rayleigh, ser_awgn
from linksim.modulation.mcs import mcs_table
from linksim.phy.link import Link
from linksim.scenario.systems import CodeSpec
from linksim.systems.base import CHANNEL_OUTAGE, CODEC_INFEASIBLE
from linksim.systems.bits import send_blocks

#: Index in the table `uncoded` and an Es/N0 in dB at which some symbols of a hundred are wrong.
CASES = [(0, 4.0), (1, 7.0), (2, 14.0), (3, 20.0), (4, 26.0), (5, 32.0), (6, 38.0)]


def sent(index, model, snr_db, count, uses, table="uncoded", power="nominal"):
    seed = seed_of(1, ChannelPoint(model, snr_db, power), 0, 0)
    mcs = mcs_table(table)[index]
    code = CodeSpec().of_table(table)
    return send_blocks(count, uses, mcs, code, Link(model, snr_db, power), seed)


def standard_errors(rate, expected, count):
    return abs(rate - expected) / np.sqrt(expected * (1 - expected) / count)


@pytest.mark.parametrize(("index", "snr_db"), CASES)
def test_symbol_and_bit_error_rates_on_awgn(index, snr_db):
    total = summarise_blocks(sent(index, "awgn", snr_db, 100, 1000))
    order = mcs_table("uncoded")[index].modulation_order
    assert total.symbols == 100 * 1000
    assert total.bits == 100 * (1000 * order - 32)
    expected = ser_awgn(order, snr_db)
    assert standard_errors(total.symbol_errors / total.symbols, expected, total.symbols) < 3
    # A wrong symbol has hardly more than one wrong bit, so bit errors are nearly independent.
    assert standard_errors(total.bit_errors / total.bits, ber_awgn(order, snr_db), total.bits) < 3


@pytest.mark.parametrize("model", ["rayleigh_fast", "rayleigh_block"])
@pytest.mark.parametrize(("index", "snr_db"), [(0, 6.0), (1, 9.0), (2, 14.0), (3, 18.0)])
def test_bit_error_rates_on_flat_rayleigh_fading(model, index, snr_db):
    """Blocks are independent, their symbols are not: the standard error comes from blocks."""
    count, uses = (20_000, 40) if model == "rayleigh_block" else (300, 1000)
    reception = sent(index, model, snr_db, count, uses)
    rates = reception.bit_errors / reception.bits
    order = mcs_table("uncoded")[index].modulation_order
    assert abs(rates.mean() - ber_rayleigh(order, snr_db)) < 3 * rates.std() / np.sqrt(count)


def test_a_block_is_in_error_where_a_bit_is_wrong():
    reception = sent(1, "awgn", 9.0, 200, 200)
    lost = np.array([outcome == CHANNEL_OUTAGE for outcome in reception.outcomes])
    assert (lost >= (reception.bit_errors > 0)).all()
    assert 0 < lost.sum() < 200
    # Without a code a block is wrong where one of its symbols is, the CRC's symbols too.
    np.testing.assert_array_equal(lost, reception.symbol_errors > 0)


def test_transport_blocks_arrive_above_their_threshold_and_not_below():
    assert set(sent(7, "awgn", 3.0, 20, 1000, "pdsch-1").outcomes) == {"delivered"}
    assert set(sent(7, "awgn", -1.0, 20, 1000, "pdsch-1").outcomes) == {CHANNEL_OUTAGE}


def test_channel_uses_that_hold_no_payload_are_infeasible():
    reception = sent(4, "awgn", 9.0, 5, 300, "wifi-ad")
    assert reception.outcomes == (CODEC_INFEASIBLE,) * 5
    total = summarise_blocks(reception)
    assert (total.codec_infeasible, total.sent, total.bits) == (5, 0, 0)


def test_the_same_seed_sends_the_same():
    first, second = (sent(7, "awgn", 1.0, 20, 1000, "pdsch-1") for _ in range(2))
    assert first.outcomes == second.outcomes
    np.testing.assert_array_equal(first.bit_errors, second.bit_errors)
