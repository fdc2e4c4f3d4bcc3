"""Learning rates and hardness over the steps of a phase, against their closed forms."""

import math

import keras
import numpy as np
import pytest

from linksim.training.recipe import HardnessSpec, LearningRateSpec
from linksim.training.schedules import Plateau, RateOverSteps, hardness


def rates(steps, total, **spec):
    rate = RateOverSteps(LearningRateSpec(**spec), total)
    return np.array([float(rate(step)) for step in steps])


def test_constant():
    np.testing.assert_allclose(rates([0, 5, 1000], 10, initial=3e-4), 3e-4, rtol=1e-6)


def test_a_cosine_goes_from_the_initial_to_the_final_rate():
    found = rates([0, 25, 50, 75, 100, 150], 100, initial=1e-3, final=1e-5, schedule="cosine")
    half = (1 + math.cos(math.pi / 4)) / 2  # of the way, a quarter of the steps done
    way = np.array([1, half, 0.5, 1 - half, 0, 0])
    np.testing.assert_allclose(found, 1e-5 + (1e-3 - 1e-5) * way, rtol=1e-4, atol=1e-10)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_warmup_rises_in_equal_steps_to_the_rate_without_it(schedule):
    steps = np.arange(12)
    plain = rates(steps, 100, initial=1e-3, schedule=schedule)
    warm = rates(steps, 100, initial=1e-3, schedule=schedule, warmup=10)
    np.testing.assert_allclose(warm, plain * np.minimum(1, (steps + 1) / 10), rtol=1e-5)


def test_an_optimiser_follows_the_schedule():
    optimizer = keras.optimizers.Adam(RateOverSteps(LearningRateSpec(initial=0.1, warmup=4), 8))
    variable = keras.Variable(1.0)
    optimizer.build([variable])
    for step in range(4):
        np.testing.assert_allclose(float(optimizer.learning_rate), 0.1 * (step + 1) / 4, rtol=1e-6)
        optimizer.apply([keras.ops.ones(())])


def test_a_schedule_says_what_it_is():
    spec = LearningRateSpec(initial=0.1, schedule="cosine")
    assert RateOverSteps(spec, 8).get_config() == {"spec": spec.model_dump(), "steps": 8}


def test_hardness_is_a_staircase_with_a_limit():
    """Eq. (22) of DeepJSCC-Q: from 5 by 5 every 100 updates, at most 20."""
    spec = HardnessSpec(start=5, step=5, every=100, limit=20)
    found = [float(hardness(spec, step)) for step in (0, 99, 100, 199, 200, 300, 400, 10_000)]
    assert found == [5, 5, 10, 10, 15, 20, 20, 20]


def test_a_plateau_counts_epochs_without_gain():
    plateau = Plateau()
    seen = [(plateau.observe(psnr_db), plateau.idle) for psnr_db in (10, 12, 11, 12, 12.5, 3)]
    assert seen == [(True, 0), (True, 0), (False, 1), (False, 2), (True, 0), (False, 1)]
    assert plateau.best == 12.5


def test_a_plateau_goes_on_where_it_was():
    plateau = Plateau(best=20.0, idle=3)
    assert not plateau.observe(20.0)
    assert (plateau.best, plateau.idle) == (20.0, 4)
