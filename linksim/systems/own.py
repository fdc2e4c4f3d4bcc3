"""A system of the user's: any encoder and decoder, on the same link as everything else."""

import importlib
import importlib.util
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from linksim.scenario.errors import InputError, brief
from linksim.scenario.systems import IN_MEMORY, OwnSpec
from linksim.systems.base import OperatingPoint, Reception, channel_uses
from linksim.systems.fallback import GREY
from linksim.systems.network import Encoded, Network, batch_length, in_batches, uniform

#: Sides may be padded to a multiple of this many px, as networks that halve five times do.
_LARGEST_PADDING = 32


class Own:
    """Pictures → `encode` → symbols → link → `decode` → pictures.

    The codec is a `linksim.jscc.codec.Codec`, which is compiled and may send points of a constellation, draw
    them, or classify; or any object with `encode` and `decode`, or a pair of such functions, which are called
    as they are:

    - `encode(images, condition)` takes pictures float32 `[batch, H, W, 3]` in [0, 1] and what both ends know
      (`linksim.jscc.codec.Condition`), and gives symbols, complex `[batch, k]` or real pairs `[batch, k, 2]`;
    - `decode(received, condition)` takes the equalised symbols, in the form that `encode` gave, and returns
      pictures `[batch, H, W, 3]` in [0, 1].

    Every picture arrives, as with learned systems. The link sets its noise by the energy of what is sent, so
    that no scaling wins anything. A picture may take the channel uses of the scenario's CBR, and what padding
    its sides to multiples of 32 px costs.

    Parameters
    ----------
    spec : OwnSpec
        Its `codec` is a codec as above, a function without arguments that makes one, or where such a
        function stands: `my_net.py:build` or `package.module:build`.
    cache, fallback
        Not needed; what every system is given.

    Examples
    --------
    Each sample as the amplitude of half a symbol:

    >>> def encode(images, condition):
    ...     return images.reshape(len(images), -1, 2) - 0.5
    >>> def decode(received, condition):
    ...     return received.reshape(-1, condition.height, condition.width, 3) + 0.5
    >>> system = Own(OwnSpec(type="own", label="pulse amplitudes", codec=(encode, decode)))
    >>> system.operating_points(Fraction(1, 2), 10.0)[0].name
    'own'
    """

    prunes = False

    def __init__(self, spec: OwnSpec, cache=None, fallback=GREY):
        self._spec = spec
        self._made = None

    def random(self, channel) -> bool:
        """Always: noise at least is drawn."""
        return True

    def operating_points(self, cbr: Fraction, snr_db: float) -> tuple[OperatingPoint, ...]:
        """The one point of a bandwidth and a channel SNR; the codec itself is not looked at."""
        return (OperatingPoint("own", cbr),)

    def transmit(self, images: np.ndarray, link, point: OperatingPoint, seed: int) -> Reception:
        """Send images uint8 `[batch, H, W, 3]`, all of them in one use of the link.

        Raises
        ------
        InputError
            The codec cannot be made, or what it gives cannot be sent or shown; names the system.
        """
        from linksim import phy  # noqa: F401  loads TensorFlow, before anybody's network does

        network, size = self._network, images.shape[1:3]
        encoded = network.encode(images, 0, link.snr_db)
        if encoded.law is not None:
            encoded = network.draw(encoded.law, uniform(encoded.law.shape, seed))
        self._refuse_other_cbr(encoded.symbols.shape[1], size, point.cbr)
        return network.send(encoded, size, link, 0, seed)

    @property
    def _network(self):
        if self._made is None:
            self._made = self._make(_codec_of(self._spec))
        return self._made

    def _make(self, codec):
        label = self._spec.label
        keras = sys.modules.get("keras")  # whoever has a Keras codec has imported it
        if keras is not None and isinstance(codec, keras.Model) and hasattr(codec, "constellations"):
            backend = keras.config.backend()
            if backend != "tensorflow":
                problem = f"a Keras codec runs on TensorFlow here, and Keras is set to {backend}"
                mend = "set KERAS_BACKEND=tensorflow before Keras is imported, or pass (encode, decode)"
                raise InputError(problem, field=label, mend=mend)
            if codec.rates or len(codec.constellations) > 1:
                problem = "sends at a variable rate" if codec.rates else "has several modulation orders"
                mend = "pass a codec of one rate and one order"
                raise InputError(problem, field=label, mend=mend)
            return Network(codec)
        pair = codec if isinstance(codec, tuple) else (codec.encode, codec.decode)
        return _Plain(label, *pair)

    def _refuse_other_cbr(self, uses, size, cbr):
        """Raise InputError unless a picture takes the channel uses of the CBR, but for padding."""
        samples, padded = 3 * size[0] * size[1], 3
        for side in size:
            padded *= -(-side // _LARGEST_PADDING) * _LARGEST_PADDING
        least, most = int(samples * cbr), channel_uses(padded, cbr)
        if not least <= uses <= most:
            height, width = size
            raise InputError(
                f"it sends {uses} symbols for a picture of {height}×{width} px, and CBR {cbr} gives "
                f"{channel_uses(samples, cbr)}",
                field=self._spec.label,
                mend=f"send as many, or set bandwidth.cbr to {Fraction(uses, samples)}",
            )


class _Plain(Network):
    """Functions of numpy arrays that are called as they are, eagerly; analogue symbols only."""

    constellations = ()
    detects = classifies = False

    def __init__(self, label, encode, decode):
        self._label = label
        self._encode, self._decode = encode, decode
        self._complex = False

    def encode(self, images, order, snr_db, maps=None):
        height, width = images.shape[1:3]
        condition = _condition(height, width, snr_db)

        def encode(batch):
            sent = self._encode(np.float32(batch) / 255, condition)
            return self._array(getattr(sent, "content", sent), "encode")

        sent = in_batches(encode, batch_length(height, width), images)
        self._complex = np.iscomplexobj(sent)
        if self._complex and sent.ndim == 2 and len(sent) == len(images):
            symbols = sent
        elif not self._complex and sent.ndim == 3 and sent.shape[::2] == (len(images), 2):
            symbols = sent[..., 0] + np.complex64(1j) * sent[..., 1]
        else:
            wanted = "complex [batch, k] or real pairs [batch, k, 2]"
            raise self._refused("encode", f"gives {_described(sent)} for {len(images)} pictures", wanted)
        return Encoded(symbols.astype(np.complex64))

    def decode(self, received, height, width, order, snr_db, maps=None):
        condition = _condition(height, width, snr_db)

        def decode(batch):
            batch = batch[..., 0] + np.complex64(1j) * batch[..., 1] if self._complex else batch
            return self._array(self._decode(batch, condition), "decode")

        pictures = in_batches(decode, batch_length(height, width), received)
        if pictures.shape != (len(received), height, width, 3) or np.iscomplexobj(pictures):
            wanted = f"float [batch, {height}, {width}, 3] in [0, 1]"
            raise self._refused("decode", f"gives {_described(pictures)} for {len(received)}", wanted)
        return np.rint(255 * np.clip(pictures, 0, 1)).astype(np.uint8)

    def _array(self, values, name):
        """What a function gave as a finite numpy array."""
        if hasattr(values, "detach"):  # a torch tensor that may want gradients
            values = values.detach().cpu()
        array = np.asarray(values)
        if array.dtype.kind not in "fc" or not np.isfinite(array).all():
            raise self._refused(name, f"gives {_described(array)} that is not finite", "finite numbers")
        return array

    def _refused(self, name, problem, wanted):
        return InputError(f"{name} {problem}", field=self._label, mend=f"return {wanted}")


class Held:
    """A codec, or a function that makes one, that reaches worker processes by value.

    What is defined in a notebook or a script goes along as code, by cloudpickle; it is unpickled there when
    it is needed. A `linksim.jscc.codec.Codec` goes as its class, the arguments that it was made with and its
    values, another Keras model as Keras saves it.

    Parameters
    ----------
    label : str
        The system's name, for errors.
    codec : object
    """

    def __init__(self, label, codec):
        self._label, self._codec, self._data = label, codec, None

    def travels(self) -> bool:
        """Whether it can be pickled and unpickled."""
        import cloudpickle

        if self._data is None:
            try:
                data = cloudpickle.dumps(self._codec)
                cloudpickle.loads(data)
            except Exception:  # whatever a stranger's object raises when it is taken apart and rebuilt
                return False
            self._data = data
        return True

    def get(self):
        """The codec.

        Raises
        ------
        InputError
            It cannot be unpickled here.
        """
        if self._codec is None:
            import cloudpickle

            from linksim import phy  # noqa: F401  starts TensorFlow quietly
            from linksim.jscc import layers  # noqa: F401  Keras knows them from then on

            try:
                self._codec = cloudpickle.loads(self._data)
            except Exception as error:
                problem = f"cannot be rebuilt in a worker process ({brief_error(error)})"
                mend = "pass a function that builds it, or no digest: then it stays in this process"
                raise InputError(problem, field=self._label, mend=mend) from error
        return self._codec

    def __getstate__(self):
        self.travels()
        return {"_label": self._label, "_codec": None, "_data": self._data}


def stays(spec) -> bool:
    """Whether a system's tasks must run in the process that has its codec: without a digest nobody could
    tell later what a result belongs to, and some objects cannot be sent."""
    if spec.type != "own" or isinstance(spec.codec, str):
        return False
    return spec.digest is None or not (isinstance(spec.codec, Held) and spec.codec.travels())


def brief_error(error: Exception) -> str:
    """Type and last line of an error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ": ".join([type(error).__name__, *(line[:200] for line in lines[-1:])])


def _condition(height, width, snr_db):
    from linksim.jscc.codec import Condition

    return Condition(height, width, snr_db)


def _described(array):
    return f"{array.dtype} {list(array.shape)}"


def _codec_of(spec):
    """The codec that a spec holds, makes or names."""
    codec = spec.codec.get() if isinstance(spec.codec, Held) else spec.codec
    if codec == IN_MEMORY:
        problem = "the codec was passed to linksim.run, and only there it is"
        raise InputError(problem, field=spec.label, mend="pass it again")
    if isinstance(codec, str):
        codec = _named(codec, spec.label)
    if not is_codec(codec):
        try:
            codec = codec()
        except InputError:
            raise
        except Exception as error:
            problem = f"its codec cannot be made ({brief_error(error)})"
            raise InputError(
                problem, field=spec.label, mend="call the function yourself to see why"
            ) from error
    if not is_codec(codec):
        problem = f"{brief(codec)} has no encode and decode"
        raise InputError(problem, field=spec.label, mend="return an object with both, or a pair of functions")
    return codec


def is_codec(value) -> bool:
    """Whether a value can encode and decode by itself."""
    if isinstance(value, tuple):
        return len(value) == 2 and all(map(callable, value))
    faces = (getattr(value, name, None) for name in ("encode", "decode"))
    return not isinstance(value, str) and all(map(callable, faces))


def _named(reference, label):
    """What `file.py:name` or `module:name` stands for."""
    place, _, name = reference.rpartition(":")
    try:
        if place.endswith(".py"):
            path = Path(place).resolve()
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            sys.modules.setdefault(path.stem, module)  # Keras and pickle look classes up there
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        return getattr(module, name)
    except Exception as error:  # whatever running a stranger's file raises
        problem = f"{reference} cannot be loaded ({brief_error(error)})"
        mend = "name FILE.py:FUNCTION or MODULE:FUNCTION; the function makes the codec"
        raise InputError(problem, field=label, mend=mend) from error
