"""Received pictures that a scenario asks to keep, beside their originals."""

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from linksim.evaluation.export import write_csv
from linksim.evaluation.plan import Plan
from linksim.evaluation.points import lines
from linksim.evaluation.summary import Summary
from linksim.evaluation.tasks import Task
from linksim.scenario.sweep import swept_text

_COLUMNS = (
    "file", "original", "system", "snr_db", "cbr", "mcs", "image", "name", "trial", "outcome", "task",
)  # fmt: skip


class _Wanted(NamedTuple):
    """A picture to keep: the first columns of its line in the index, and the task that shows it."""

    file: str
    original: str
    system: str
    snr_db: float
    cbr: str
    mcs: str
    image: int
    name: str
    task: Task


def keep_pictures(folder: Path, plan: Plan, results: Mapping[str, Summary], run) -> None:
    """Save the pictures that each system shows at the chosen SNRs, on the first trial that its line reports.

    Tasks are repeatable, so the pictures come from running theirs again.

    Parameters
    ----------
    folder : Path
        `pictures/` of the run folder.
    plan, results
        Of the finished run; a sweep sends the same pictures in all its cases.
    run : callable
        From a list of tasks to (task, Result) pairs that hold the pictures.
    """
    pictures = plan.cases[0].pictures
    wanted = _wanted(plan, pictures, results)
    index = folder / "index.csv"
    if _already_there(folder, index, wanted):
        return
    folder.mkdir(exist_ok=True)
    index.unlink(missing_ok=True)  # it vouches for every file
    for image in plan.scenario.pictures.images:
        _save(folder / _original(pictures, image), pictures.pictures[image].pixels)
    tasks = {entry.task.id: entry.task for entry in wanted}
    results_of = {task.id: result for task, result in run(list(tasks.values()))}
    rows = []
    for entry in wanted:
        result, place = results_of[entry.task.id], entry.image - entry.task.pictures[0]
        _save(folder / entry.file, result.pictures[place])
        outcome = result.rows[place].outcome
        rows.append([*entry[:-1], entry.task.trial, outcome, entry.task.id])
    write_csv(index, _COLUMNS, rows)


def _wanted(plan, pictures, results):
    last = {}
    for line in lines(plan, results):
        if line.series.channel.snr_db in _nearest_snrs(plan.case(line.series).scenario):
            # The last line of a series is its policy's.
            last[line.series.case, line.point.cbr, line.series.channel.snr_db] = line
    labels = [_label(case) for case in plan.cases]
    slugs = _distinct([_slug(label) for label in labels])
    found = []
    for (case, cbr, snr_db), line in last.items():
        scenario, label = plan.cases[case].scenario, labels[case]
        many = f"_cbr{_slug(str(cbr))}" if len(scenario.bandwidth.cbr) > 1 else ""
        first_trial = len(plan.trials(line.series, results).of(line.point)) - len(line.trials)
        for task in plan.tasks(line.series, line.point, first_trial):
            for image in scenario.pictures.images:
                if task.pictures[0] <= image < task.pictures[1]:
                    file = f"{_name(pictures, image)}_{snr_db:g}dB{many}_{slugs[case]}.png"
                    original, name = _original(pictures, image), pictures.pictures[image].name
                    entry = (file, original, label, snr_db, str(cbr), line.mcs, image, name, task)
                    found.append(_Wanted(*entry))
    return found


def _nearest_snrs(scenario):
    """The swept SNRs at which pictures are kept."""
    swept = sorted(scenario.channel.snr_db)
    return {min(swept, key=lambda snr_db: abs(snr_db - wish)) for wish in scenario.pictures.snr_db}


def _label(case):
    """The system's label, with the values of swept fields."""
    return ", ".join([case.spec.label, *(swept_text(path, value) for path, value in case.swept.items())])


def _distinct(slugs):
    """Labels that differ in punctuation only must not share a file name."""
    return [slug if slugs.count(slug) == 1 else f"{slug}-{i}" for i, slug in enumerate(slugs)]


def _already_there(folder, index, wanted):
    files = {file for entry in wanted for file in (entry.file, entry.original)}
    if not index.exists() or not all((folder / file).exists() for file in files):
        return False
    with index.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != list(_COLUMNS):
            return False
        kept = [(line["file"], line["system"], line["task"]) for line in reader]
    return kept == [(entry.file, entry.system, entry.task.id) for entry in wanted]


def _save(path, pixels):
    temporary = path.with_suffix(".part")
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(temporary, format="PNG")
    temporary.replace(path)


def _original(pictures, image):
    return f"{_name(pictures, image)}_original.png"


def _name(pictures, image):
    digits = max(1, math.ceil(math.log10(len(pictures.pictures) + 1)))
    return f"{image:0{digits}d}-{_slug(Path(pictures.pictures[image].name).stem)}"


def _slug(text):
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-").lower()
