"""Benchmarks run with `--benchmark-only` and state each time beside one that a reader can judge it by.

They have no limits to pass or fail: machines differ, ratios on one machine differ less.
"""

import time
from pathlib import Path

import pytest

_COMPARISONS = pytest.StashKey[list]()


def pytest_collection_modifyitems(config, items):
    """Leave the benchmarks out of ordinary runs."""
    if config.getoption("benchmark_only", default=False):
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="benchmarks run with --benchmark-only"))


def pytest_terminal_summary(terminalreporter, config):
    """Print the comparisons, which pytest-benchmark only writes to its JSON file."""
    lines = config.stash.get(_COMPARISONS, [])
    if lines:
        terminalreporter.section("comparisons")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def compare(benchmark, request):
    """A function that benchmarks a call and notes how it compares with another one.

    Parameters
    ----------
    run, reference : callable without arguments
        Both are called once beforehand, so that nothing is compiled while the clock runs.
    against : str
        What `reference` is.
    rounds : int
        Timed calls of each.
    work : (float, str), optional
        Amount of work of one call of `run` and its unit, to be stated as work per second.
    """

    def measure(run, reference, against, rounds=5, work=None):
        reference()
        reference_seconds = min(_seconds(reference) for _ in range(rounds))
        benchmark.pedantic(run, rounds=rounds, warmup_rounds=1)
        if benchmark.stats is None:  # pytest-benchmark is told not to measure
            return
        seconds = benchmark.stats.stats.min
        benchmark.extra_info[f"times {against}"] = round(seconds / reference_seconds, 3)
        if work is not None:
            amount, unit = work
            benchmark.extra_info[f"{unit}/s"] = round(amount / seconds, 3)
        stated = ", ".join(f"{value:g} {name}" for name, value in benchmark.extra_info.items())
        request.config.stash.setdefault(_COMPARISONS, []).append(f"{request.node.name}: {stated}")

    return measure


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
