"""Time of whole transmissions and of starting the program."""

import subprocess
import sys
from fractions import Fraction
from itertools import islice

import numpy as np

from linksim import systems
from linksim.images.patches32 import patches
from linksim.phy.link import Link
from linksim.phy.modem import modem
from linksim.scenario.systems import SeparatedSpec


def test_separate_chain(compare):
    """Four pictures of 32×32, their files remembered, beside the modem alone on the same bits."""
    images = np.stack([picture.pixels for picture in islice(patches(), 4)])
    spec = SeparatedSpec(type="separated", label="chain", mcs={"policy": "fixed", "index": 14})
    system = systems.create(spec)
    (point,) = system.operating_points(Fraction(1, 12))
    link = Link("awgn", 12.0)
    channel = modem(256, point.modulation_order, point.code_rate, spec.code.decoder, spec.code.iterations)
    payload = np.random.default_rng(1).integers(0, 2, (4, channel.payload)).astype(np.float32)
    compare(
        lambda: system.transmit(images, link, point, seed=1),
        lambda: channel.transmit(payload, link),
        against="the modem alone",
        work=(4, "pictures"),
    )


def test_program_start(compare):
    def run(code, *arguments):
        return subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)

    start = "from linksim.cli import entry_point; entry_point()"
    assert b"Usage" in run(start, "--help").stdout
    compare(
        lambda: run(start, "--help"),
        lambda: run("pass"),
        against="python -c pass",
        work=(1, "starts"),
    )
