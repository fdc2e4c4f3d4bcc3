"""The modem: counts on a channel that errs on purpose, several transport blocks, and the waterfall."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from linksim.modulation.capacity import bicm_capacity, snr_db_for_capacity
from linksim.modulation.mcs import mcs_table
from linksim.phy import randomness, transport_block_size
from linksim.phy.link import Link, Received
from linksim.phy.modem import Modem, modem


class ErringLink:
    """Returns the symbols as they were, but for those at the given places, whose sign it turns."""

    def __init__(self, images=(), places=()):
        self.turned = (list(images), list(places))

    def transmit(self, symbols):
        symbols = symbols.numpy()
        power = np.square(np.abs(symbols)).mean(axis=1)
        images, places = self.turned
        for image in images:
            symbols[image, places] *= -1
        peak = np.square(np.abs(symbols)).max(axis=1)
        noise_variance = tf.fill(symbols.shape, 0.1)
        return Received(
            tf.constant(symbols), noise_variance, *(tf.constant(p, tf.float32) for p in (power, peak))
        )


def random_payload(modem, batch, seed=1):
    return np.random.default_rng(seed).integers(0, 2, (batch, modem.payload)).astype(np.uint8)


def built(channel_uses, table, index, decoder="fast"):
    return Modem(channel_uses, mcs_table(table)[index], decoder)


@pytest.mark.parametrize("decoder", ["fast", "sionna"])
@pytest.mark.parametrize(
    ("table", "index"), [("pdsch-1", 0), ("pdsch-1", 14), ("pdsch-4", 26), ("wifi-ad", 7), ("wifi-ad", 10)]
)
def test_a_perfect_channel_delivers_every_bit(table, index, decoder):
    modem = built(512, table, index, decoder)
    payload = random_payload(modem, 3)
    sent = modem.transmit(payload, Link("awgn", 60.0))
    assert sent.passed.tolist() == [True] * 3
    assert sent.symbol_errors.tolist() == [0] * 3
    assert sent.bits.dtype == np.uint8
    np.testing.assert_array_equal(sent.bits, payload)


def test_symbol_errors_are_counted_before_decoding():
    modem = built(512, "pdsch-1", 4)
    payload = random_payload(modem, 3)
    sent = modem.transmit(payload, ErringLink(images=[1], places=[0, 7, 500]))
    assert sent.symbol_errors.tolist() == [0, 3, 0]
    assert sent.passed.all()  # the code mends them
    np.testing.assert_array_equal(sent.bits, payload)


def test_power_of_constellations():
    """QPSK is of constant modulus; the corners of 16QAM have energy 18/10."""
    qpsk = built(512, "pdsch-1", 4)
    sent = qpsk.transmit(random_payload(qpsk, 2), ErringLink())
    np.testing.assert_allclose([sent.power, sent.peak_power], 1.0, rtol=1e-6)
    qam = built(2000, "pdsch-1", 12)
    sent = qam.transmit(random_payload(qam, 2), ErringLink())
    np.testing.assert_allclose(sent.peak_power, 1.8, rtol=1e-6)
    # Scrambled bits are fair; the energy of a 16QAM symbol has variance 0.32.
    np.testing.assert_allclose(sent.power, 1.0, atol=4 * np.sqrt(0.32 / 2000))


def test_an_image_needs_all_of_its_transport_blocks(monkeypatch):
    monkeypatch.setattr(transport_block_size, "MAX_CHANNEL_USES", 400)
    modem = built(1000, "pdsch-1", 5)
    blocks = [
        transport_block_size.transport_block_size(uses, 2, Fraction(379, 1024)) for uses in (334, 333, 333)
    ]
    assert modem.payload == sum(block.payload for block in blocks)
    payload = random_payload(modem, 4)
    sent = modem.transmit(payload, ErringLink(images=[2], places=range(334, 667)))
    assert sent.passed.tolist() == [True, True, False, True]
    assert sent.symbol_errors.tolist() == [0, 0, 333, 0]
    wrong = sent.bits != payload
    first, second = blocks[0].payload, blocks[0].payload + blocks[1].payload
    assert not wrong[[0, 1, 3]].any()
    assert not wrong[2, :first].any()
    assert wrong[2, first:second].any()
    assert not wrong[2, second:].any()


def test_decoding_every_codeword_or_only_what_can_count(monkeypatch):
    """Three transport blocks of several code blocks each, at an SNR where some of the images are lost."""
    monkeypatch.setattr(transport_block_size, "MAX_CHANNEL_USES", 6000)
    modem = built(15000, "pdsch-1", 17)
    payload, results = random_payload(modem, 10), {}
    for exhaustive in (True, False):
        randomness.seed(2)
        results[exhaustive] = modem.transmit(payload, Link("awgn", 9.0), exhaustive)
    whole, early = results[True], results[False]
    assert (whole.complete, early.complete) == (True, False)
    assert 0 < whole.passed.sum() < 10
    np.testing.assert_array_equal(early.passed, whole.passed)
    np.testing.assert_array_equal(early.bits[early.passed], payload[early.passed])
    np.testing.assert_array_equal(whole.passed, (whole.bits == payload).all(axis=1))
    np.testing.assert_array_equal(early.symbol_errors, whole.symbol_errors)
    np.testing.assert_array_equal(early.power, whole.power)


@pytest.mark.parametrize("exhaustive", [True, False])
def test_all_images_lost_in_the_first_of_several_transport_blocks(monkeypatch, exhaustive):
    monkeypatch.setattr(transport_block_size, "MAX_CHANNEL_USES", 400)
    modem = built(1000, "pdsch-1", 5)
    sent = modem.transmit(random_payload(modem, 3), Link("awgn", -15.0), exhaustive)
    assert not sent.passed.any()
    assert sent.bits.shape == (3, modem.payload)


def test_a_single_codeword_is_complete_in_any_case():
    modem = built(512, "pdsch-1", 4)
    assert modem.transmit(random_payload(modem, 2), ErringLink(), exhaustive=False).complete


def test_the_payload_of_transport_blocks_is_that_of_the_standard(monkeypatch):
    assert built(256, "pdsch-1", 8).payload == 304  # as in the example of transport_block_size
    monkeypatch.setattr(transport_block_size, "MAX_CHANNEL_USES", 256)
    assert built(512, "pdsch-1", 8).payload == 2 * 304


@pytest.mark.parametrize("index", range(len(mcs_table("wifi-ad"))))
def test_the_payload_of_fixed_length_codes_is_all_but_a_crc_32(index):
    """As many words of 672 bits as fit; 1000 uses of 64QAM, for one, hold 8."""
    mcs = mcs_table("wifi-ad")[index]
    k, n = mcs.codeword
    assert n == 672
    words = 1000 * mcs.modulation_order // 672
    assert built(1000, "wifi-ad", index).payload == words * k - 32
    assert mcs.modulation_order != 6 or words == 8


@pytest.mark.parametrize(("channel_uses", "words"), [(0, 0), (335, 0), (336, 1), (671, 1), (672, 2)])
def test_fixed_length_codes_need_room_for_a_word(channel_uses, words):
    table = mcs_table("wifi-ad")
    index = next(i for i, mcs in enumerate(table) if mcs.codeword == (336, 672) and mcs.modulation_order == 2)
    assert built(channel_uses, "wifi-ad", index).payload == max(0, 336 * words - 32)


def test_fixed_length_codes_lose_the_image_with_any_word():
    index = next(i for i, mcs in enumerate(mcs_table("wifi-ad")) if mcs.modulation_order == 2)
    modem = built(3 * 336, "wifi-ad", index)
    payload = random_payload(modem, 3)
    for exhaustive in (True, False):
        sent = modem.transmit(payload, ErringLink(images=[1], places=range(336, 672)), exhaustive)
        assert sent.complete
        assert sent.passed.tolist() == [True, False, True]
        assert sent.symbol_errors.tolist() == [0, 336, 0]
        wrong = sent.bits != payload
        k = modem._mcs.codeword[0]
        assert not wrong[[0, 2]].any()
        assert not wrong[1, :k].any()
        assert wrong[1, k : 2 * k].any()


@pytest.mark.parametrize(("channel_uses", "index"), [(0, 4), (1, 4), (64, 28)])
def test_no_payload_where_nothing_could_be_decoded(channel_uses, index):
    assert built(channel_uses, "pdsch-1", index).payload == 0


def test_one_modem_is_built_for_equal_parameters():
    arguments = (300, mcs_table("pdsch-1")[4], "fast", "int16", 3)
    assert modem(*arguments) is modem(*arguments)
    assert modem(*arguments) is not modem(*arguments[:3], "float32", 3)


# 3000 uses are some thousand bits. BLER 0.1 of good codes of this length lies 0.8 to 1.5 dB above the BICM
# capacity (specification); below capacity no code gets through.
@pytest.mark.parametrize("index", [5, 12, 20, 27])
def test_waterfall_lies_just_above_the_bicm_capacity(index):
    modem = built(3000, "pdsch-1", index)
    order = mcs_table("pdsch-1")[index].modulation_order
    threshold_db = snr_db_for_capacity(partial(bicm_capacity, order), modem.payload / 3000)
    payload = random_payload(modem, 40)
    randomness.seed(1)
    above = modem.transmit(payload, Link("awgn", threshold_db + 1.5))
    below = modem.transmit(payload, Link("awgn", threshold_db - 0.3))
    assert (~above.passed).mean() < 0.1
    assert not below.passed.any()
    np.testing.assert_array_equal(above.passed, (above.bits == payload).all(axis=1))


def test_the_same_seed_gives_the_same_transmission():
    modem = built(512, "pdsch-1", 10)
    payload = random_payload(modem, 8)
    results = []
    for seed in (4, 4, 5):
        randomness.seed(seed)
        results.append(modem.transmit(payload, Link("rayleigh_fast", 8.0)))
    np.testing.assert_array_equal(results[0].bits, results[1].bits)
    np.testing.assert_array_equal(results[0].symbol_errors, results[1].symbol_errors)
    assert (results[0].symbol_errors != results[2].symbol_errors).any()
