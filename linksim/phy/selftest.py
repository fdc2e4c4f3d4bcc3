"""A one-second self-test of the link: measured against closed forms and counted blocks."""

import math

import numpy as np
import tensorflow as tf

from linksim.modulation.error_rates import ser_awgn
from linksim.modulation.mcs import mcs_table
from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.phy.modem import Modem

_CHANNEL_USES = 4096
_BATCH = 8
_SNR_DB = 5.0


def devices() -> list[str]:
    """The compute devices that TensorFlow sees."""
    return [device.name for device in tf.config.list_logical_devices()]


def run() -> dict[str, tuple[float, float, float]]:
    """Send random blocks of MCS 10 of table 1 over AWGN.

    Returns
    -------
    dict
        From what was tested to (measured, expected, tolerance): the symbol error rate of 16QAM against its
        closed form within four standard errors, and the share of blocks lost well above and below threshold.
    """
    mcs = mcs_table("pdsch-1")[10]
    modem = Modem(_CHANNEL_USES, mcs)
    bits = np.random.default_rng(1).integers(0, 2, (_BATCH, modem.payload)).astype(np.uint8)
    randomness.seed(1)
    good = modem.transmit(bits, Link("awgn", _SNR_DB))
    bad = modem.transmit(bits, Link("awgn", _SNR_DB - 6))
    symbols = _BATCH * _CHANNEL_USES
    expected = float(ser_awgn(mcs.modulation_order, _SNR_DB))
    return {
        "16QAM symbol error rate at 5 dB": (
            float(good.symbol_errors.sum() / symbols),
            expected,
            4 * math.sqrt(expected * (1 - expected) / symbols),
        ),
        "block error rate of pdsch-1/10 at 5 dB": (1 - float(good.passed.mean()), 0.0, 0.0),
        "block error rate of pdsch-1/10 at -1 dB": (1 - float(bad.passed.mean()), 1.0, 0.0),
    }
