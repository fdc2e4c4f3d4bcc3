"""Verification: each block against a value from outside, collected into one table."""

import pytest


@pytest.fixture(scope="session")
def note(page_table):
    """Adds a line to the table of docs/verification.md."""
    page_table.append(("block", "source of the value", "expected", "measured", "tolerance"))
    return lambda *line: page_table.append(line)


@pytest.fixture
def verified(note):
    """Asserts that a measured value is the expected one, and notes both for the table."""

    def verify(block, source, expected, measured, tolerance, digits=4):
        """`tolerance` is a number, or (number, what it is in words)."""
        number, words = tolerance if isinstance(tolerance, tuple) else (tolerance, "")
        text = [f"{value:.{digits}g}" for value in (expected, measured, number)]
        note(block, source, text[0], text[1], f"{text[2]} ({words})" if words else text[2])
        assert abs(measured - expected) <= number, f"{block}: {text[1]} instead of {text[0]} ± {text[2]}"

    return verify


@pytest.fixture
def equal(note):
    """Asserts that two arrays of exact values agree everywhere; notes how many values were compared."""

    def verify(block, source, expected, measured):
        wrong = int((expected != measured).sum())
        note(block, source, f"{expected.size} values", f"{expected.size - wrong} equal", "0")
        assert not wrong, f"{block}: {wrong} of {expected.size} values differ"

    return verify
