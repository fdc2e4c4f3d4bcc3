"""Studies over OFDM, precoded and amplified links: channel points, task ids, whole runs."""

import csv
import subprocess
import sys

import pytest
import yaml

from linksim.evaluation.plan import Plan
from linksim.evaluation.tasks import ChannelPoint, seed_of
from linksim.scenario.channels import OFDM
from linksim.scenario.link import Rapp
from linksim.scenario.loader import validate

TDL = {"model": "ofdm", "profile": "tdl-a", "fft_size": 32, "snr_db": [0, 20]}


def ids(plan):
    return {task.id for task in plan.all_tasks()}


def test_channel_points_of_before_keep_their_names():
    """Ids and seeds hash them: a study that was run before OFDM came goes on."""
    point = ChannelPoint("awgn", 4.0, "measured")
    assert repr(point) == "ChannelPoint(model='awgn', snr_db=4.0, power='measured')"
    assert seed_of(7, point, 0, 0) == 605_410_653


def test_channel_points_tell_everything_apart():
    points = [
        ChannelPoint("ofdm", 4.0, "measured", ofdm=OFDM()),
        ChannelPoint("ofdm", 4.0, "measured", ofdm=OFDM(speed_kmh=30)),
        ChannelPoint("ofdm", 4.0, "measured", "ls", "nn", ofdm=OFDM()),
        ChannelPoint("ofdm", 4.0, "measured", "ls", "lin", ofdm=OFDM()),
        ChannelPoint("awgn", 4.0, "measured", amplifier=Rapp()),
        ChannelPoint("awgn", 4.0, "measured", amplifier=Rapp(backoff_db=4)),
        ChannelPoint("awgn", 4.0, "measured"),
    ]
    assert len({repr(point) for point in points}) == len(set(points)) == len(points)
    seeds = [seed_of(7, point, 0, 0) for point in points]
    assert seeds[0] == seeds[2] == seeds[3] != seeds[1]  # the same gains, whoever knows them
    assert seeds[4] == seeds[5] == seeds[6]


def test_task_ids_know_the_link(make_plan):
    seen = set()
    for fields in (
        {"channel": TDL},
        {"channel": TDL, "link": {"csi": "ls"}},
        {"channel": TDL, "link": {"csi": "ls", "interpolation": "nn"}},
        {"channel": TDL | {"rx_antennas": 2}},
        {"link": {"amplifier": {}}},
        {},
    ):
        found = {task.id for task in make_plan(**fields).all_tasks() if task.channel is not None}
        assert not found & seen
        seen |= found


def test_the_default_interpolation_is_linear(make_plan):
    said, unsaid = (
        make_plan(channel=TDL, link=link) for link in ({"csi": "ls", "interpolation": "lin"}, {"csi": "ls"})
    )
    assert ids(said) == ids(unsaid)


def test_the_bound_has_trials_where_gains_are_drawn(make_plan):
    block = {"model": "rayleigh_block", "snr_db": [0, 6]}
    for fields, count in (
        ({}, 1),
        ({"channel": block}, 1),
        ({"channel": block, "link": {"csi": "both"}}, 3),
        ({"channel": TDL}, 3),
    ):
        plan: Plan = make_plan(**fields, stop={"trials": 3})
        assert {task.trial for task in plan.all_tasks() if task.case == 1} == set(range(count))


@pytest.fixture(scope="module")
def run(tiny_weights, tmp_path_factory):
    """The lines of results.csv of a study with a learned system, the separate chain and the bound."""

    def run(**fields):
        codec = {"name": "jpeg2000"}
        study = {
            "name": "channels",
            "images": {"source": "patches32", "limit": 4},
            "bandwidth": {"cbr": "1/6"},
            "systems": [
                {"type": "learned", "label": "learned", "weights": str(tiny_weights)},
                {"type": "separated", "label": "chain", "codec": codec, "mcs": {"indices": [2, 20]}},
                {"type": "capacity_bound", "label": "bound", "codec": codec},
            ],
            "stop": {"trials": 4},
            "metrics": ["psnr"],
            "figures": [],
            **fields,
        }
        validate(study, file="study.yaml")
        folder = tmp_path_factory.mktemp("channels")
        (folder / "study.yaml").write_text(yaml.safe_dump(study))
        words = ["run", folder / "study.yaml", "--out", folder / "run", "--workers", "1"]
        subprocess.run([sys.executable, "-m", "linksim", *words], check=True, capture_output=True)
        with (folder / "run" / "results.csv").open() as file:
            return list(csv.DictReader(file))

    return run


def psnr_db(lines, system, snr_db):
    (found,) = (
        float(line["psnr_db"])
        for line in lines
        if line["system"] == system
        and float(line["snr_db"]) == snr_db
        and not line["mcs"].startswith("pdsch")
    )
    return found


@pytest.mark.parametrize("csi", ["perfect", "ls"])
def test_a_study_over_tdl(run, csi):
    lines = run(channel=TDL, link={"csi": csi})
    assert {line["channel"] for line in lines} == {"ofdm/tdl-a"}
    assert {line["pilot_overhead"] for line in lines} == {"0.1429"}
    for system in ("learned", "chain", "bound"):
        assert psnr_db(lines, system, 20) > psnr_db(lines, system, 0)
    assert psnr_db(lines, "bound", 20) > psnr_db(lines, "chain", 20)


def test_a_study_with_an_amplifier_and_precoding(run):
    lines = run(
        channel={"model": "rayleigh_block", "snr_db": [20]},
        link={"csi": "both", "amplifier": {"backoff_db": 0}},
    )
    assert {line["pilot_overhead"] for line in lines} == {""}
    powers = {line["system"]: line["tx_power_db"] for line in lines}
    assert float(powers["chain"]) < -0.5  # behind the amplifier
    assert psnr_db(lines, "bound", 20) > psnr_db(lines, "chain", 20)
