"""The command line as a function from words to what a user sees."""

from typing import NamedTuple

import numpy as np
import pytest
import yaml
from PIL import Image

from linksim.cli import main


class Seen(NamedTuple):
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def linksim(capsys):
    """Runs the command line in this process."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Seen(code, *capsys.readouterr())

    return run


@pytest.fixture
def scenario_file(tmp_path, minimal):
    """The smallest scenario as a file."""
    path = tmp_path / "minimal.yaml"
    path.write_text(yaml.safe_dump(minimal), encoding="utf-8")
    return path


@pytest.fixture
def refused(linksim):
    """Runs a command that must end with exit code 2, silent but for two lines on stderr; returns them."""

    def run(*words):
        seen = linksim(*words)
        assert seen.code == 2, seen
        assert seen.out == ""
        assert seen.err.startswith("error: ")
        assert seen.err.count("\n") <= 2
        assert "Traceback" not in seen.err
        return seen.err

    return run


@pytest.fixture
def picture(tmp_path):
    """A small smooth colour picture as a PNG file."""
    rows, columns = np.mgrid[:40, :56]
    pixels = np.stack([rows * 5, columns * 4, rows + columns], axis=2).astype(np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path
