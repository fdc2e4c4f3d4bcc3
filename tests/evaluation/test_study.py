"""The driver: what earlier sessions left may save work but not change a decision."""

import json
import random

import pytest

from linksim.evaluation.store import Store
from linksim.evaluation.study import run_study
from linksim.evaluation.work import Result


class Silent:
    """Progress that nobody watches; counts finished tasks."""

    def __init__(self):
        self.tasks = 0

    def round(self, number, tasks, finished):
        pass

    def task(self):
        self.tasks += 1


class Players:
    """An executor that throws dice and is interrupted after some tasks."""

    def __init__(self, dice, patience):
        self.dice, self.patience = dice, patience

    def run(self, tasks, keep_pictures=False):
        # Workers finish in any order.
        for task in random.Random(len(tasks)).sample(tasks, len(tasks)):
            if self.patience == 0:
                raise KeyboardInterrupt
            self.patience -= 1
            yield task, Result((), self.dice.summary(task), 0.0)

    def describe(self):
        return {"workers": 1}

    def close(self):
        pass


STOP = {"trials": 2, "max_trials": 16, "psnr_halfwidth_db": 2.0}


def loss(point, snr_db):
    return 0.9 if snr_db < float(point.name.rpartition("/")[2]) / 2 else 0.2


@pytest.fixture
def carry_out(make_plan, dice):
    def carry_out(folder, patience, **fields):
        plan = make_plan(**{"stop": STOP, **fields})
        store, progress = Store(folder), Silent()
        outcome = run_study(
            plan, "", store, folder, 1, progress,
            start=lambda *_: Players(dice(loss), patience),
        )  # fmt: skip
        store.close()
        assert progress.tasks == outcome.tasks
        return outcome

    return carry_out


def told_complete(folder):
    """Whether a run's provenance says that it came to its end."""
    return json.loads((folder / "provenance.json").read_text())["complete"]


@pytest.mark.parametrize("patience", [7, 20, 45])
def test_interrupted_runs_end_in_the_same_results(carry_out, tmp_path, patience):
    assert carry_out(tmp_path / "whole", -1).complete
    outcome = carry_out(tmp_path / "parts", patience)
    while not outcome.complete:
        assert not told_complete(tmp_path / "parts")
        outcome = carry_out(tmp_path / "parts", patience)
    assert told_complete(tmp_path / "parts")
    assert (tmp_path / "parts/results.csv").read_bytes() == (tmp_path / "whole/results.csv").read_bytes()


def test_a_finished_run_has_nothing_to_do(carry_out, tmp_path):
    carry_out(tmp_path, -1)
    assert carry_out(tmp_path, -1).tasks == 0


def test_after_an_edit_only_current_points_are_exported_and_old_tasks_kept(carry_out, tmp_path):
    carry_out(tmp_path / "edited", -1, channel={"model": "awgn", "snr_db": [0, 6, 9]})
    assert carry_out(tmp_path / "edited", -1).tasks == 0
    carry_out(tmp_path / "direct", -1)
    assert (tmp_path / "edited/results.csv").read_bytes() == (tmp_path / "direct/results.csv").read_bytes()


def test_fewer_trials_after_more_give_the_results_of_fewer(carry_out, tmp_path):
    carry_out(tmp_path / "edited", -1, stop={"trials": 8})
    carry_out(tmp_path / "edited", -1, stop={"trials": 2})
    carry_out(tmp_path / "direct", -1, stop={"trials": 2})
    assert (tmp_path / "edited/results.csv").read_bytes() == (tmp_path / "direct/results.csv").read_bytes()
