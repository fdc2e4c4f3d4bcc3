"""Writes the files of figures and pages: each complete or not there at all, and the same bytes every time."""

import csv
import io
import os
from pathlib import Path

DPI = 160

#: Versions and times in the metadata would make equal figures differ.
_METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None}}


def write_figure(figure, table, path_stem) -> list[Path]:
    """Write a figure as PNG and PDF, and the numbers that it shows as CSV.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        With a canvas.
    table : iterable of sequences
        The lines of the CSV, its heading first.
    path_stem : str or path-like
        Where to write, without the ending; missing folders are made.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    contents = {}
    for ending, metadata in _METADATA.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format=ending, dpi=DPI, metadata=metadata)
        contents[ending] = buffer.getvalue()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    contents["csv"] = text.getvalue().encode()
    return [write_whole(Path(f"{path_stem}.{ending}"), content) for ending, content in contents.items()]


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file at once, so that nobody ever sees half of it; its folder is made. Returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
