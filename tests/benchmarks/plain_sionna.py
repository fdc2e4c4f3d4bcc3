"""The separate chain as a Sionna tutorial writes it: what linksim's times are held against.

A program of its own, because it needs a process of its own: here TensorFlow has the threads and settings
that Sionna gives it, so it uses every core. It takes nothing from `linksim.phy`. Each command prints one line
of JSON at the end:

    python tests/benchmarks/plain_sionna.py link --channel-uses 73728 --order 4 --rate 0.6 --snr 9 --images 4
    python tests/benchmarks/plain_sionna.py decoder --k 4000 --n 8000 --ebno 1.15 --batch 100
    python tests/benchmarks/plain_sionna.py scenario scenarios/photos_awgn.yaml

Times are the smallest of some repetitions, after one call that compiles.
"""

import argparse
import json
import time

import numpy as np
import tensorflow as tf
from sionna.phy.channel import AWGN
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Constellation, Demapper, Mapper
from sionna.phy.nr import TBDecoder, TBEncoder
from sionna.phy.nr.utils import calculate_tb_size


class Chain:
    """TBEncoder → Mapper → AWGN → Demapper → TBDecoder in one graph.

    Parameters
    ----------
    channel_uses : int
        Complex symbols of one picture.
    order : int
        Q_m, bits a symbol.
    rate : float
        Target code rate.
    iterations : int
        Of belief propagation.

    Raises
    ------
    Exception
        Of several kinds, when TBEncoder refuses the parameters.
    """

    def __init__(self, channel_uses, order, rate, iterations=20):
        coded = channel_uses * order
        self.payload = int(calculate_tb_size(order, rate, num_coded_bits=coded)[0])
        self._source = BinarySource()
        self._encoder = TBEncoder(
            target_tb_size=self.payload,
            num_coded_bits=coded,
            target_coderate=rate,
            num_bits_per_symbol=order,
            channel_type="PDSCH",
        )
        constellation = Constellation("qam", order)
        self._mapper = Mapper(constellation=constellation)
        self._channel = AWGN()
        self._demapper = Demapper("app", constellation=constellation)
        self._decoder = TBDecoder(self._encoder, num_bp_iter=iterations)

    # Autograph would unroll the scrambler's loop over every bit.
    @tf.function(autograph=False)
    def __call__(self, images, noise_variance):
        """Send random payloads; returns how many transport blocks are wrong."""
        bits = self._source([images, self.payload])
        symbols = self._mapper(self._encoder(bits))
        received = self._channel(symbols, noise_variance)
        decoded, _ = self._decoder(self._demapper(received, noise_variance))
        return tf.reduce_sum(tf.cast(tf.reduce_any(decoded != bits, axis=-1), tf.int32))


def link(channel_uses, order, rate, snr, images, iterations=20, repeats=3):
    """Time of one MCS at one SNR.

    Parameters
    ----------
    channel_uses, order, rate, iterations
        Of the `Chain`.
    snr : float
        Es/N0 in dB.
    images : int
        Pictures of one batch.
    repeats : int
        Timed batches.

    Returns
    -------
    dict
        Seconds a picture, seconds to build and compile, payload bits of a picture, wrong blocks and blocks.
    """
    start = time.perf_counter()
    chain = Chain(channel_uses, order, rate, iterations)
    noise_variance = tf.constant(10 ** (-snr / 10), tf.float32)
    errors = int(chain(images, noise_variance))
    compilation = time.perf_counter() - start
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        errors += int(chain(images, noise_variance))
        seconds.append(time.perf_counter() - start)
    return {
        "seconds_per_picture": min(seconds) / images,
        "compile_seconds": compilation,
        "payload": chain.payload,
        "block_errors": errors,
        "blocks": (repeats + 1) * images,
    }


def decoder(k, n, ebno, batch, iterations=20, repeats=3, seed=1, save=None):
    """Speed of LDPC5GDecoder (boxplus-phi, flooding) under XLA, for BPSK over AWGN.

    Parameters
    ----------
    k, n : int
        Information and sent bits of a codeword.
    ebno : float
        Eb/N0 in dB.
    batch : int
        Codewords decoded together.
    iterations, repeats, seed : int
    save : path, optional
        Where to write `bits` [batch, k] and `llr` [batch, n], ln p(1)/p(0), for another decoder.

    Returns
    -------
    dict
        Seconds, information Mbit/s, block error rate.
    """
    encoder = LDPC5GEncoder(k, n)
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (batch, k)).astype(np.float32)
    variance = n / k / 2 / 10 ** (ebno / 10)
    received = 2 * encoder(tf.constant(bits)).numpy() - 1 + rng.normal(size=(batch, n)) * variance**0.5
    llr = (2 / variance * received).astype(np.float32)
    if save is not None:
        np.savez(save, bits=bits.astype(np.uint8), llr=llr)
    block = LDPC5GDecoder(encoder, num_iter=iterations)
    decode = tf.function(lambda llr: block(llr), autograph=False, jit_compile=True)
    llr = tf.constant(llr)
    decoded = decode(llr).numpy()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        decode(llr).numpy()
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": min(seconds),
        "information_mbit_per_s": batch * k / 1e6 / min(seconds),
        "bler": float((decoded != bits).any(axis=1).mean()),
    }


