"""Rate allocation of codecs whose pictures take as many channel uses as they need; plain numpy."""

import numpy as np


def allocate(bits, eta: float, rates) -> np.ndarray:
    """Give every patch the rate nearest to η/2 channel uses for each of its bits.

    Parameters
    ----------
    bits : [...], float
        Self-information −log2 P(y | z) of each patch.
    eta : float
        η, real dimensions for each bit; a channel use has two.
    rates : sequence of int
        Channel uses that a patch may get, rising.

    Returns
    -------
    [...], int32
        Indices into `rates`.

    References
    ----------
    Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
    communication", 2024, section II-B: k = Q(−η·log P).
    """
    return np.searchsorted(midpoints(rates), np.asarray(bits) * eta / 2, side="left").astype(np.int32)


def midpoints(rates) -> np.ndarray:
    """Between which rates the nearest one changes, float [len(rates) − 1]."""
    rates = np.asarray(rates, float)
    return (rates[1:] + rates[:-1]) / 2


def sent_mask(indices, rates) -> np.ndarray:
    """Which of a picture's symbols are sent, bool [batch, patches·largest rate].

    The symbols of a patch stand together, its first ones are sent.

    Parameters
    ----------
    indices : [batch, patches], int
        As `allocate` returns them.
    rates : sequence of int
    """
    uses = np.asarray(rates)[np.asarray(indices)]
    mask = np.arange(max(rates)) < uses[..., None]
    return mask.reshape(len(uses), -1)
