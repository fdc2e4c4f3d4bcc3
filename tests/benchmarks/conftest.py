"""Benchmarks run with `make bench` and state each figure beside one that a reader can judge it by.

They have no limits to pass or fail: machines differ, ratios on one machine differ less. The table at the end
shows every comparison; the JSON file of pytest-benchmark has the same figures under `extra_info`.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

#: Taken before linksim sets TensorFlow's options, which other programs must not inherit.
_ENVIRONMENT = dict(os.environ)

_PLAIN_SIONNA = Path(__file__).with_name("plain_sionna.py")

#: Prints the memory of the largest process of a command. A small process has to start it: the system
#: counts a starter's memory as that of what it starts.
_PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True)
class Comparison:
    """One line of the table.

    Attributes
    ----------
    benchmark : str
    ours, comparison : float
    unit : str
        Of both.
    against : str
        What the comparison is.
    ratio : float
        Comparison divided by ours: how many times less linksim needs.
    rate : str
        Work per second of ours.
    note : str
        What else the reader has to know.
    """

    benchmark: str
    ours: float
    comparison: float
    unit: str
    against: str
    ratio: float
    rate: str
    note: str

    def cells(self) -> tuple[str, ...]:
        """Its texts in the table."""
        ours, comparison = (_quantity(value, self.unit) for value in (self.ours, self.comparison))
        against = f"{self.against} ({self.note})" if self.note else self.against
        return self.benchmark, ours, comparison, f"{self.ratio:.3g}", self.rate, against


_COMPARISONS = pytest.StashKey[list[Comparison]]()
_HEADINGS = ("benchmark", "ours", "comparison", "ratio", "work of ours", "compared with")


def pytest_collection_modifyitems(config, items):
    """Leave the benchmarks out of ordinary runs."""
    if config.getoption("benchmark_only", default=False):
        return
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="benchmarks run with --benchmark-only"))


def pytest_terminal_summary(terminalreporter, config):
    """Print the comparisons as a table."""
    comparisons = config.stash.get(_COMPARISONS, [])
    if not comparisons:
        return
    rows = [_HEADINGS, *(comparison.cells() for comparison in comparisons)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    terminalreporter.section(f"comparisons on {os.cpu_count()} cores; ratio = comparison ÷ ours")
    for row in rows:
        terminalreporter.write_line("  ".join(map(str.ljust, row, widths)).rstrip())


@pytest.fixture
def record(benchmark, request):
    """A function that notes a comparison for the table and the JSON file.

    Parameters
    ----------
    ours, comparison : float
    against : str
        What `comparison` is.
    unit : str
        Of both; `s` by default.
    rate : str
        Work per second.
    note : str
        What else the reader has to know.
    """

    def note_down(ours, comparison, against, unit="s", rate="", note=""):
        name = request.node.name.removeprefix("test_")
        line = Comparison(name, ours, comparison, unit, against, comparison / ours, rate, note)
        request.config.stash.setdefault(_COMPARISONS, []).append(line)
        benchmark.extra_info.setdefault("comparisons", []).append(asdict(line))

    return note_down


@pytest.fixture
def compare(benchmark, record):
    """A function that benchmarks a call and notes how it compares with another one.

    Parameters
    ----------
    run : callable without arguments
    reference : callable without arguments, or float
        The other call, or the seconds that it took elsewhere.
    against : str
        What `reference` is.
    rounds : int
        Timed calls of each; the fastest counts.
    work : (float, str), optional
        Amount of work of one call of `run` and its unit, to be stated as work per second.
    note : str
        What else the reader has to know.
    warm : bool
        Call each once beforehand, so that nothing is compiled while the clock runs.
    """

    def measure(run, reference, against, rounds=5, work=None, note="", warm=True):
        if callable(reference):
            if warm:
                reference()
            reference = min(_seconds(reference) for _ in range(rounds))
        benchmark.pedantic(run, rounds=rounds, warmup_rounds=int(warm))
        if benchmark.stats is None:  # pytest-benchmark is told not to measure
            return
        ours = benchmark.stats.stats.min
        rate = f"{work[0] / ours:.3g} {work[1]}/s" if work else ""
        record(ours, reference, against, rate=rate, note=note)

    return measure


@pytest.fixture
def program():
    """A function that runs a command, as a list, to its end and returns what it printed.

    Keywords set variables of its environment; TensorFlow's are those that linksim found, not those it set.
    """
    return _run


@pytest.fixture
def plain_sionna():
    """A function that runs `plain_sionna.py` with some arguments and returns its figures."""

    def run(*arguments):
        printed = _run([sys.executable, _PLAIN_SIONNA, *arguments])
        return json.loads(printed.splitlines()[-1])

    return run


@pytest.fixture
def peak_memory():
    """A function that runs a command, as `program`, and returns the MiB of its largest process (Linux)."""

    def run(command, **variables):
        return int(_run([sys.executable, "-c", _PEAK_MEMORY, *command], **variables)) / 1024

    return run


def _run(command, **variables):
    environment = _ENVIRONMENT | {name: str(value) for name, value in variables.items()}
    result = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, encoding="utf-8"
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _quantity(value, unit):
    """A number with its unit, seconds in a size that reads well."""
    if unit != "s":
        return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
    if value >= 1:
        return f"{value:.3g} s" if value < 1000 else f"{value:.0f} s"
    return f"{value * 1e3:.3g} ms"
