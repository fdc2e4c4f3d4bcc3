"""The training loop: phases of epochs, each followed by a validation and a checkpoint."""

import csv
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from linksim import __version__, jscc, zoo
from linksim.scenario.errors import InputError
from linksim.training import checkpoint, data
from linksim.training.channels import TrainingChannel
from linksim.training.checkpoint import Progress
from linksim.training.data import Data, Examples
from linksim.training.recipe import Recipe
from linksim.training.schedules import Plateau, RateOverSteps
from linksim.training.trainee import Trainee, phase_orders

#: Updates between two looks of Keras at its callbacks, where programs are compiled as a whole.
_STEPS_PER_EXECUTION = 20

COLUMNS = (
    "phase", "step", "seconds", "loss", "train_psnr_db", "validation_psnr_db", "divergence",
    "validation_loss", "train_accuracy", "validation_accuracy", "rate_bpp", "cbr",
)  # fmt: skip


class Listener(Protocol):
    """Hears how a training gets on."""

    def say(self, text: str) -> None:
        """Something that takes a while begins, or a file was written."""

    def update(self, done: int, total: int, loss: float) -> None:
        """Some updates later; the running mean loss of the epoch."""

    def epoch(self, line: dict, best: bool) -> None:
        """An epoch has been validated: its line of the history, and whether it is the best of the phase."""


