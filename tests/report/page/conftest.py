"""A run folder as a run leaves it, made by hand, and its page as a parsed document."""

import csv
import json
from html.parser import HTMLParser
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from PIL import Image

NAUGHTY = '<script>alert("x")</script> & %{y} <b>'
"""A label that must come out as it is, wherever it stands."""

SNRS_DB = (0.0, 5.0, 10.0)
SYSTEMS = ("BPG + LDPC", NAUGHTY, "bound")

_SCENARIO = {
    "name": "made-up",
    "title": "Made <i>up</i> & small",
    "seed": 3,
    "images": {"source": "photos", "crop": [16, 24], "limit": 2},
    "bandwidth": {"cbr": "1/16"},
    "channel": {"model": "awgn", "snr_db": list(SNRS_DB)},
    "systems": [
        {"type": "separated", "label": SYSTEMS[0]},
        {"type": "separated", "label": NAUGHTY, "codec": {"name": "jpeg"}},
        {"type": "capacity_bound", "label": "bound"},
    ],
    "pictures": {"images": [0, 1], "snr_db": [0, 10]},
    "figures": [
        {"x": "snr_db", "y": "psnr_db", "file": "psnr"},
        {"x": "snr_db", "y": "bler", "file": "bler", "log_y": True},
    ],
}

_SESSION = {
    "started": "2026-01-02T03:04:05+00:00",
    "linksim": "0.1.0",
    "commit": "0123abcd",
    "seed": 3,
    "pictures": {"digest": "ab" * 32, "names": ["cat", "<cup>"], "skipped": []},
    "weights": {},
    "workers": 2,
    "machine": {"platform": "Linux", "processor": "a processor", "cores": 2, "python": "3.11.7"},
    "packages": {"numpy": "2.4.6"},
    "wall_seconds": 12.5,
    "tasks": 7,
}

_INDEX = ["file", "original", "system", "snr_db", "cbr", "mcs", "image", "name", "trial", "outcome", "task"]


class MadeUp(NamedTuple):
    """What the made-up run is about."""

    naughty: str
    systems: tuple[str, ...]
    snrs_db: tuple[float, ...]


@pytest.fixture
def made_up():
    """The names and SNRs of the made-up run."""
    return MadeUp(NAUGHTY, SYSTEMS, SNRS_DB)


@pytest.fixture
def rows(separate_chain, capacity_bound):
    """What the made-up run measured: of the first system every MCS, of the second the envelope."""
    jpeg = [row for row in separate_chain(NAUGHTY, SNRS_DB) if row["mcs"].startswith("envelope:")]
    for row in jpeg:
        row["psnr_db"] -= 3
    return separate_chain(SYSTEMS[0], SNRS_DB) + jpeg + capacity_bound("bound", SNRS_DB)


@pytest.fixture
def make_run(tmp_path, write_results, rows):
    """Writes a run folder; returns its path.

    `scenario` overrides fields of the scenario (None removes one), `lines` replace the results, `pictures`
    says whether some were kept, `complete` whether the run ended.
    """

    def make(scenario=None, lines=None, pictures=True, complete=True):
        folder = tmp_path / "run"
        folder.mkdir()
        fields = {**_SCENARIO, **(scenario or {})}
        fields = {name: value for name, value in fields.items() if value is not None}
        (folder / "scenario.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
        write_results(rows if lines is None else lines, "run/results.csv")
        record = {"complete": complete, "sessions": [_SESSION]}
        (folder / "provenance.json").write_text(json.dumps(record), encoding="utf-8")
        if pictures:
            keep(folder / "pictures")
        return folder

    return make


def keep(folder):
    """Two pictures and what two systems showed of them at two SNRs; one was lost."""
    folder.mkdir()
    random = np.random.default_rng(1)
    lines = []
    for image, name in enumerate(("cat", "<cup>")):
        original = random.integers(0, 256, (16, 24, 3), np.uint8)
        Image.fromarray(original).save(folder / f"{image}_original.png")
        for snr_db in (0, 10):
            for number, system in enumerate(SYSTEMS[:2]):
                lost = number == 1 and snr_db == 0
                noise = random.integers(-9, 10, original.shape)
                shown = np.full_like(original, 128) if lost else np.clip(original + noise, 0, 255)
                line = {"file": f"{image}_{snr_db}_{number}.png", "original": f"{image}_original.png"}
                line |= {"system": system, "snr_db": f"{snr_db:.4f}", "cbr": "1/16", "image": image}
                line |= {"name": name, "trial": 0, "task": "0", "mcs": "envelope:pdsch-1/4"}
                lines.append(line | {"outcome": "channel_outage" if lost else "delivered"})
                Image.fromarray(shown.astype(np.uint8)).save(folder / line["file"])
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _INDEX)
        writer.writeheader()
        writer.writerows(lines)


class Document(HTMLParser):
    """A page as its elements (name, attributes), its tables (lists of rows of texts), and its visible text.

    What stands in script, style and noscript is kept apart, by name.
    """

    _APART = ("script", "style", "noscript")

    def __init__(self, text):
        super().__init__()
        self.elements, self.tables, self.text = [], [], ""
        self.apart = {name: [] for name in self._APART}
        self._within, self._cell = None, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in self._APART:
            self._within = self._within or tag
            self.apart[tag].append("")
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = tag

    def handle_endtag(self, tag):
        if tag == self._within:
            self._within = None
        if tag == self._cell:
            self._cell = None

    def handle_data(self, text):
        if self._within:
            self.apart[self._within][-1] += text
            return
        self.text += text
        if self._cell:
            self.tables[-1][-1][-1] += text

    def all(self, tag, **attributes):
        """The attributes of every such element."""
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]

    @property
    def data(self):
        """What the page's script draws."""
        places = [place for place, found in enumerate(self.all("script")) if found.get("id") == "data"]
        return json.loads(self.apart["script"][places[0]])


@pytest.fixture
def parsed():
    """Parses a written page."""
    return lambda path: Document(path.read_text(encoding="utf-8"))
