"""Draws the received pictures that a run kept, side by side: systems at each SNR over chosen pictures."""

import textwrap
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linksim.report.files import DPI, write_figure
from linksim.report.kept import Kept, psnr_of, psnr_text, read_kept, read_picture
from linksim.report.labels import value_text
from linksim.report.style import FIGURE_STYLE
from linksim.scenario.errors import InputError

MOST_COLUMNS, MOST_ROWS = 8, 24
"""Pictures beside each other, and rows below each other with the originals', that a figure has room for."""

_FAILURE_COLOUR = "#B24E00"
_NOTE_COLOUR = "#555555"

# Lengths in pixels of the PNG, so that each pixel of a picture is drawn as a square of whole pixels.
_ENLARGED_UP_TO = 192
_REDUCED_TO = 384
_WIDEST = 1536  # all pictures of a row
_NARROWEST = 176  # what the words below a picture need
_GAP = 14
_MARGIN = 16
_LINE = 22
_HEADING = 32
_LETTER = 11
_LABEL_LETTERS = 20
_FRAME = 4
_BELOW = 9  # from a picture to its words
_WORDS = _BELOW + 16
_HAIR = 0.01  # keeps rounding from adding a pixel to a picture


@dataclass(frozen=True)
class _Row:
    """The originals, or what one system showed; the heading begins a block."""

    heading: str
    label: str
    entries: tuple[Kept | None, ...]
    original: bool


@dataclass(frozen=True, eq=False)
class _Cell:
    """A picture at the size in which it is drawn, [height, width, 3] uint8, and what was measured of it."""

    pixels: np.ndarray
    psnr_db: float | None
    failure: str
    reduced: bool

    @property
    def text(self):
        """The words below the picture; originals have none."""
        if self.psnr_db is None:
            return ""
        psnr = psnr_text(self.psnr_db)
        return f"{self.failure}, {psnr}" if self.failure else psnr


def draw(folder, *, title=None):
    """Draw the pictures that a run kept as `figures/pictures` of its folder.

    Every SNR and bandwidth is a block of rows, the originals and then each system; of a single system there
    is a row for each, below the originals. Below a picture stands its own PSNR, as received in one trial,
    where curves show means. A picture that was not delivered is framed and says so.

    Small pictures have each pixel enlarged to a square; large ones are reduced, and a line at the foot says
    it. Where there is no room for all pictures or rows, the first are shown; the foot and a warning say it.

    Parameters
    ----------
    folder : str or path-like
        A run folder.
    title : str or None
        Heads the figure.

    Returns
    -------
    list of pathlib.Path
        The PNG, the PDF and the CSV with a line for each received picture shown; empty if the run kept none.

    Raises
    ------
    linksim.scenario.errors.InputError
        The index or a picture cannot be read, or a file cannot be written.
    """
    pictures, stem = Path(folder, "pictures"), Path(folder, "figures", "pictures")
    kept = read_kept(pictures)
    if not kept:
        return []
    rows, notes = _arrange(kept)
    for note in notes:
        warnings.warn(f"{stem}.png: {note}", stacklevel=2)
    cells = _load(pictures, rows)
    if any(cell.reduced for line in cells for cell in line if cell):
        notes.append("large pictures are drawn smaller than they are; their PSNR is that of all their pixels")
    # Half a second of imports that only figures need.
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", FIGURE_STYLE]):
        figure = Figure()
        FigureCanvasAgg(figure)
        _fill(figure, rows, cells, notes, title)
        try:
            return write_figure(figure, _table(rows, cells), stem)
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(problem, file=str(stem), mend="make the folder writable") from error


def _arrange(kept):
    """The rows that a figure has room for, and what it leaves out in words."""
    images = list(dict.fromkeys(entry.image for entry in kept))
    systems = list(dict.fromkeys(entry.system for entry in kept))
    links = sorted({entry.link for entry in kept})
    notes = []
    if len(images) > MOST_COLUMNS:
        notes.append(f"the first {MOST_COLUMNS} of {len(images)} pictures are shown")
        images = images[:MOST_COLUMNS]
    shown = {(entry.link, entry.system, entry.image): entry for entry in kept}
    originals = {entry.image: entry for entry in kept}
    alone = len(systems) == 1
    rows = []
    for link in links:
        heading = f"{value_text('snr_db', link[0])}, {value_text('cbr', float(link[1]))}"
        if not rows or not alone:
            sent = tuple(originals[image] for image in images)
            rows.append(_Row("" if alone else heading, "original", sent, original=True))
        for system in systems:
            entries = tuple(shown.get((link, system, image)) for image in images)
            if any(entries):
                label = f"{system}, {heading}" if alone else system
                rows.append(_Row("", label, entries, original=False))
    if len(rows) > MOST_ROWS:
        room = MOST_ROWS - rows[MOST_ROWS - 1].original  # no originals alone at the foot
        notes.append(f"the first {room} of {len(rows)} rows are shown")
        rows = rows[:room]
    return rows, notes