@dataclass(frozen=True)
class Batch:
    """Draws the batches of a recipe: batch t depends on seed and t only, so that resuming repeats none."""

    examples: Examples
    size: int
    seed: int

    def of_steps(self, start: int, stop: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Pictures uint8 [size, side, side, 3], and labels, of the updates from `start` to before `stop`."""
        for step in range(start, stop):
            chosen = np.random.default_rng([self.seed, step]).integers(len(self.examples), size=self.size)
            yield self.examples[np.sort(chosen)]


def train(recipe: Recipe, folder: Path, listener: Listener, link_layer: Callable | None = None) -> Path:
    """Train the weights of a recipe, or go on where a checkpoint in the folder stands.

    Parameters
    ----------
    recipe : Recipe
    folder : Path
        Receives `checkpoint.npz`, `best.npz`, `history.csv` and at last NAME.weights.h5 with its card.
    listener : Listener
    link_layer : callable (model, power) -> keras layer, optional
        The physical layer's, for recipes with `channel.through: sionna`.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    InputError
        The pictures, the weights to start from, or an earlier checkpoint cannot be used, or the training
        diverges.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress = _resumed(folder, recipe)
    start = None if recipe.start is None else zoo.find(_start_reference(recipe.start, folder))
    pictures = data.load(recipe, listener)

    _share_among_devices(recipe)
    keras.utils.set_random_seed(recipe.seed)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        codec = jscc.create(recipe.model.name, **recipe.model.model_dump(exclude={"name"}))
    finally:
        keras.config.set_dtype_policy(policy)
    if start is not None:
        _take_over(codec, zoo.load(start), start)
    trainable = list(codec.trainable_variables)
    for number in range(progress.phase, len(recipe.phases)):
        _train_phase(recipe, number, codec, trainable, pictures, folder, progress, listener, link_layer)
    checkpoint.restore(folder / checkpoint.BEST, codec.variables)
    path = folder / f"{recipe.name}.weights.h5"
    shipped = start is not None and start.reference.startswith("zoo:")
    base = start if shipped and start.card.model == recipe.model.name and codec.kernel_step else None
    zoo.save(codec, _card(recipe, progress, pictures), path, base)
    return path


def _train_phase(recipe, number, codec, trainable, pictures, folder, progress, listener, link_layer):
    """One phase, from its start or from the checkpoint."""
    phase = recipe.phases[number]
    _freeze(codec, trainable, phase.train, phase_orders(recipe.model, phase))
    trainee = Trainee(codec, _channel(recipe, link_layer), recipe, phase)
    optimizer = keras.optimizers.Adam(
        _rate(phase), beta_1=recipe.beta[0], beta_2=recipe.beta[1], global_clipnorm=recipe.clip_norm
    )
    compiled = keras.backend.backend() == "jax"  # XLA makes TensorFlow slower on a CPU
    trainee.compile(
        optimizer=optimizer, jit_compile=compiled, steps_per_execution=_STEPS_PER_EXECUTION if compiled else 1
    )
    optimizer.build(trainee.trainable_variables)
    if progress.step:
        checkpoint.restore(folder / checkpoint.CHECKPOINT, [*trainee.variables, *optimizer.variables])
    plateau = Plateau(progress.best, progress.idle)
    if progress.rate is not None:
        optimizer.learning_rate = progress.rate
    validation = pictures.validation
    batches = Batch(pictures.training, recipe.batch, recipe.seed + number)
    patience = phase.learning_rate.patience
    while not _finished(recipe, phase, progress):
        stop = min(progress.step + recipe.epoch, phase.steps)
        began = time.monotonic()
        logs = trainee.fit(
            batches.of_steps(progress.step, stop),
            steps_per_epoch=stop - progress.step,
            shuffle=False,
            verbose=0,
            callbacks=[_Live(listener, progress.step, phase.steps)],
        ).history
        size = min(recipe.batch, len(validation))
        whole = validation[: len(validation) // size * size]
        validated = trainee.evaluate(*whole, batch_size=size, verbose=0, return_dict=True)
        # What classifies or trades rate for distortion is chosen by all that it is trained for.
        by_loss = "accuracy" in validated or phase.rate > 0
        chosen_by = -validated["loss"] if by_loss else validated["psnr_db"]
        if not (math.isfinite(logs["loss"][-1]) and math.isfinite(chosen_by)):
            raise InputError(
                f"after {stop} updates the loss is no longer finite",
                field=f"phases.{number}.learning_rate",
                mend="lower it or set clip_norm, and start anew with --fresh",
            )
        progress.seconds += time.monotonic() - began
        progress.step = stop
        best = plateau.observe(chosen_by)
        progress.best, progress.idle = plateau.best, plateau.idle
        line = {
            "phase": number,
            "step": stop,
            "seconds": progress.seconds,
            "loss": float(logs["loss"][-1]),
            "train_psnr_db": float(logs["psnr_db"][-1]),
            "validation_psnr_db": float(validated["psnr_db"]),
            "divergence": float(validated["divergence"]),
            "validation_loss": float(validated["loss"]),
        }
        if "accuracy" in validated:
            line["train_accuracy"] = float(logs["accuracy"][-1])
            line["validation_accuracy"] = float(validated["accuracy"])
        if recipe.model.name in jscc.CLASSIFIERS:  # it shows no pictures of its own
            del line["train_psnr_db"], line["validation_psnr_db"]
        if phase.rate > 0:
            line["rate_bpp"] = float(validated["rate"])
        if codec.rates:
            line["cbr"] = float(validated["cbr"])
        progress.history.append(line)
        if phase.learning_rate.schedule == "plateau" and plateau.idle and plateau.idle % patience == 0:
            optimizer.learning_rate = float(optimizer.learning_rate) * phase.learning_rate.factor
            progress.rate = float(optimizer.learning_rate)
        if best:
            progress.best_line = line
            checkpoint.write(folder / checkpoint.BEST, codec.variables, progress)
        checkpoint.write(folder / checkpoint.CHECKPOINT, [*trainee.variables, *optimizer.variables], progress)
        _write_history(folder / "history.csv", progress.history)
        listener.epoch(line, best)
    if number + 1 < len(recipe.phases):
        progress.phase, progress.step, progress.rate = number + 1, 0, None
        progress.best, progress.idle = float("-inf"), 0


def _channel(recipe, link_layer):
    spec = recipe.channel
    if spec is None:
        return None
    if spec.through == "sionna":
        return link_layer(spec.model, spec.power)
    return TrainingChannel(spec.model, spec.power, recipe.seed)


def _finished(recipe, phase, progress):
    """Whether a phase has made its updates, or goes on without gain for too long."""
    return progress.step >= phase.steps or (
        recipe.early_stopping is not None and progress.idle >= recipe.early_stopping
    )


class _Live(keras.callbacks.Callback):
    """Tells the listener the loss about once a second: reading it waits for the device."""

    def __init__(self, listener, start, total):
        super().__init__()
        self._listener, self._start, self._total = listener, start, total
        self._next = time.monotonic() + 1

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() >= self._next:
            self._listener.update(self._start + batch + 1, self._total, float(logs["loss"]))
            self._next = time.monotonic() + 1


def _resumed(folder, recipe):
    """The progress of an earlier session of the same recipe, or a new one."""
    digest = recipe_digest(recipe)
    progress = checkpoint.read_progress(folder / checkpoint.CHECKPOINT)
    if progress is None:
        return Progress(digest)
    if progress.recipe != digest:
        raise InputError(
            "the folder holds a training of another recipe",
            file=str(folder),
            mend="choose another --out, or --fresh",
        )
    return progress


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 of everything in a recipe that can change the weights, hexadecimal.

    Fields that have their default values are left out, so that a new field does not orphan older weights.
    """
    places = {"photographs": {"folder"}, "labelled": {"path"}}
    text = recipe.model_dump_json(exclude=places, exclude_defaults=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _share_among_devices(recipe):
    """Split every batch evenly where there are several devices."""
    devices = len(keras.distribution.list_devices()) if keras.backend.backend() == "jax" else 1
    sizes = {
        "batch": recipe.batch,
        f"{'photographs' if recipe.photographs else 'labelled'}.validation": min(
            recipe.batch, recipe.validation
        ),
    }
    for field, size in sizes.items():
        if size % devices:
            raise InputError(
                f"{size} pictures cannot be shared evenly by {devices} devices",
                field=field,
                mend="write a multiple of their number",
            )
    if devices > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())


def _start_reference(start, folder):
    """MODEL/NAME stands for what was trained in a folder beside this one; anything else for itself."""
    beside = folder.resolve().parents[1] / start / f"{Path(start).name}.weights.h5"
    return str(beside) if beside.exists() else start


def _take_over(codec, source, weights):
    """Give a codec the weights of another one's networks, and the codewords that both have."""
    for part in codec.parts:
        if part not in source.parts:
            continue  # it starts afresh
        target, values = getattr(codec, part), getattr(source, part).get_weights()
        if [value.shape for value in values] != [tuple(variable.shape) for variable in target.weights]:
            raise InputError(
                f"the {part} of {weights.reference} has other sizes",
                field="start",
                mend="name weights of equal sizes",
            )
        target.set_weights(values)
    codec.take_codewords(source)


def _freeze(codec, trainable, parts, orders):
    """Let the named parts be trained only, and of them what the modulation orders use.

    What is no part of the codec belongs to the quantizer.
    """
    for part in codec.parts:
        # What is frozen as a whole infers in training too: its running statistics stay.
        getattr(codec, part).trainable = parts is None or part in parts
    owner = {id(v): part for part in codec.parts for v in getattr(codec, part).variables}
    owner |= {id(v): "nobody" for v in codec.unused_variables(orders)}
    for variable in trainable:
        part = owner.get(id(variable), "quantizer")
        variable.trainable = part != "nobody" and (parts is None or part in parts)


def _rate(phase):
    spec = phase.learning_rate
    return spec.initial if spec.schedule == "plateau" else RateOverSteps(spec, phase.steps)


def _write_history(path, history):
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for line in history:  # columns that a line lacks stay empty
            writer.writerow({key: f"{v:.4f}" if isinstance(v, float) else v for key, v in line.items()})
    temporary.replace(path)


def _card(recipe, progress, pictures: Data):
    """What the card of the weights says beyond what the file itself tells."""
    channel = recipe.channel and recipe.channel.model_dump(mode="json")
    best = progress.best_line
    return {
        "model": recipe.model.name,
        "sizes": recipe.model.model_dump(exclude={"name"}, mode="json"),
        "channel": channel and channel["model"],
        "snr_db": channel and channel["snr_db"],
        "power": channel and channel["power"],
        "recipe": recipe.name,
        "recipe_digest": progress.recipe,
        "images": pictures.description,
        "steps": sum({line["phase"]: line["step"] for line in progress.history}.values()),
        "batch": recipe.batch,
        "start": recipe.start,
        "device": _device(),
        "seconds": round(progress.seconds, 1),
        "seed": recipe.seed,
        "validation_psnr_db": _rounded(best.get("validation_psnr_db")),
        "validation_accuracy": _rounded(best.get("validation_accuracy")),
        "validation_rate_bpp": _rounded(best.get("rate_bpp")),
        "validation_cbr": _rounded(best.get("cbr")),
        "test_psnr_db": {},
        "test_accuracy": {},
        "history": [
            [line["step"], round(line["validation_psnr_db"], 4)]
            for line in progress.history
            if "validation_psnr_db" in line and line["phase"] == progress.phase
        ],
        "date": datetime.now(UTC).date().isoformat(),
        "versions": _versions(),
    }


def _rounded(number):
    return None if number is None else round(number, 4)


def _device():
    devices = keras.distribution.list_devices()
    return f"{len(devices)} x {devices[0]} ({keras.backend.backend()})"


def _versions():
    found = {"linksim": __version__}
    for package in ("keras", "jax", "tensorflow", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
