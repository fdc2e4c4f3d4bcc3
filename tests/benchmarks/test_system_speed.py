"""Time and memory of whole transmissions, and time to start the program."""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from linksim import systems
from linksim.images.cropping import cover_crop
from linksim.images.photos import photograph
from linksim.images.picture import Picture
from linksim.modulation.mcs import mcs_table
from linksim.phy.link import Link
from linksim.scenario.systems import SeparatedSpec

MCS = mcs_table("pdsch-1")[15]  # 16QAM, R = .6
SNR_DB = 9.0
CBR = Fraction(1, 16)
PLAIN_LINK = ("--order", MCS.modulation_order, "--rate", float(MCS.code_rate), "--snr", SNR_DB)


def test_chain_of_a_large_picture(compare, plain_sionna):
    """768×512 pixels at CBR 1/16, its file known: one process of linksim beside Sionna on all cores."""
    import numba

    doubled = np.kron(photograph("chelsea").pixels, np.ones((2, 2, 1), np.uint8))
    picture = cover_crop(Picture("doubled", doubled), (512, 768)).pixels
    spec = SeparatedSpec(type="separated", label="chain", mcs={"policy": "fixed", "index": MCS.index})
    system = systems.create(spec)
    (point,) = system.operating_points(CBR, 0.0)
    link = Link("awgn", SNR_DB)
    assert system.transmit(picture[None], link, point, seed=1).outcomes == ("delivered",)
    plain = plain_sionna("link", "--channel-uses", 73728, *PLAIN_LINK, "--images", 4)
    compare(
        lambda: system.transmit(picture[None], link, point, seed=1),
        plain["seconds_per_picture"],
        against="the plain chain in graph mode, 1 picture of 4, all cores",
        work=(1, "pictures"),
        note=f"ours: source decoding and counts included; decoder on {numba.get_num_threads()} threads",
    )


def test_program_start(compare, program):
    start = [sys.executable, "-c", "from linksim.cli import entry_point; entry_point()", "--help"]
    assert "Usage" in program(start)
    compare(
        lambda: program(start),
        lambda: program([sys.executable, "-c", "pass"]),
        against="python -c pass",
        work=(1, "starts"),
    )


def test_peak_memory_of_a_worker(benchmark, record, peak_memory, tmp_path):
    """The largest process of a scenario of 256×384 photographs, beside the plain chain of one of its MCSs."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        """
        name: memory
        images: {source: photos, crop: [256, 384]}
        bandwidth: {cbr: 1/16}
        channel: {model: awgn, snr_db: [3, 9, 15]}
        systems: [{type: separated, label: chain, mcs: {indices: [5, 10, 15, 20, 25], decode: all}}]
        """,
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "linksim", "run", scenario, "--out", tmp_path / "run", "--fresh"]
    ours = benchmark.pedantic(peak_memory, (command,), {"LINKSIM_CACHE": tmp_path / "cache"})
    script = Path(__file__).with_name("plain_sionna.py")
    plain = peak_memory([sys.executable, script, "link", "--channel-uses", 18432, *PLAIN_LINK, "--images", 7])
    record(ours, plain, against="the plain chain, one MCS, 7 pictures", unit="MiB", note="ours: five MCSs")
