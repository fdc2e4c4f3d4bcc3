"""Verification: each block against a value from outside, collected into one table."""

from pathlib import Path

import pytest

#: Of the table: title of the column and how a line says it.
_HEADING = ("block", "source of the value", "expected", "measured", "tolerance")

_LINES = []


def pytest_addoption(parser):
    parser.addoption("--table", type=Path, help="write docs/verification.md's table into this file")


@pytest.fixture
def verified():
    """Asserts that a measured value is the expected one, and notes both for the table."""

    def verify(block, source, expected, measured, tolerance, digits=4):
        """`tolerance` is a number, or (number, what it is in words)."""
        number, words = tolerance if isinstance(tolerance, tuple) else (tolerance, "")
        text = [f"{value:.{digits}g}" for value in (expected, measured, number)]
        _LINES.append((block, source, text[0], text[1], f"{text[2]} ({words})" if words else text[2]))
        assert abs(measured - expected) <= number, f"{block}: {text[1]} instead of {text[0]} ± {text[2]}"

    return verify


@pytest.fixture
def equal(verified):
    """Asserts that two arrays of exact values agree everywhere; notes how many values were compared."""

    def verify(block, source, expected, measured):
        wrong = int((expected != measured).sum())
        _LINES.append((block, source, f"{expected.size} values", f"{expected.size - wrong} equal", "0"))
        assert not wrong, f"{block}: {wrong} of {expected.size} values differ"

    return verify


def pytest_sessionfinish(session, exitstatus):
    """Put the table into the file, between its marks, if all went well."""
    path = session.config.getoption("--table")
    if path is None or exitstatus:
        return
    rows = [_HEADING, ("---",) * len(_HEADING), *sorted(_LINES)]
    table = "\n".join(_line(row) for row in rows)
    head, start, rest = path.read_text(encoding="utf-8").partition("<!-- table -->\n")
    _, stop, tail = rest.partition("<!-- end of the table -->")
    path.write_text(f"{head}{start}{table}\n{stop}{tail}", encoding="utf-8")


def _line(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
