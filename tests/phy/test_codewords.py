"""Fixed-length codes: the framing's arithmetic, the CRC-32 over the payload, and NR codewords as Sionna's."""

import binascii

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.fec.ldpc import LDPC5GEncoder

from linksim.modulation.mcs import mcs_table
from linksim.phy import crc
from linksim.phy.codewords import Codewords, code_of
from linksim.phy.link import Link
from linksim.phy.modem import Modem


def built(table, index, channel_uses, decoder="fast", precision="int16"):
    return Codewords(mcs_table(table)[index], channel_uses, decoder, precision, 20)


def random_bits(batch, length, seed=1):
    return np.random.default_rng(seed).integers(0, 2, (batch, length), dtype=np.uint8)


def clean_llr(coded):
    return (8.0 * coded - 4.0).astype(np.float32)


@pytest.mark.parametrize(
    ("table", "index", "channel_uses", "payload", "coded"),
    [
        # 1000 uses of 16QAM: 4000 bits, 5 codewords of 672, 5·504 − 32 bits.
        ("wifi-ad", 10, 1000, 2488, 3360),
        # 500 uses of 64QAM: 3000 bits, 4 codewords.
        ("wifi-ad", 12, 500, 4 * 336 - 32, 2688),
        # A single codeword that fills its uses exactly, and one use less.
        ("wifi-ad", 0, 672, 336 - 32, 672),
        ("wifi-ad", 0, 671, 0, 0),
        ("wifi-ad", 4, 0, 0, 0),
        ("papers-ldpc", 3, 2304, 1536 - 32, 4608),
        ("papers-ldpc", 11, 2000, 2 * 3072 - 32, 9216),
        ("papers-ldpc", 1, 6143, 0, 0),
        ("nr-672", 5, 336, 420 - 32, 672),
        ("gallager", 4, 1000, 2 * 338 - 32, 1344),
        # Without a code the CRC-32 is all that is not payload.
        ("uncoded", 6, 100, 1200 - 32, 1200),
        ("uncoded", 0, 32, 0, 32),
    ],
)
def test_payload_and_coded_bits(table, index, channel_uses, payload, coded):
    code = built(table, index, channel_uses)
    assert (code.payload, code.coded) == (payload, coded)
    assert code.coded <= channel_uses * mcs_table(table)[index].modulation_order


@pytest.mark.parametrize("table", ["wifi-ad", "papers-ldpc"])
def test_codewords_fill_whole_symbols_within_the_channel_uses(table):
    for mcs in mcs_table(table):
        for channel_uses in (0, 1, 111, 112, 113, 256, 1023, 4608, 9999):
            k, n = mcs.codeword
            count = channel_uses * mcs.modulation_order // n
            code = Codewords(mcs, channel_uses, "fast", "int16", 20)
            assert code.payload == (count * k - 32 if count else 0)
            assert code.coded % mcs.modulation_order == 0
            assert count * n <= code.coded <= channel_uses * mcs.modulation_order


@pytest.mark.parametrize(("table", "index"), [("wifi-ad", 5), ("wifi-ad", 15), ("papers-ldpc", 7)])
@pytest.mark.parametrize(("decoder", "precision"), [("fast", "int16"), ("fast", "float32"), ("sionna", None)])
def test_what_is_encoded_is_decoded(table, index, decoder, precision):
    code = built(table, index, 4000, decoder, precision)
    payload = random_bits(3, code.payload)
    coded = code.encode(payload)
    assert coded.shape == (3, code.coded)
    assert coded.dtype == np.uint8
    bits, passed = code.decode(clean_llr(coded), exhaustive=True)
    assert passed.all()
    assert bits.dtype == np.uint8
    np.testing.assert_array_equal(bits, payload)


def test_payload_and_its_crc_32_are_the_information_bits():
    """The CRC without the reflections and complements of IEEE 802.3, here taken back from the library's."""
    code = built("wifi-ad", 6, 1000)
    payload = random_bits(2, code.payload)
    coded = code.encode(payload)
    count = coded.shape[1] // 672
    information = coded.reshape(2, count, 672)[:, :, :504].reshape(2, -1)
    np.testing.assert_array_equal(information[:, :-32], payload)
    for bits, sent in zip(payload, information):
        # crc32 starts from ones and inverts at the end; its bytes are read from the other side.
        mirrored = np.packbits(bits, bitorder="little").tobytes()
        plain = binascii.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF
        assert sent[-32:].tolist() == [plain >> place & 1 for place in range(32)]


@pytest.mark.parametrize("exhaustive", [True, False])
def test_one_wrong_codeword_is_a_block_error_of_its_image_only(exhaustive):
    code = built("wifi-ad", 7, 2000)
    payload = random_bits(3, code.payload)
    llr = clean_llr(code.encode(payload))
    llr[1, 672 : 2 * 672] *= np.where(random_bits(1, 672, seed=2)[0], 1, -1)
    bits, passed = code.decode(llr, exhaustive)
    assert passed.tolist() == [True, False, True]
    wrong = (bits != payload).reshape(3, -1)
    assert not wrong[[0, 2]].any()
    assert wrong[1, 546 : 2 * 546].any()
    assert not wrong[1, :546].any()
    assert not wrong[1, 2 * 546 :].any()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_codewords_of_the_papers_are_those_of_sionna(index):
    mcs = mcs_table("papers-ldpc")[index]
    k, n = mcs.codeword
    code = built("papers-ldpc", index, 2 * n)
    payload = random_bits(4, code.payload)
    information = crc.append(payload, crc.CRC32).reshape(8, k)
    expected = LDPC5GEncoder(k, n)(tf.constant(information, tf.float32)).numpy()
    np.testing.assert_array_equal(code.encode(payload), expected.reshape(4, 2 * n))


def test_base_graph_of_the_papers_codes_is_2():
    """TS 38.212 clause 7.2.2: at most 3824 bits and rate at most 0.67; 42 rows, 52 columns at full length."""
    for index in (0, 1, 2):
        code = code_of(mcs_table("papers-ldpc")[index])
        assert code.shifts.shape[1] - code.shifts.shape[0] == 10


def test_idle_channel_uses_are_not_sent_and_symbol_errors_are_those_of_the_rest():
    """1000 uses of 16QAM hold 5 codewords in 840 symbols."""
    modem = Modem(1000, mcs_table("wifi-ad")[10], "fast", "int16", 20)
    payload = random_bits(3, modem.payload)

    class Recording:
        def transmit(self, symbols):
            self.sent = symbols
            return Link("awgn", 30.0).transmit(symbols)

    link = Recording()
    sent = modem.transmit(payload, link)
    assert link.sent.shape == (3, 840)
    assert sent.passed.all()
    assert sent.complete
    assert sent.symbol_errors.tolist() == [0, 0, 0]
    assert modem.channel_uses == 1000


@pytest.mark.parametrize(("table", "index"), [("uncoded", 3), ("nr-672", 9), ("gallager", 9)])
def test_new_tables_deliver_and_notice_errors(table, index):
    decoder, precision = ("sionna", None) if table == "gallager" else ("fast", "int16")
    code = built(table, index, 700, decoder, precision)
    payload = random_bits(3, code.payload)
    llr = clean_llr(code.encode(payload))
    bits, passed = code.decode(llr, True)
    assert passed.all()
    np.testing.assert_array_equal(bits, payload)
    llr[1, :400] *= -1
    bits, passed = code.decode(llr, True)
    assert passed.tolist() == [True, False, True]
