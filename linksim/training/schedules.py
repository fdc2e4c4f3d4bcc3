"""What changes with the steps of a phase: the learning rate and the hardness of a quantizer."""

import math

import keras
from keras import ops

from linksim.training.recipe import HardnessSpec, LearningRateSpec


class RateOverSteps(keras.optimizers.schedules.LearningRateSchedule):
    """Warm-up, then constant or half a cosine down to the final rate.

    Parameters
    ----------
    spec : LearningRateSpec
    steps : int
        Of the phase.
    """

    def __init__(self, spec: LearningRateSpec, steps: int):
        self._spec = spec
        self._steps = steps

    def __call__(self, step):
        spec, step = self._spec, ops.cast(step, "float32")
        rate = spec.initial
        if spec.schedule == "cosine":
            share = ops.clip(step / self._steps, 0.0, 1.0)
            rate = spec.final + (spec.initial - spec.final) * 0.5 * (1.0 + ops.cos(math.pi * share))
        return rate * ops.minimum(1.0, (step + 1.0) / spec.warmup) if spec.warmup else rate + 0.0 * step

    def get_config(self):
        return {"spec": self._spec.model_dump(), "steps": self._steps}


class Plateau:
    """Counts epochs without gain: when to lower the learning rate and when to stop.

    Parameters
    ----------
    best, idle : float, int
        Where an interrupted training was: the best validation, larger being better, and the epochs since.
    """

    def __init__(self, best=-math.inf, idle=0):
        self.best = best
        self.idle = idle

    def observe(self, value: float) -> bool:
        """Note the validation of an epoch; returns whether it is the best one yet."""
        better = value > self.best
        self.best, self.idle = (value, 0) if better else (self.best, self.idle + 1)
        return better


def hardness(spec: HardnessSpec, step):
    """σ_q after `step` updates: min(limit, start + increment·⌊step / every⌋), eq. (22) of DeepJSCC-Q."""
    stairs = ops.floor(ops.cast(step, "float32") / spec.every)
    return ops.minimum(spec.limit, spec.start + spec.step * stairs)