def scenario(path, snr=10.0, repeats=3):
    """Extrapolated time of a scenario's first separate chain without anything that linksim shares or skips.

    The time of one picture is measured for every MCS and multiplied by pictures and SNRs; a flooding decoder
    without early stop takes the same time at every SNR. An MCS that TBEncoder refuses (its code would need
    repetition) is counted like the next one that works. The codec bisects its qualities anew for every
    picture and MCS, measured on the first picture. Not counted: decoding of files, metrics, bounds, figures.

    Parameters
    ----------
    path : path
        The YAML file.
    snr : float
        Es/N0 in dB at which times are measured.
    repeats : int

    Returns
    -------
    dict
        Seconds of link, compilation and codec, their sum, and the refused MCSs with those counted instead.
    """
    from linksim import codecs, images
    from linksim.modulation.mcs import mcs_table
    from linksim.scenario.loader import load_scenario
    from linksim.systems.base import channel_uses

    loaded = load_scenario(path)
    system = next(system for system in loaded.systems if system.type == "separated")
    pictures = images.load(loaded.images).pictures
    (cbr,) = loaded.bandwidth.cbr
    uses = channel_uses(pictures[0].pixels.size, cbr)
    table = mcs_table(system.mcs.table)
    measured, instead, refused = {}, {}, []
    for index in sorted(system.mcs.candidates):
        mcs = table[index]
        try:
            measured[index] = link(uses, mcs.modulation_order, float(mcs.code_rate), snr, 1, repeats=repeats)
        except Exception:  # TBEncoder has no error of its own
            refused.append(index)
            continue
        instead.update(dict.fromkeys(refused, index))
        refused.clear()
    instead.update(dict.fromkeys(refused, max(measured)))
    counted = [measured[instead.get(index, index)] for index in sorted(system.mcs.candidates)]
    codec = codecs.create(system.codec)
    codec_seconds = sum(_bisect(codec, pictures[0].pixels, times["payload"] // 8) for times in counted)
    seconds = {
        "link_seconds": sum(times["seconds_per_picture"] for times in counted)
        * len(pictures)
        * len(loaded.channel.snr_db),
        "compile_seconds": sum(times["compile_seconds"] for times in counted),
        "codec_seconds": codec_seconds * len(pictures),
    }
    return {
        "seconds": sum(seconds.values()),
        **seconds,
        "pictures": len(pictures),
        "snrs": len(loaded.channel.snr_db),
        "mcss": len(counted),
        "counted_instead": instead,
    }


def _bisect(codec, image, budget):
    """Seconds to find the best file within a budget by bisection."""
    start = time.perf_counter()
    fits, fails = -1, len(codec.qualities)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if len(codec.encode(image, codec.qualities[middle])) <= budget:
            fits = middle
        else:
            fails = middle
    return time.perf_counter() - start


def main():
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(description="The plain Sionna chain.")
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("link", help="one MCS at one SNR")
    command.set_defaults(run=link)
    command.add_argument("--channel-uses", type=int, required=True)
    command.add_argument("--order", type=int, required=True, help="bits a symbol")
    command.add_argument("--rate", type=float, required=True)
    command.add_argument("--snr", type=float, required=True, help="Es/N0 in dB")
    command.add_argument("--images", type=int, default=1, help="pictures of one batch")
    command.add_argument("--iterations", type=int, default=20)
    command.add_argument("--repeats", type=int, default=3)

    command = commands.add_parser("decoder", help="the LDPC decoder alone, under XLA")
    command.set_defaults(run=decoder)
    command.add_argument("--k", type=int, required=True)
    command.add_argument("--n", type=int, required=True)
    command.add_argument("--ebno", type=float, required=True, help="Eb/N0 in dB")
    command.add_argument("--batch", type=int, required=True)
    command.add_argument("--iterations", type=int, default=20)
    command.add_argument("--repeats", type=int, default=3)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--save", help="write bits and LLRs to this .npz")

    command = commands.add_parser("scenario", help="a whole scenario, extrapolated")
    command.set_defaults(run=scenario)
    command.add_argument("path")
    command.add_argument("--snr", type=float, default=10.0, help="Es/N0 in dB")
    command.add_argument("--repeats", type=int, default=3)

    arguments = vars(parser.parse_args())
    print(json.dumps(arguments.pop("run")(**arguments)))


if __name__ == "__main__":
    main()
