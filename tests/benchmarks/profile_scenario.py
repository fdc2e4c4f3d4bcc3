"""Where the time of a scenario goes: carries it out in this process and prints the share of each stage.

python tests/benchmarks/profile_scenario.py scenarios/photos_awgn.yaml [channel.snr_db=[0,10] …]
"""

import cProfile
import os
import pstats
import sys
import tempfile

from linksim import images
from linksim.evaluation.cases import cases_of
from linksim.evaluation.plan import Plan
from linksim.evaluation.work import Worker
from linksim.scenario.loader import load_scenario

#: Stages by the end of the path of a module and a function in it; what one calls counts to it.
STAGES = {
    "source encoding (rate search)": ("codecs/rate_search.py", "_look_for"),
    "source decoding": ("codecs/rate_search.py", "decoded"),
    "channel encoding and mapping": ("phy/modem.py", "modulate"),
    "link": ("phy/link.py", "transmit"),
    "demapping": ("phy/modulation.py", "demap"),
    "LDPC decoding": ("phy/ldpc/min_sum.py", "__call__"),
    "rest of transport block decoding": ("phy/transport_block.py", "decode"),
    "metrics": ("evaluation/work.py", "_measure"),
}


def main(path, *overrides):
    """Print seconds and share of each stage."""
    scenario = load_scenario(path, overrides)
    pictures = images.load(scenario.images)
    plan, results = Plan(cases_of(scenario, pictures)), {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LINKSIM_CACHE"] = folder
        import linksim.phy  # noqa: F401  start-up is not what is looked at

        worker, profile = Worker(plan.cases), cProfile.Profile()
        profile.enable()
        for tasks in plan.rounds(results):
            for task in sorted(tasks, key=lambda task: (task.point.name, task.pictures)):
                results[task.id] = worker.execute(task).summary
        profile.disable()
    stats = pstats.Stats(profile)
    seconds = {
        stage: sum(
            values[3]
            for (file, _, function), values in stats.stats.items()
            if file.endswith(module) and function == name
        )
        for stage, (module, name) in STAGES.items()
    }
    seconds["rest of transport block decoding"] -= seconds["LDPC decoding"]
    seconds["everything else"] = stats.total_tt - sum(seconds.values())
    print(f"{len(results)} tasks, {stats.total_tt:.1f} s in one process")
    for stage, value in seconds.items():
        print(f"{value:8.1f} s  {value / stats.total_tt:4.0%}  {stage}")


if __name__ == "__main__":
    main(*sys.argv[1:])
