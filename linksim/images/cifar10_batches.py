"""The two published formats of a CIFAR-10 batch: a Python pickle and a binary file."""

import io
import pickle

import numpy as np

CLASSES = 10
_SAMPLES = 3 * 32 * 32


def parse_binary(content):
    """Parse records of one label byte and 3072 samples, planes R, G, B.

    Parameters
    ----------
    content : bytes
        A file `data_batch_1.bin` … `test_batch.bin`.

    Returns
    -------
    pixels : ndarray
        `[count, 32, 32, 3], uint8`.
    labels : ndarray
        `[count]`, integers 0 … 9.

    Raises
    ------
    ValueError
        The content is broken.
    """
    if not content or len(content) % (1 + _SAMPLES):
        raise ValueError(f"{len(content)} bytes are no whole number of {1 + _SAMPLES}-byte records")
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + _SAMPLES)
    return _checked(records[:, 1:], records[:, 0])


def parse_pickle(content):
    """Parse the dictionary of the Python version without executing what else a pickle could hold.

    Parameters
    ----------
    content : bytes
        A file `data_batch_1` … `test_batch`.

    Returns
    -------
    pixels : ndarray
        `[count, 32, 32, 3], uint8`.
    labels : ndarray
        `[count]`, integers 0 … 9.

    Raises
    ------
    Exception
        The content is broken or foreign; the unpickler raises nearly any kind.
    """
    batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
    return _checked(batch[b"data"].rows(), np.asarray(batch[b"labels"]))


def _checked(samples, labels):
    if samples.ndim != 2 or samples.shape[1] != _SAMPLES or labels.shape != samples.shape[:1]:
        raise ValueError(f"samples {samples.shape} and labels {labels.shape} do not fit")
    if labels.dtype.kind not in "iu" or not len(labels) or labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(f"labels are not in 0 … {CLASSES - 1}")
    return samples.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


class _PickledArray:
    """What a pickle says of an array; NumPy's own classes take a forged state on trust and may crash."""

    def __init__(self, *_):
        """Ignore the arguments of `_reconstruct`, which describe an empty array."""

    def __setstate__(self, state):
        _, self._shape, self._dtype, self._is_fortran, self._content = state

    def rows(self):
        if self._dtype.code not in ("u1", b"u1"):
            raise ValueError("the samples are no bytes")
        order = "F" if self._is_fortran else "C"
        return np.frombuffer(self._content, np.uint8).reshape(self._shape, order=order)


class _PickledDtype:
    """The code of a pickled dtype; its state (byte order, fields) says nothing more of bytes."""

    def __init__(self, code, *_):
        self.code = code

    def __setstate__(self, state):
        pass


def _latin1(text, encoding):
    """`_codecs.encode` as Python 3 writes bytes in old protocols; other codecs could inflate or worse."""
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"codec {encoding!r} is not allowed")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledDtype,
    ("_codecs", "encode"): _latin1,
}


class _BatchUnpickler(pickle.Unpickler):
    """An unpickler that builds plain containers and descriptions of arrays and nothing else."""

    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None
