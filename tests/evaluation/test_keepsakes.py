"""Kept pictures: the index tells of the trial and the chunk that each picture comes from."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from linksim.evaluation.keepsakes import keep_pictures
from linksim.images import load
from linksim.images.reading import read_pixels


@pytest.fixture
def keep(make_plan, play, tmp_path):
    """Keeps pictures 5 and 0 of a run with dice; returns the index and how many tasks were run for it."""
    ran = []

    def run(tasks):
        """Picture i of trial t is of grey 10 i + t; the odd ones are lost."""
        ran.extend(tasks)
        for task in tasks:
            numbers = range(*task.pictures)
            greys = [np.full((32, 32, 3), 10 * number + task.trial, np.uint8) for number in numbers]
            rows = [
                SimpleNamespace(outcome=("delivered", "channel_outage")[number % 2]) for number in numbers
            ]
            yield task, SimpleNamespace(pictures=greys, rows=rows)

    def keep():
        ran.clear()
        plan = make_plan(stop={"trials": 4}, pictures={"images": [5, 0], "snr_db": 6})
        results, _ = play(plan, lambda *_: 0.2)
        keep_pictures(tmp_path, plan, results, run)
        with (tmp_path / "index.csv").open(newline="") as file:
            return list(csv.DictReader(file)), len(ran)

    return keep


def test_the_index_tells_what_became_of_each_picture(keep, tmp_path):
    index, _ = keep()
    names = [picture.name for picture in load(SimpleNamespace(source="patches32", limit=6)).pictures]
    assert {(line["system"], line["image"]) for line in index} == {
        ("BPG", "0"), ("BPG", "5"), ("bound", "0"), ("bound", "5"),
    }  # fmt: skip
    for line in index:
        image = int(line["image"])
        # An envelope of four trials is reported on the last two; the bound has one.
        trial = {"BPG": 2, "bound": 0}[line["system"]]
        assert int(line["trial"]) == trial
        assert line["outcome"] == {0: "delivered", 5: "channel_outage"}[image]
        assert line["name"] == names[image]
        assert np.all(read_pixels(tmp_path / line["file"]) == 10 * image + trial)
        assert read_pixels(tmp_path / line["original"]).shape == (32, 32, 3)
    assert len({line["original"] for line in index}) == 2


def test_pictures_that_are_there_are_not_made_again(keep, tmp_path):
    index, made = keep()
    assert made == 4  # two systems, a chunk for each picture
    assert keep() == (index, 0)


@pytest.mark.parametrize("lost", ["file", "original", "an older index"])
def test_what_is_missing_is_made_again(keep, tmp_path, lost):
    index, made = keep()
    if lost == "an older index":
        path = tmp_path / "index.csv"
        path.write_text(path.read_text().replace(",outcome", ",result"))
    else:
        (tmp_path / index[0][lost]).unlink()
    assert keep() == (index, made)
    assert all((tmp_path / line[file]).exists() for line in index for file in ("file", "original"))
