"""What tests of several rooms share: the smallest scenario, and a check of error texts."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from linksim.scenario.errors import InputError

# As linksim.phy sets it, for tests that import TensorFlow first and the processes that they start.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

# The same examples every time, and no clock: a loaded machine is no reason to fail.
settings.register_profile("linksim", derandomize=True, deadline=None)
settings.load_profile("linksim")


def pytest_addoption(parser):
    parser.addoption("--table", type=Path, help="write the table that the tests measure into this page")


@pytest.fixture(scope="session")
def page_table(request):
    """Takes the lines of a page's table, tuples of texts; the first one given is its heading.

    They are written between the page's marks, sorted, if no test failed.
    """
    lines = []
    yield lines
    path = request.config.getoption("--table")
    if path is None or request.session.testsfailed:
        return
    heading, *body = lines
    rows = [heading, ("---",) * len(heading), *sorted(body)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    head, start, rest = path.read_text(encoding="utf-8").partition("<!-- table -->\n")
    _, stop, tail = rest.partition("<!-- end of the table -->")
    path.write_text(f"{head}{start}{table}\n{stop}{tail}", encoding="utf-8")


@pytest.fixture
def minimal():
    """The smallest useful scenario as parsed YAML; each test gets its own."""
    return {
        "name": "minimal",
        "images": {"source": "patches32", "limit": 4},
        "bandwidth": {"cbr": "1/6"},
        "channel": {"model": "awgn", "snr_db": [4, 10]},
        "systems": [
            {
                "type": "separated",
                "label": "JPEG 2000",
                "codec": {"name": "jpeg2000"},
                "mcs": {"indices": [4, 9]},
            }
        ],
    }


@pytest.fixture
def refusal():
    """Runs a function that must raise InputError; returns the text of the error, of two lines at most."""

    def refused(function, *arguments, **options):
        with pytest.raises(InputError) as caught:
            function(*arguments, **options)
        text = str(caught.value)
        problem, *mend = text.split("\n")
        assert problem
        assert len(mend) <= 1
        assert len(text) < 1000
        return text

    return refused


#: What a card says besides what it takes from codec and file.
CARD = {
    "channel": "awgn",
    "snr_db": 10.0,
    "power": "measured",
    "recipe": "untrained",
    "recipe_digest": "0" * 64,
    "images": "none",
    "steps": 0,
    "device": "cpu",
    "seconds": 0.0,
    "seed": 1,
    "validation_psnr_db": 11.5,
    "test_psnr_db": {},
    "date": "2026-01-01",
    "versions": {},
}


@pytest.fixture(scope="session")
def make_weights():
    """Saves the weights of an untrained network with their card; returns the `.weights.h5` path."""
    import linksim.phy  # noqa: F401  starts TensorFlow quietly
    from linksim import jscc, zoo

    def make(path, model, **sizes):
        import keras

        keras.utils.set_random_seed(1)
        return zoo.save(jscc.create(model, **sizes), {**CARD, "model": model, "sizes": sizes}, path).path

    return make


@pytest.fixture(scope="session")
def tiny_weights(make_weights, tmp_path_factory):
    """A tiny DeepJSCC-Q with 16QAM at CBR 1/6 in a folder of its own."""
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    return make_weights(path, "deepjscc-q", channels=[4, 4], symbols=8, order=16)


@pytest.fixture(scope="session")
def training_photos(tmp_path_factory):
    """A folder with two photographs in train/ and one in validation/: smooth random colours, 160×120 px."""
    import numpy as np
    from PIL import Image

    random, folder = np.random.default_rng(1), tmp_path_factory.mktemp("photographs")
    for name in ("train/a.png", "train/b.png", "validation/c.png"):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        (folder / name).parent.mkdir(exist_ok=True)
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(folder / name)
    return folder
