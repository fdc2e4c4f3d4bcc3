"""Time of the physical layer's steps: decoding, demapping, encoding."""

import os
import timeit

import numpy as np
import pytest
import tensorflow as tf

from linksim.modulation.mcs import mcs_table
from linksim.phy.modulation import QAM

CHANNEL_USES = 73728  # 768×512 pixels at CBR 1/16

#: Of a code (k, n): its base graph, codewords for about half a second of Sionna's decoder, and the Eb/N0 in
#: dB at which boxplus-phi has block error rates of about .5 and .1.
CODES = {
    (96, 480): (2, 2048, 0.0, 0.95),
    (640, 1920): (2, 640, 0.4, 0.78),
    (4000, 8000): (1, 120, 0.97, 1.15),
    (8424, 9216): (1, 60, 3.98, 4.12),
}


@pytest.mark.parametrize("noise", ["bler_half", "bler_tenth", "3_db_more"])
@pytest.mark.parametrize(("k", "n"), CODES)
def test_ldpc_decoder(compare, plain_sionna, tmp_path, k, n, noise):
    """The same LLRs for both decoders, BPSK over AWGN; both on all cores, 20 iterations at most."""
    import numba

    from linksim.phy.ldpc import create
    from linksim.phy.ldpc.nr import nr_code

    base_graph, batch, half, tenth = CODES[k, n]
    ebno = {"bler_half": half, "bler_tenth": tenth, "3_db_more": tenth + 3}[noise]
    words = tmp_path / "words.npz"
    sionna = plain_sionna(
        "decoder", "--k", k, "--n", n, "--batch", batch, "--ebno", ebno, "--repeats", 5, "--save", words
    )
    with np.load(words) as file:
        bits, llr = file["bits"], file["llr"]
    decode = create("fast", nr_code(k, n, base_graph), iterations=20, precision="int16")
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    bler = (decode(llr) != bits).any(axis=1).mean()
    compare(
        lambda: decode(llr),
        sionna["seconds"],
        against=f"Sionna's boxplus-phi, XLA, {os.cpu_count()} cores",
        rounds=20,
        work=(batch * k / 1e6, "Mbit"),
        note=f"Eb/N0 {ebno:.2f} dB, BLER {bler:.2f} and {sionna['bler']:.2f}",
    )


@pytest.mark.parametrize("modulation_order", [4, 6, 8, 10, 12])
def test_demapping(compare, modulation_order):
    """Both on one thread, as in a worker."""
    from sionna.phy.mapping import Constellation, Demapper

    rng = np.random.default_rng(1)
    modulation = QAM(modulation_order)
    bits = rng.integers(0, 2, (1, CHANNEL_USES * modulation_order)).astype(np.float32)
    noise = rng.normal(size=(1, CHANNEL_USES, 2)) @ [1, 1j] * 0.05**0.5
    symbols = modulation.map(bits) + tf.constant(noise, tf.complex64)
    variance = tf.fill(symbols.shape, 0.1)
    demapper = Demapper("app", constellation=Constellation("qam", modulation_order))
    demap = tf.function(demapper, autograph=False)
    # Sionna's takes gigabytes and many seconds for the highest orders: a part is timed and multiplied.
    parts = max(1, 2 ** (modulation_order - 7))
    part = slice(CHANNEL_USES // parts)
    sionna = timeit.repeat(lambda: demap(symbols[:, part], variance[:, part]), number=1, repeat=4)
    compare(
        lambda: modulation.demap(symbols, variance),
        parts * min(sionna),
        against="Sionna's app, graph mode, 1 thread",
        work=(CHANNEL_USES / 1e6, "Msymbols"),
        note=f"1/{parts} of the symbols, times {parts}" if parts > 1 else "",
    )


def test_transport_block_encoding(compare):
    """A block of pdsch-1/15 in 73,728 uses, both on one thread."""
    from sionna.phy.nr import TBEncoder

    from linksim.phy.transport_block import TransportBlock
    from linksim.phy.transport_block_size import transport_block_size

    mcs = mcs_table("pdsch-1")[15]
    size = transport_block_size(CHANNEL_USES, mcs.modulation_order, mcs.code_rate)
    block = TransportBlock(size, mcs.modulation_order)
    payload = np.random.default_rng(1).integers(0, 2, (1, size.payload)).astype(np.float32)
    sionna = TBEncoder(
        target_tb_size=size.payload,
        num_coded_bits=size.coded,
        target_coderate=float(mcs.code_rate),
        num_bits_per_symbol=mcs.modulation_order,
        channel_type="PDSCH",
    )
    bits = tf.constant(payload)
    encode = tf.function(lambda: sionna(bits), autograph=False)
    assert np.array_equal(np.asarray(block.encode(payload)), encode().numpy())
    compare(
        lambda: block.encode(payload),
        encode,
        against="Sionna's TBEncoder, graph mode, 1 thread",
        work=(size.payload / 1e6, "Mbit"),
    )
