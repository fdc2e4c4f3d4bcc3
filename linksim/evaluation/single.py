"""Sends one picture over one link: a study of one picture, one SNR and one system."""

from dataclasses import dataclass

import numpy as np

from linksim.evaluation import points
from linksim.evaluation.executors import InProcess
from linksim.evaluation.plan import Plan, resolve
from linksim.evaluation.work import Worker
from linksim.images.picture import Picture, PictureSet
from linksim.scenario.loader import validate


@dataclass(frozen=True)
class Delivery:
    """What arrived: the picture, uint8 `[H, W, C]`, and its line of results."""

    picture: np.ndarray
    line: dict


def send(
    picture: Picture,
    *,
    codec: str,
    code: str,
    table: str,
    index: int | None,
    snr_db: float,
    cbr: str,
    channel: str,
    seed: int,
) -> Delivery:
    """Send a picture through a separate chain.

    Parameters
    ----------
    picture : Picture
    codec : str
        YAML name of a codec.
    code : str
        YAML name of a channel code.
    table : str
        MCS table.
    index : int or None
        An MCS; None takes the one that shows the best picture (the envelope).
    snr_db : float
        Es/N0 in dB.
    cbr : str
        Channel bandwidth ratio, as `1/16`.
    channel : str
        YAML name of a channel.
    seed : int
        Of the channel.
    """
    mcs = {"table": table} if index is None else {"table": table, "policy": "fixed", "index": index}
    system = {
        "type": "separated",
        "label": codec,
        "codec": {"name": codec},
        "code": {"name": code},
        "mcs": mcs,
    }
    scenario = validate(
        {
            "name": "send",
            "seed": seed,
            "images": {"source": "photos"},  # a schema needs one; the picture is handed over below
            "bandwidth": {"cbr": cbr},
            "channel": {"model": channel, "snr_db": snr_db},
            "systems": [system],
        },
        file="linksim send",
    )
    pictures = PictureSet((picture,))
    scenario = resolve(scenario, pictures)
    plan = Plan(scenario, pictures)
    executor = InProcess(Worker(scenario, pictures))
    results = {}
    for tasks in plan.rounds(results):
        for task, result in executor.run([task for task in tasks if task.id not in results]):
            results[task.id] = result.summary
    line = list(points.lines(plan, results))[-1]
    (task,) = plan.tasks(line.series, line.point, 0)
    ((_, result),) = executor.run([task], keep_pictures=True)
    return Delivery(result.pictures[0], points.values(plan, line))
