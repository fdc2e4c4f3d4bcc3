"""Shares a bandwidth out among pictures by the self-information of their patches, and packs what is sent."""

import numpy as np

from linksim.images.picture import Picture
from linksim.jscc.rates import allocate
from linksim.scenario.errors import InputError
from linksim.systems import side_information

#: The bisection ends when the bounds on η are this close, relative to the upper one.
_PRECISION = 1e-12

#: No η above it is tried: patches that still have less than the largest rate hold nothing.
_LARGEST_ETA = 2.0**60

#: How far the mean CBR may be from its target, relatively.
_TOLERANCE = 0.02


class RateControl:
    """η of a set of pictures, so that their mean CBR is what was asked for.

    Parameters
    ----------
    rates : tuple of int
        Channel uses that a patch may get, rising.
    bits : list of float32 [patches]
        Self-information of the patches of each picture.
    samples : sequence of int
        n, source samples of each picture.
    """

    def __init__(self, rates, bits, samples):
        self._rates = np.asarray(rates)
        self._bits = np.concatenate(bits)
        self._share = 1 / (len(bits) * np.asarray(samples, float))
        self._weights = np.repeat(self._share, [len(each) for each in bits])

    def eta(self, cbr: float, side_uses) -> tuple[float, float]:
        """η, and the mean CBR that it leads to, side information included.

        The mean CBR is a rising step function of η. Bisection closes in on the step across the target, and
        of its two ends the one nearer to the target is taken, the lower one of two that are equally near.

        Parameters
        ----------
        cbr : float
            Target of the mean over the pictures of billed channel uses per source sample.
        side_uses : sequence of int
            Channel uses that each picture is billed for its side information.
        """
        side = float(self._share @ np.asarray(side_uses))

        def mean(eta):
            return float(self._weights @ self._rates[allocate(self._bits, eta, self._rates)]) + side

        low, high = 0.0, 1.0
        while mean(high) < cbr and high < _LARGEST_ETA:
            low, high = high, 2 * high
        while high - low > _PRECISION * high:
            middle = (low + high) / 2
            low, high = (middle, high) if mean(middle) < cbr else (low, middle)
        return min(((eta, mean(eta)) for eta in (low, high)), key=lambda found: abs(found[1] - cbr))


class SharedBandwidth:
    """The rates of all pictures of a study, which together get the bandwidth that they are given.

    Parameters
    ----------
    rates : tuple of int
        Channel uses that a patch may get, rising.
    pictures : sequence of Picture or StoredPicture
    bits : list of float32 [patches]
        Self-information of the patches of each.
    """

    def __init__(self, rates, pictures, bits):
        self.rates = rates
        self._bits = {picture.digest: own for picture, own in zip(pictures, bits)}
        bits = [self._bits[picture.digest] for picture in pictures]
        self._patches = np.array([len(own) for own in bits])
        self._control = RateControl(rates, bits, [picture.size for picture in pictures])
        self._etas = {}

    def maps(self, images: np.ndarray, cbr, kind: str, link) -> np.ndarray:
        """The index of each patch's rate, int32 [batch, patches].

        Parameters
        ----------
        images : [batch, H, W, 3], uint8
            Some of the pictures.
        cbr : Fraction
            Target of the mean over all pictures.
        kind : str
            How side information is sent, as `linksim.systems.side_information.uses` takes it.
        link : linksim.phy.link.Link
            Its channel and SNR decide what side information costs.

        Raises
        ------
        InputError
            The mean misses the target by more than 2%: patches that change their rate together are too many.
        """
        eta = self._eta(cbr, kind, link.medium, link.snr_db)
        bits = np.stack([self._bits[Picture("", image).digest] for image in images])
        return allocate(bits, eta, self.rates)

    def _eta(self, cbr, kind, medium, snr_db):
        key = cbr, kind, medium, snr_db
        if key not in self._etas:
            self._etas[key] = self._search(*key)
        return self._etas[key]

    def _search(self, cbr, kind, medium, snr_db):
        sizes, places = np.unique(self._patches, return_inverse=True)
        bits = [side_information.map_bits(self.rates, int(patches)) for patches in sizes]
        uses = np.array([side_information.uses(kind, each, medium, snr_db) for each in bits])
        eta, mean = self._control.eta(float(cbr), uses[places])
        if abs(mean - cbr) > _TOLERANCE * cbr:
            raise InputError(
                f"at {snr_db:g} dB the pictures with their side information need a mean CBR of {mean:.5f}, "
                f"and none nearer to {cbr} is possible",
                field="bandwidth.cbr",
                mend=f"set it to {mean:.5f}, or take more pictures",
            )
        return eta


class Packing:
    """Symbols that are sent, from where a codec has them to the start of a row, and back.

    Parameters
    ----------
    sent : [batch, k], bool
        Which symbols of each picture are sent.

    Attributes
    ----------
    uses : [batch], int
        Symbols that are sent of each picture.
    mask : [batch, largest of `uses`], bool
        Which places of the rows they fill.

    Examples
    --------
    >>> packing = Packing(np.array([[True, False, True], [False, False, True]]))
    >>> packing.pack(np.array([[1, 0, 2], [0, 0, 3]])).tolist()
    [[1, 2], [3, 0]]
    >>> packing.unpack(np.array([[1, 2], [3, 9]])).tolist()
    [[1, 0, 2], [0, 0, 3]]
    """

    def __init__(self, sent: np.ndarray):
        self._sent = sent
        self.uses = sent.sum(axis=1)
        self.mask = np.arange(self.uses.max()) < self.uses[:, None]

    def pack(self, values: np.ndarray) -> np.ndarray:
        """Values [batch, k, ...] to rows [batch, largest of `uses`, ...], zero beyond what is sent."""
        return self._move(values, self._sent, self.mask)

    def unpack(self, rows: np.ndarray) -> np.ndarray:
        """The inverse of `pack`; zero where nothing is sent."""
        return self._move(rows, self.mask, self._sent)

    @staticmethod
    def _move(values, source, target):
        moved = np.zeros((*target.shape, *values.shape[2:]), values.dtype)
        moved[target] = values[source]
        return moved