def _load(folder, rows):
    """The cells of every row, None where a system has no picture."""
    originals = {entry.original: read_picture(folder / entry.original) for entry in rows[0].entries}
    limit = min(_REDUCED_TO, _WIDEST // len(rows[0].entries))
    return [
        [
            entry and _cell(folder, entry, originals[entry.original], row.original, limit)
            for entry in row.entries
        ]
        for row in rows
    ]


def _cell(folder, entry, original, is_original, limit):
    if is_original:
        pixels, psnr, failure = original, None, ""
    else:
        pixels = read_picture(folder / entry.file)
        psnr, failure = psnr_of(pixels, original, folder / entry.file), entry.failure
    drawn = _at_size(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), limit)
    return _Cell(drawn, psnr, failure, drawn.shape[0] < pixels.shape[0] or drawn.shape[1] < pixels.shape[1])


def _at_size(pixels, limit):
    """Enlarged to whole squares, left as it is, or reduced to the limit."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    if side <= limit:
        factor = max(1, _ENLARGED_UP_TO // side)
        return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    from PIL import Image

    size = max(1, round(width * limit / side)), max(1, round(height * limit / side))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _fill(figure, rows, cells, notes, title):
    labels = [textwrap.wrap(row.label, _LABEL_LETTERS) for row in rows]
    widths = [
        max(_NARROWEST, *(line[column].pixels.shape[1] for line in cells if line[column]))
        for column in range(len(cells[0]))
    ]
    names = [
        textwrap.wrap(entry.name, width // _LETTER, max_lines=2, placeholder="…")
        for entry, width in zip(rows[0].entries, widths)
    ]
    label_width = _LETTER * max(len(line) for label in labels for line in label)
    lefts = [_MARGIN + label_width + _GAP]
    for width in widths:
        lefts.append(lefts[-1] + width + _GAP)
    width = lefts[-1] - _GAP + _MARGIN

    top = _MARGIN
    title_lines = textwrap.wrap(title or "", width // _LETTER - 4)
    names_top = top + (_LINE + 4) * len(title_lines) + (_GAP if title_lines else 0)
    top = names_top + _LINE * max(map(len, names)) + _FRAME
    tops = []
    for row, label, line in zip(rows, labels, cells):
        top += _HEADING if row.heading else 0
        tops.append(top)
        tallest = max(len(cell.pixels) + _WORDS * bool(cell.text) for cell in line if cell)
        top += max(tallest, _LINE * len(label)) + _GAP
    height = top + _LINE * len(notes) + _MARGIN

    figure.set_size_inches(width / DPI, height / DPI)

    def write(x, y, text, **look):
        figure.text(x / width, 1 - y / height, text, **{"va": "top", **look})

    if title_lines:
        write(width / 2, _MARGIN, "\n".join(title_lines), ha="center", fontsize=10)
    for left, column, name in zip(lefts, widths, names):
        write(left + column / 2, names_top, "\n".join(name), ha="center", fontsize=8, parse_math=False)
    for row, label, line, top in zip(rows, labels, cells, tops):
        if row.heading:
            write(_MARGIN, top - _HEADING + 4, row.heading, fontsize=9, fontweight="bold")
        tallest = max(len(cell.pixels) for cell in line if cell)
        label_y = top + max(tallest, _LINE * len(label)) / 2
        write(lefts[0] - _GAP, label_y, "\n".join(label), ha="right", va="center", fontsize=8)
        for left, column, cell in zip(lefts, widths, line):
            if cell:
                high, wide = cell.pixels.shape[:2]
                x = left + (column - wide) // 2
                _show(figure, cell, (x / width, 1 - (top + high) / height), (wide / width, high / height))
                look = {"color": _FAILURE_COLOUR, "fontweight": "bold"} if cell.failure else {}
                write(left + column / 2, top + high + _BELOW, cell.text, ha="center", fontsize=7, **look)
    for number, note in enumerate(notes):
        write(_MARGIN, height - _MARGIN - _LINE * (len(notes) - number), note, fontsize=7, color=_NOTE_COLOUR)


def _show(figure, cell, corner, size):
    """The picture, each of its pixels one of the PNG's; `corner` and `size` as shares of the figure."""
    from matplotlib.patches import Rectangle

    page = figure.get_size_inches() * DPI
    hair, frame = _HAIR / page, _FRAME / page
    axes = figure.add_axes((*(corner + hair), *(size - 2 * hair)))
    axes.axis("off")
    axes.imshow(cell.pixels, interpolation="none", aspect="auto")
    if cell.failure:
        look = {"fill": False, "edgecolor": _FAILURE_COLOUR, "linewidth": 1.6}
        figure.add_artist(Rectangle(corner - frame, *(size + 2 * frame), **look))


def _table(rows, cells):
    """The received pictures shown, one a line."""
    yield ["picture", "snr_db", "cbr", "system", "mcs", "trial", "psnr_db", "outcome", "file"]
    for row, line in zip(rows, cells):
        for entry, cell in zip(row.entries, line):
            if cell is not None and not row.original:
                place = [entry.name, f"{entry.snr_db:g}", entry.cbr, entry.system, entry.mcs, entry.trial]
                yield [*place, f"{cell.psnr_db:.4f}", entry.outcome, entry.file]
