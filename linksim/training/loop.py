"""The training loop: phases of epochs, each followed by a validation and a checkpoint."""

import csv
import hashlib
import math
import os
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
from linksim.training import checkpoint
from linksim.training.channels import TrainingChannel
from linksim.training.checkpoint import Progress
from linksim.training.patches import make_tiles, photographs, validation_patches
from linksim.training.recipe import Recipe
from linksim.training.schedules import Plateau, RateOverSteps
from linksim.training.trainee import Trainee, phase_orders

#: Updates between two looks of Keras at its callbacks, where programs are compiled as a whole.
_STEPS_PER_EXECUTION = 20

COLUMNS = ("phase", "step", "seconds", "loss", "train_psnr_db", "validation_psnr_db", "divergence")


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

    tiles: np.ndarray
    size: int
    seed: int

    def of_steps(self, start: int, stop: int) -> Iterator[tuple[np.ndarray]]:
        """Batches uint8 [size, side, side, 3] of the updates from `start` to before `stop`."""
        for step in range(start, stop):
            chosen = np.random.default_rng([self.seed, step]).integers(len(self.tiles), size=self.size)
            yield (self.tiles[np.sort(chosen)],)


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
        The photographs, the weights to start from, or an earlier checkpoint cannot be used, or the training
        diverges.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress = _resumed(folder, recipe)
    paths = {split: photographs(recipe.photographs.folder, split) for split in ("train", "validation")}
    start = None if recipe.start is None else zoo.find(_start_reference(recipe.start, folder))
    tiles, validation = _tiles(recipe, paths, listener)

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
        _train_phase(
            recipe, number, codec, trainable, (tiles, validation), folder, progress, listener, link_layer
        )
    checkpoint.restore(folder / checkpoint.BEST, codec.variables)
    path = folder / f"{recipe.name}.weights.h5"
    zoo.save(codec, _card(recipe, progress, len(paths["train"])), path)
    return path


