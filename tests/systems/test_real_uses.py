"""n real channel uses at an SNR per real use are n/2 complex uses at the same label, or n at 3.01 dB less.

JCM counts real uses: z in {−1, +1}, noise of variance 1/SNR. Two of them are a symbol of unit energy; alone,
with an empty quadrature, one is a symbol of unit energy too, but half of the complex noise falls beside it.
"""

import numpy as np
import pytest
from scipy.stats import norm

from linksim.jscc.codec import Condition
from linksim.modulation.constellations import qam
from linksim.phy import randomness
from linksim.phy.link import Link

HALF_DB = 10 * np.log10(2)
COUNT = 200_000

each_snr = pytest.mark.parametrize("snr_db", [-14.0, -2.0, 4.0])


def real_uses(snr_db, power="measured"):
    """BPSK values sent both ways; what arrives for each, at unit amplitude, with the values themselves."""
    values = np.random.default_rng(1).choice([-1.0, 1.0], COUNT).astype(np.float32)
    pairs = values.reshape(-1, 2)
    randomness.seed(1)
    paired = Link("awgn", snr_db, power).transmit(((pairs[:, 0] + 1j * pairs[:, 1]) / np.sqrt(2))[None])
    randomness.seed(2)
    alone = Link("awgn", snr_db - HALF_DB, power).transmit(values.astype(np.complex64)[None])
    both = paired.symbols.numpy()[0] * np.sqrt(2)
    return values, {
        "n/2 complex uses": np.stack([both.real, both.imag], axis=-1).ravel(),
        "n with an empty quadrature": alone.symbols.numpy()[0].real,
    }


@each_snr
@pytest.mark.parametrize("power", ["measured", "nominal"])
def test_the_noise_on_a_real_use_has_variance_1_over_snr(snr_db, power):
    """Both ways; the sample variance within 4 standard errors, √(2/N) of itself."""
    values, received = real_uses(snr_db, power)
    for arrived in received.values():
        ratio = np.square(arrived - values).mean() * 10 ** (snr_db / 10)
        assert abs(ratio - 1) < 4 * np.sqrt(2 / COUNT)


@each_snr
def test_hard_decisions_err_as_bpsk_does(snr_db):
    """Q(√SNR) with SNR per real use of noise 1/SNR, within 4 standard errors, both ways."""
    values, received = real_uses(snr_db)
    expected = norm.sf(np.sqrt(10 ** (snr_db / 10)))
    for arrived in received.values():
        wrong = (np.sign(arrived) != values).mean()
        assert abs(wrong - expected) < 4 * np.sqrt(expected * (1 - expected) / COUNT)


@each_snr
def test_without_the_3_db_the_two_ways_differ(snr_db):
    """n uses with an empty quadrature at the full label would have half the noise: a link of its own."""
    values, _ = real_uses(snr_db)
    randomness.seed(3)
    arrived = Link("awgn", snr_db).transmit(values.astype(np.complex64)[None]).symbols.numpy()[0].real
    assert np.square(arrived - values).mean() * 10 ** (snr_db / 10) == pytest.approx(0.5, rel=0.02)


@each_snr
def test_decoders_cannot_tell_the_two_ways_apart(snr_db):
    """JCM's decoders get the same values for n/2 pairs at the label and n empty quadratures 3.01 dB below."""
    from linksim import jscc

    sizes = {"channels": (4, 4, 4, 4), "spine": 4, "classes": 10}
    paired = jscc.create("jcm", symbols=32, order=4, **sizes)
    alone = jscc.create("jcm", symbols=64, order=2, **sizes)
    assert paired.cbr * 2 == alone.cbr
    rng = np.random.default_rng(4)
    values = rng.choice([-1.0, 1.0], (2, 64))
    noise = rng.normal(size=(2, 64)) * 10 ** (-snr_db / 20)
    pairs = ((values + noise) / np.sqrt(2)).reshape(2, 32, 2).astype(np.float32)
    beside = rng.normal(size=(2, 64))
    singles = np.stack([values + noise, beside], axis=-1).astype(np.float32)
    np.testing.assert_allclose(
        np.reshape(paired.demodulate(pairs, snr_db), (2, 64)),
        np.reshape(alone.demodulate(singles, snr_db - HALF_DB), (2, 64)),
        rtol=1e-5,
    )


def test_both_send_real_bpsk():
    """The points of BPSK have an empty quadrature and those of 4QAM are two of them at half the energy."""
    assert not qam(1).imag.any()
    np.testing.assert_allclose(np.unique(qam(2).real.round(12)) * np.sqrt(2), np.unique(qam(1).real))


def test_the_bit_error_rate_of_a_network_is_the_papers():
    """1-bit NN over the Link at −2 dB: Q(√0.631) of its 2·k bits, within 4 standard errors."""
    from linksim import jscc

    codec = jscc.create("jcm-nn-1bit", channels=(4, 4, 4, 4), symbols=512, spine=4, classes=10)
    images = np.random.default_rng(5).random((20, 32, 32, 3)).astype(np.float32)
    labels = np.asarray(codec.encode(images, Condition(32, 32, -2.0)).indices)
    points = codec.constellations[0]
    randomness.seed(6)
    arrived = Link("awgn", -2.0).transmit(points[labels]).symbols.numpy()
    sent = points[labels]
    wrong = np.mean(
        [np.sign(arrived.real) != np.sign(sent.real), np.sign(arrived.imag) != np.sign(sent.imag)]
    )
    expected = norm.sf(np.sqrt(10**-0.2))
    assert abs(wrong - expected) < 4 * np.sqrt(expected * (1 - expected) / (2 * labels.size))
