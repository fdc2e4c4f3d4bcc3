"""MCS tables against Sionna's copy of TS 38.214, rows read from the standard, and the papers' sets."""

from fractions import Fraction

import pytest

from linksim.modulation.mcs import mcs_table


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_equal_to_sionna(number):
    from linksim.phy import runtime

    runtime.load()  # Sionna without TensorFlow's messages
    from sionna.phy.nr.utils import decode_mcs_index

    table = mcs_table(f"pdsch-{number}")
    orders, rates = decode_mcs_index(
        list(range(len(table))), table_index=number, is_pusch=False, transform_precoding=False
    )
    assert [mcs.modulation_order for mcs in table] == orders.numpy().tolist()
    # Multiples of 1/2048 are exact in float32.
    assert [float(mcs.code_rate) for mcs in table] == rates.numpy().tolist()


@pytest.mark.parametrize("number", [1, 2])
def test_transform_precoding_equal_to_sionna(number):
    from linksim.phy import runtime

    runtime.load()
    from sionna.phy.nr.utils import decode_mcs_index

    table = mcs_table(f"pusch-tp-{number}")
    orders, rates = decode_mcs_index(
        list(range(len(table))), table_index=number, is_pusch=True, transform_precoding=True, pi2bpsk=True
    )
    assert [mcs.modulation_order for mcs in table] == orders.numpy().tolist()
    assert [float(mcs.code_rate) for mcs in table] == rates.numpy().tolist()
    assert all(mcs.half_pi == (mcs.modulation_order == 1) for mcs in table)


def test_uncoded_orders():
    assert [(mcs.modulation_order, mcs.code_rate) for mcs in mcs_table("uncoded")] == [
        (order, 1) for order in (1, 2, 4, 6, 8, 10, 12)
    ]
    assert not mcs_table("uncoded")[0].half_pi
    assert not mcs_table("wifi-ad")[0].half_pi


@pytest.mark.parametrize(
    ("name", "index", "modulation_order", "rate_times_1024"),
    [
        ("pdsch-1", 0, 2, "120"),
        ("pdsch-1", 9, 2, "679"),
        ("pdsch-1", 10, 4, "340"),
        ("pdsch-1", 17, 6, "438"),
        ("pdsch-1", 28, 6, "948"),
        ("pdsch-2", 20, 8, "682.5"),
        ("pdsch-2", 27, 8, "948"),
        ("pdsch-3", 0, 2, "30"),
        ("pdsch-3", 28, 6, "772"),
        ("pdsch-4", 23, 10, "805.5"),
        ("pdsch-4", 26, 10, "948"),
    ],
)
def test_rows_of_the_standard(name, index, modulation_order, rate_times_1024):
    mcs = mcs_table(name)[index]
    assert (mcs.table, mcs.index, mcs.name) == (name, index, f"{name}/{index}")
    assert mcs.modulation_order == modulation_order
    assert mcs.code_rate == Fraction(rate_times_1024) / 1024


@pytest.mark.parametrize(
    ("name", "index", "efficiency"),
    [("pdsch-1", 0, 0.2344), ("pdsch-1", 28, 5.5547), ("pdsch-2", 27, 7.4063), ("pdsch-4", 26, 9.2578)],
)
def test_spectral_efficiency_column_of_the_standard(name, index, efficiency):
    assert float(mcs_table(name)[index].spectral_efficiency) == pytest.approx(efficiency, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "codewords"),
    [
        ("wifi-ad", [(336, 672), (420, 672), (504, 672), (546, 672)]),
        ("papers-ldpc", [(1536, 4608), (3072, 6144), (3072, 4608)]),
        ("nr-672", [(336, 672), (420, 672), (504, 672), (546, 672)]),
        ("gallager", [(338, 672), (422, 672), (506, 672), (548, 672)]),
    ],
)
def test_sets_of_fixed_length_codes_are_ordered_by_modulation_then_rate(name, codewords):
    table = mcs_table(name)
    assert [(mcs.modulation_order, mcs.codeword) for mcs in table] == [
        (order, codeword) for order in (1, 2, 4, 6) for codeword in codewords
    ]
    assert [mcs.name for mcs in table] == [f"{name}/{index}" for index in range(len(table))]
    rates = [mcs.code_rate for mcs in table[: len(codewords)]]
    assert rates == sorted(rates)
    assert all(mcs.code_rate * mcs.codeword[1] == mcs.codeword[0] for mcs in table)


def test_code_rates_of_the_papers():
    assert {str(mcs.code_rate) for mcs in mcs_table("wifi-ad")} == {"1/2", "5/8", "3/4", "13/16"}
    assert {str(mcs.code_rate) for mcs in mcs_table("papers-ldpc")} == {"1/3", "1/2", "2/3"}


def test_transport_blocks_have_no_codeword():
    assert {mcs.codeword for number in range(1, 5) for mcs in mcs_table(f"pdsch-{number}")} == {None}


def test_unknown_table():
    with pytest.raises(KeyError):
        mcs_table("pdsch-5")
