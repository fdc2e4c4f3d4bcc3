"""Time of learned transmissions, beside eager Keras and beside the separate chain on the same pictures."""

from fractions import Fraction
from itertools import islice

import numpy as np

from linksim import systems, zoo
from linksim.images.patches32 import patches
from linksim.modulation.mcs import mcs_table
from linksim.phy.link import Link
from linksim.scenario.systems import LearnedSpec, SeparatedSpec

WEIGHTS = "zoo:deepjscc-q/qam64-awgn16-c6"
CBR, SNR_DB, COUNT = Fraction(1, 6), 16.0, 256

#: The sizes of zoo:ujscc/b; how long it takes does not depend on the weights.
UJSCC = {
    "channels": [64, 128, 128], "strides": [1, 2, 2], "vectors": 4,
    "orders": [1, 2, 4, 6, 8], "dimensions": [2, 4, 8, 12, 16],
}  # fmt: skip


def _pictures():
    return np.stack([picture.pixels for picture in islice(patches(), COUNT)])


def _learned():
    system = systems.create(LearnedSpec(type="learned", weights=WEIGHTS))
    (point,) = system.operating_points(CBR, SNR_DB)
    return system, point


def test_small_pictures_beside_eager_keras(compare):
    """Encoder, link and decoder for pictures sent for the first time."""
    from linksim.jscc.codec import Condition

    pictures, link = _pictures(), Link("awgn", SNR_DB)
    codec, condition = zoo.load(zoo.find(WEIGHTS)), Condition(32, 32, SNR_DB)

    def eager():
        indices = np.asarray(codec.encode(np.float32(pictures) / 255, condition).indices)
        received = link.transmit(codec.constellations[0][indices]).symbols.numpy()
        return codec.decode(np.stack([received.real, received.imag], -1), condition)

    system, point = _learned()
    network = system._network(point.weights)

    def ours():
        symbols = network.encode(pictures, point.order, SNR_DB).symbols
        received = link.transmit(symbols).symbols.numpy()
        pairs = np.stack([received.real, received.imag], -1)
        return network.decode(pairs, 32, 32, point.order, SNR_DB)

    ours(), eager()
    compare(ours, eager, against="the same codec called eagerly", work=(COUNT, "pictures"))


def test_small_pictures_sent_again_beside_the_separate_chain(compare):
    """At a further SNR: what was encoded, or coded by BPG, is known; both decode everything."""
    pictures, link = _pictures(), Link("awgn", SNR_DB)
    system, point = _learned()
    mcs = mcs_table("pdsch-1")[22]
    chain = systems.create(
        SeparatedSpec(type="separated", label="chain", mcs={"policy": "fixed", "index": mcs.index})
    )
    (fixed,) = chain.operating_points(CBR, SNR_DB)
    system.transmit(pictures, link, point, seed=1)
    chain.transmit(pictures, link, fixed, seed=1)
    compare(
        lambda: system.transmit(pictures, link, point, seed=1),
        lambda: chain.transmit(pictures, link, fixed, seed=1),
        against="BPG + 5G LDPC, 64QAM R .65, files known",
        work=(COUNT, "pictures"),
    )


def test_small_pictures_with_a_new_order_at_every_call(compare, make_weights, tmp_path):
    """Encoder, link, detection and decoder of uJSCC while the SNR walks through all modulation orders."""
    pictures = _pictures()[:32]
    weights = make_weights(tmp_path / "b.weights.h5", "ujscc", **UJSCC)
    system = systems.create(LearnedSpec(type="learned", weights=str(weights)))
    snrs_db = (0.0, 8.0, 15.0, 22.0, 30.0)
    points = [system.operating_points(Fraction(1, 12), snr_db)[0] for snr_db in snrs_db]
    network, links = system._network(points[0].weights), [Link("awgn", snr_db) for snr_db in snrs_db]

    def send(orders):
        for order in orders:
            symbols = network.encode(pictures, order, snrs_db[order]).symbols
            received = links[order].transmit(symbols).symbols.numpy()
            labels = network.constellations[order].detect(received)
            network.decode(labels, 32, 32, order, snrs_db[order])

    walk = [point.order for point in points] * 2
    compare(
        lambda: send(walk),
        lambda: send(sorted(walk)),
        against="the same calls, order by order",
        work=(len(walk) * len(pictures), "pictures"),
    )


def test_pictures_of_jcm_drawn_beside_the_likeliest_points(compare):
    """Draws, link and both decoders for pictures that were encoded before."""
    pictures, link, likeliest, drawn = _pictures(), Link("awgn", -2.0), *map(_jcm, ("argmax", "random"))
    compare(
        lambda: drawn[0].transmit(pictures, link, drawn[1], seed=1),
        lambda: likeliest[0].transmit(pictures, link, likeliest[1], seed=1),
        against="the likeliest points, without a draw",
        work=(COUNT, "pictures"),
    )


def _jcm(sampling):
    """A system that has sent the pictures once, and its operating point."""
    spec = LearnedSpec(type="learned", weights="zoo:jcm/bpsk-n256-m2dB", sampling=sampling)
    system = systems.create(spec)
    (point,) = system.operating_points(Fraction(1, 24), -2.0)
    system.transmit(_pictures(), Link("awgn", -2.0), point, seed=1)
    return system, point
