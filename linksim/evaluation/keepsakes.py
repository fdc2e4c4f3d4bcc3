"""Received pictures that a scenario asks to keep, beside their originals."""

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from linksim.evaluation.export import write_csv
from linksim.evaluation.plan import Plan
from linksim.evaluation.points import lines
from linksim.evaluation.summary import Summary
from linksim.images.picture import PictureSet

_COLUMNS = ("file", "system", "snr_db", "cbr", "mcs", "image", "task")


def keep_pictures(
    folder: Path, plan: Plan, pictures: PictureSet, results: Mapping[str, Summary], run
) -> None:
    """Save the pictures that each system shows at the chosen SNRs, on the first trial that its line reports.

    Tasks are repeatable, so the pictures come from running theirs again.

    Parameters
    ----------
    folder : Path
        `pictures/` of the run folder.
    plan, pictures, results
        Of the finished run.
    run : callable
        From a list of tasks to (task, Result) pairs that hold the pictures.
    """
    wanted = _wanted(plan, pictures, results)
    index = folder / "index.csv"
    if _already_there(folder, index, wanted):
        return
    folder.mkdir(exist_ok=True)
    for image in plan.scenario.pictures.images:
        _save(folder / f"{_name(pictures, image)}_original.png", pictures.pictures[image].pixels)
    tasks = {task.id: task for *_, task in wanted}
    shown = {task.id: result.pictures for task, result in run(list(tasks.values()))}
    for file, *_, image, task in wanted:
        _save(folder / file, shown[task.id][image - task.pictures[0]])
    write_csv(index, _COLUMNS, _index_rows(wanted))


def _wanted(plan, pictures, results):
    scenario = plan.scenario
    swept = sorted(scenario.channel.snr_db)
    chosen = {min(swept, key=lambda snr_db: abs(snr_db - wish)) for wish in scenario.pictures.snr_db}
    last = {}
    for line in lines(plan, results):
        if line.series.channel.snr_db in chosen:
            # The last line of a series is its policy's.
            last[line.series.system, line.point.cbr, line.series.channel.snr_db] = line
    slugs = _distinct([_slug(system.label) for system in scenario.systems])
    found = []
    for (system, cbr, snr_db), line in last.items():
        label = scenario.systems[system].label
        many = f"_cbr{_slug(str(cbr))}" if len(scenario.bandwidth.cbr) > 1 else ""
        first_trial = len(plan.trials(line.series, results).of(line.point)) - len(line.trials)
        for task in plan.tasks(line.series, line.point, first_trial):
            for image in scenario.pictures.images:
                if task.pictures[0] <= image < task.pictures[1]:
                    file = f"{_name(pictures, image)}_{snr_db:g}dB{many}_{slugs[system]}.png"
                    found.append((file, label, snr_db, str(cbr), line.mcs, image, task))
    return found


def _distinct(slugs):
    """Labels that differ in punctuation only must not share a file name."""
    return [slug if slugs.count(slug) == 1 else f"{slug}-{i}" for i, slug in enumerate(slugs)]


def _index_rows(wanted):
    return [[*entry[:-1], entry[-1].id] for entry in wanted]


def _already_there(folder, index, wanted):
    if not index.exists() or not all((folder / entry[0]).exists() for entry in wanted):
        return False
    with index.open(newline="", encoding="utf-8") as file:
        return [row[-1] for row in list(csv.reader(file))[1:]] == [entry[-1].id for entry in wanted]


def _save(path, pixels):
    temporary = path.with_suffix(".part")
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(temporary, format="PNG")
    temporary.replace(path)


def _name(pictures, image):
    digits = max(1, math.ceil(math.log10(len(pictures.pictures) + 1)))
    return f"{image:0{digits}d}-{_slug(Path(pictures.pictures[image].name).stem)}"


def _slug(text):
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-").lower()
