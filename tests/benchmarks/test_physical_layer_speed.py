"""Time of the physical layer's two heaviest steps: decoding and demapping."""

import numpy as np
import pytest
import tensorflow as tf

from linksim.modulation.mcs import mcs_table
from linksim.phy.ldpc import DECODERS
from linksim.phy.modulation import QAM
from linksim.phy.transport_block import TransportBlock
from linksim.phy.transport_block_size import transport_block_size

CHANNEL_USES = 18432  # 256×384 pixels at CBR 1/16


@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_transport_block_decoding(compare, decoder):
    """Five code blocks of pdsch-1/14, 20 iterations, LLRs as noisy as a block in use has them."""
    from sionna.phy.nr import TBDecoder, TBEncoder

    mcs = mcs_table("pdsch-1")[14]
    size = transport_block_size(CHANNEL_USES, mcs.modulation_order, mcs.code_rate)
    block = TransportBlock(size, mcs.modulation_order, decoder, 20)
    rng = np.random.default_rng(1)
    coded = block.encode(rng.integers(0, 2, (1, size.payload)).astype(np.float32)).numpy()
    llr = tf.constant((2 * coded - 1) * 3 + rng.normal(size=coded.shape) * 6**0.5, tf.float32)
    assert block.decode(llr)[1].numpy().all()
    sionna = TBDecoder(
        TBEncoder(
            target_tb_size=size.payload,
            num_coded_bits=size.coded,
            target_coderate=float(mcs.code_rate),
            num_bits_per_symbol=mcs.modulation_order,
            channel_type="PDSCH",
        ),
        num_bp_iter=20,
    )
    compare(
        lambda: block.decode(llr),
        tf.function(lambda: sionna(llr), autograph=False),
        against="Sionna's TBDecoder in graph mode",
        work=(size.payload / 1e6, "information Mbit"),
    )


@pytest.mark.parametrize("modulation_order", [4, 6, 8])
def test_demapping(compare, modulation_order):
    rng = np.random.default_rng(1)
    symbols = tf.constant(rng.normal(size=(1, CHANNEL_USES, 2)) @ [1, 1j] * 0.5**0.5, tf.complex64)
    variance = tf.fill(symbols.shape, 0.1)
    modulation, qpsk = QAM(modulation_order), QAM(2)
    compare(
        lambda: modulation.demap(symbols, variance),
        lambda: qpsk.demap(symbols, variance),
        against="the time for QPSK",
        work=(CHANNEL_USES / 1e6, "Msymbols"),
    )
