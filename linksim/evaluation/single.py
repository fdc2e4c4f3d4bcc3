"""Sends one picture over one link: a study of one picture, one SNR and one system."""

from dataclasses import dataclass

import numpy as np

from linksim import zoo
from linksim.evaluation import points
from linksim.evaluation.cases import cases_of
from linksim.evaluation.executors import InProcess
from linksim.evaluation.plan import Plan
from linksim.evaluation.work import Worker
from linksim.images.picture import Picture, PictureSet
from linksim.scenario.errors import InputError
from linksim.scenario.loader import validate
from linksim.scenario.systems import MCS_TABLES


@dataclass(frozen=True)
class Delivery:
    """What arrived.

    Attributes
    ----------
    picture : uint8 [H, W, C]
    line : dict
        Its line of results.
    named : int or None
        The class that the receiver names; None where it names none.
    """

    picture: np.ndarray
    line: dict
    named: int | None


def separated(codec: str, code: str, table: str | None, index: int | None) -> dict:
    """A separate chain as a scenario writes it.

    Parameters
    ----------
    codec, code : str
        YAML names of a codec and a channel code.
    table : str or None
        MCS table; None takes the code's first.
    index : int or None
        An MCS; None takes the one that shows the best picture (the envelope).
    """
    table = table or next(name for name, facts in MCS_TABLES.items() if facts.code == code)
    mcs = {"table": table} if index is None else {"table": table, "policy": "fixed", "index": index}
    return {
        "type": "separated",
        "label": codec,
        "codec": {"name": codec},
        "code": {"name": code},
        "mcs": mcs,
    }


def send(
    picture: Picture, *, system: dict, snr_db: float, cbr: str | None, channel: str, seed: int
) -> Delivery:
    """Send a picture.

    Parameters
    ----------
    picture : Picture
    system : dict
        An entry of `systems`, as a scenario writes it.
    snr_db : float
        Es/N0 in dB.
    cbr : str or None
        Channel bandwidth ratio, as `1/16`; None takes that of the weights, or 1/16. At a variable rate the
        picture gets what comes nearest to it.
    channel : str
        YAML name of a channel.
    seed : int
        Of the channel.

    Raises
    ------
    InputError
        Naming the field of the scenario that these make.
    """
    made_for = _made_for(system)
    cbr = cbr or str(made_for or "1/16")
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
    if made_for not in (None, *scenario.bandwidth.cbr):
        raise InputError(
            f"{system['weights']} is made for CBR {made_for}, not {cbr}",
            field="bandwidth.cbr",
            mend=f"leave it out, or write {made_for}",
        )
    pictures = PictureSet((picture,))
    plan = Plan(cases_of(scenario, pictures))
    executor = InProcess(Worker(plan.cases))
    results = {}
    for tasks in plan.rounds(results):
        for task, result in executor.run([task for task in tasks if task.id not in results]):
            results[task.id] = result.summary
    line = list(points.lines(plan, results))[-1]
    (task,) = plan.tasks(line.series, line.point, 0)
    ((_, result),) = executor.run([task], keep_pictures=True)
    named = None if result.classes is None else int(result.classes[0])
    return Delivery(result.pictures[0], points.values(plan, line), named)


def _made_for(system):
    """The CBR of a learned system's weights; None for a variable rate and for other systems."""
    if system["type"] != "learned":
        return None
    try:
        return zoo.find(system["weights"]).card.cbr
    except InputError as error:
        raise error.at("systems.0.weights") from error