def _train_phase(recipe, number, codec, trainable, data, folder, progress, listener, link_layer):
    """One phase, from its start or from the checkpoint."""
    phase = recipe.phases[number]
    _freeze(codec, trainable, phase.train, phase_orders(recipe.model, phase))
    channel = (
        TrainingChannel(recipe.channel.model, recipe.channel.power, recipe.seed)
        if recipe.channel.through == "light"
        else link_layer(recipe.channel.model, recipe.channel.power)
    )
    trainee = Trainee(codec, channel, recipe, phase)
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
    plateau = Plateau(progress.best_db, progress.idle)
    if progress.rate is not None:
        optimizer.learning_rate = progress.rate
    tiles, validation = data
    batches = Batch(tiles, recipe.batch, recipe.seed + number)
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
        validated = trainee.evaluate(
            validation[: len(validation) // size * size], batch_size=size, verbose=0, return_dict=True
        )
        if not (math.isfinite(logs["loss"][-1]) and math.isfinite(validated["psnr_db"])):
            raise InputError(
                f"after {stop} updates the loss is no longer finite",
                field=f"phases.{number}.learning_rate",
                mend="lower it or set clip_norm, and start anew with --fresh",
            )
        progress.seconds += time.monotonic() - began
        progress.step = stop
        best = plateau.observe(float(validated["psnr_db"]))
        progress.best_db, progress.idle = plateau.best_db, plateau.idle
        line = {
            "phase": number,
            "step": stop,
            "seconds": progress.seconds,
            "loss": float(logs["loss"][-1]),
            "train_psnr_db": float(logs["psnr_db"][-1]),
            "validation_psnr_db": float(validated["psnr_db"]),
            "divergence": float(validated["divergence"]),
        }
        progress.history.append(line)
        if phase.learning_rate.schedule == "plateau" and plateau.idle and plateau.idle % patience == 0:
            optimizer.learning_rate = float(optimizer.learning_rate) * phase.learning_rate.factor
            progress.rate = float(optimizer.learning_rate)
        if best:
            checkpoint.write(folder / checkpoint.BEST, codec.variables, progress)
        checkpoint.write(folder / checkpoint.CHECKPOINT, [*trainee.variables, *optimizer.variables], progress)
        _write_history(folder / "history.csv", progress.history)
        listener.epoch(line, best)
    if number + 1 < len(recipe.phases):
        progress.phase, progress.step, progress.rate = number + 1, 0, None
        progress.best_db, progress.idle = float("-inf"), 0


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
    text = recipe.model_dump_json(exclude={"photographs": {"folder"}}, exclude_defaults=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _tiles(recipe, paths, listener):
    """Training tiles and validation patches, uint8; remembered beside the photographs."""
    spec = recipe.photographs
    folder = Path(spec.folder).expanduser() / ".tiles"
    names = [f"{path.name} {path.stat().st_size}" for split in paths for path in paths[split]]
    wanted = repr((names, spec.tile_side, spec.rescale, spec.count, spec.validation, recipe.seed))
    stem = hashlib.sha256(wanted.encode()).hexdigest()[:16]
    files = folder / f"{stem}-train.npy", folder / f"{stem}-validation.npy"
    if not all(file.exists() for file in files):
        listener.say(
            f"cutting {spec.count} tiles of {spec.tile_side} px from {len(paths['train'])} photographs"
        )
        cores = len(os.sched_getaffinity(0))
        made = (
            make_tiles(paths["train"], spec.tile_side, spec.rescale, spec.count, recipe.seed, cores),
            validation_patches(paths["validation"], spec.tile_side, spec.rescale, spec.validation),
        )
        try:
            folder.mkdir(exist_ok=True)
            for file, array in zip(files, made):
                temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
                with temporary.open("wb") as target:
                    np.save(target, array)
                temporary.replace(file)
        except OSError:  # no room or no right to write: then they are cut anew the next time
            return made
    return tuple(np.load(file, mmap_mode="r") for file in files)


def _share_among_devices(recipe):
    """Split every batch evenly where there are several devices."""
    devices = len(keras.distribution.list_devices()) if keras.backend.backend() == "jax" else 1
    sizes = {
        "batch": recipe.batch,
        "photographs.validation": min(recipe.batch, recipe.photographs.validation),
    }
    for field, size in sizes.items():
        if size % devices:
            raise InputError(
                f"{size} patches cannot be shared evenly by {devices} devices",
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
    """Give a codec the weights of another one's encoder and decoder, and the codewords that both have."""
    for part in ("encoder", "decoder"):
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

    What is neither encoder nor decoder belongs to the quantizer.
    """
    owner = {id(v): part for part in ("encoder", "decoder") for v in getattr(codec, part).variables}
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
        for line in history:
            writer.writerow({key: f"{v:.4f}" if isinstance(v, float) else v for key, v in line.items()})
    temporary.replace(path)


def _card(recipe, progress, count):
    """What the card of the weights says beyond what the file itself tells."""
    spec = recipe.photographs
    low, high = spec.rescale
    snr_db = recipe.channel.snr_db
    return {
        "model": recipe.model.name,
        "sizes": recipe.model.model_dump(exclude={"name"}, mode="json"),
        "channel": recipe.channel.model,
        "snr_db": list(snr_db) if isinstance(snr_db, tuple) else snr_db,
        "power": recipe.channel.power,
        "recipe": recipe.name,
        "recipe_digest": progress.recipe,
        "images": (
            f"{spec.count} tiles of {spec.side} px of {count} photographs at {low} to {high} of their size"
        ),
        "steps": sum({line["phase"]: line["step"] for line in progress.history}.values()),
        "batch": recipe.batch,
        "start": recipe.start,
        "device": _device(),
        "seconds": round(progress.seconds, 1),
        "seed": recipe.seed,
        "validation_psnr_db": round(progress.best_db, 4),
        "test_psnr_db": {},
        "history": [
            [line["step"], round(line["validation_psnr_db"], 4)]
            for line in progress.history
            if line["phase"] == progress.phase
        ],
        "date": datetime.now(UTC).date().isoformat(),
        "versions": _versions(),
    }


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
