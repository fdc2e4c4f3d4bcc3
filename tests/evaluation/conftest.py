"""A small study whose tasks are simulated by dice, and the runs that the tests compare."""

import random

import pytest

from linksim.evaluation.cases import cases_of
from linksim.evaluation.plan import Plan
from linksim.evaluation.summary import Summary
from linksim.images import load
from linksim.scenario.loader import validate

SCENARIO = {
    "name": "small",
    "seed": 3,
    "images": {"source": "patches32", "limit": 6},
    "bandwidth": {"cbr": "1/3"},
    "channel": {"model": "awgn", "snr_db": [0, 6]},
    "systems": [
        {
            "type": "separated",
            "label": "BPG",
            "mcs": {"table": "pdsch-1", "indices": [4, 9, 14, 20]},
        },
        {"type": "capacity_bound", "label": "bound"},
    ],
    "metrics": ["psnr"],
    "chunk": 4,
}


@pytest.fixture
def make_plan():
    """Build the plan of the small scenario with some fields replaced."""

    def make(**fields):
        scenario = validate({**SCENARIO, **fields}, file="small.yaml")
        pictures = load(scenario.images)
        return Plan(cases_of(scenario, pictures))

    return make


class Dice:
    """A stand-in for the physical layer: MCS i delivers 20 + i dB, or 10 dB where its blocks fail.

    A block fails with a probability that depends on the MCS and the SNR; what is sent when seeds the dice.
    """

    def __init__(self, loss):
        self.loss = loss

    def summary(self, task) -> Summary:
        count = task.pictures[1] - task.pictures[0]
        if task.point.modulation_order is None:
            return Summary(pictures=count, delivered=count, psnr_db=45.0 * count)
        delivered_db = 20.0 + float(task.point.name.rpartition("/")[2])
        dice = random.Random(f"{task.point.name} {task.pictures} {task.seed}")
        lost = 0
        if task.channel is not None:
            lost = sum(dice.random() < self.loss(task.point, task.channel.snr_db) for _ in range(count))
        return Summary(
            pictures=count,
            delivered=count - lost,
            channel_outage=lost,
            psnr_db=10.0 * lost + delivered_db * (count - lost),
        )


@pytest.fixture
def play():
    """Carry out all rounds of a plan with dice; returns the results and the tasks of every round."""

    def play(plan, loss):
        dice, results, rounds = Dice(loss), {}, []
        for tasks in plan.rounds(results):
            rounds.append(tasks)
            for task in tasks:
                results.setdefault(task.id, dice.summary(task))
        return results, rounds

    return play


@pytest.fixture
def dice():
    """The stand-in for the physical layer."""
    return Dice
