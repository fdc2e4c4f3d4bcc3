"""Photographs that the test dependencies bring along, by the names of the reference table."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "china.jpg",
    "flower.jpg",
)


@cache
def load_photograph(name: str) -> np.ndarray:
    """Return `astronaut.png`, or a cut such as `astronaut.png[100:132,100:132]`, as uint8 [H, W, 3]."""
    match = re.fullmatch(r"([\w.]+)(?:\[(\d+):(\d+),(\d+):(\d+)\])?", name)
    file, *cut = match.groups()
    if file in ("china.jpg", "flower.jpg"):
        image = load_sample_image(file)
    else:
        image = np.array(Image.open(Path(skimage.data.__file__).with_name(file)).convert("RGB"))
    if cut[0]:
        top, bottom, left, right = map(int, cut)
        image = image[top:bottom, left:right]
    image = np.ascontiguousarray(image)
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def photograph():
    """A function from a name to a photograph."""
    return load_photograph


@pytest.fixture(scope="session")
def cuts():
    """Cuts of 32×32 from seven photographs, uint8 [7, 32, 32, 3]."""
    return np.stack([load_photograph(f"{file}[100:132,100:132]") for file in PHOTOGRAPHS])
