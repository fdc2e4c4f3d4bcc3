"""Draws real modulation and detection beside the noise that stands for them in training."""

from dataclasses import dataclass

import numpy as np

from linksim.modulation.substitution import SQUARE_ORDERS, Comparison, compare, half_spacing, received_density
from linksim.report.files import write_figure
from linksim.report.modulation import modulation_text
from linksim.report.style import COLOURS, FIGURE_STYLE
from linksim.scenario.errors import InputError

MOST_ORDERS, MOST_SNRS = 6, 4
"""Rows and columns of a figure."""

_FARTHEST_DB = 100

_COLUMN_INCHES, _ROW_INCHES = 3.7, 2.5
_ENDS_INCHES = 0.9  # for the title and the legend

_INNER, _EDGE, _SUBSTITUTE = "#9CC9E8", "#4F94C4", COLOURS[1]
_BAR = 0.85  # of the room of a level
_CURVE_PLACES = 161
_REACH = 3.0  # how far the curve goes beyond the grid, in standard deviations of what noise and uniform add


@dataclass(frozen=True, eq=False)
class Case:
    """A modulation order at an SNR.

    Attributes
    ----------
    samples : [n], float
        A real dimension of what the encoder gives.
    sent, received : Comparison
    """

    samples: np.ndarray
    sent: Comparison
    received: Comparison


def cases(sample, orders, snrs_db) -> list[Case]:
    """Compare the laws of what is sent and of what is received, for every order and SNR in turn.

    Parameters
    ----------
    sample : callable (int, float) -> [n], float
        Samples of a real dimension of what the encoder gives, for bits per symbol and an SNR in dB.
    orders : sequence of int
        Bits per symbol.
    snrs_db : sequence of float
    """
    made = []
    for bits in orders:
        for snr_db in snrs_db:
            samples = sample(bits, snr_db)
            made.append(Case(samples, compare(samples, bits, None), compare(samples, bits, snr_db)))
    return made


def table(compared: list[Case]) -> list[tuple[str, ...]]:
    """Rows of texts for the terminal, their heading first."""
    rows = [("order", "SNR", "sent", "inner", "edges", "substitute", "difference", "beyond", "all")]
    for case in compared:
        received = case.received
        real, substitute = (law[[0, -1]].sum() for law in (received.real, received.substitute))
        rows.append(
            (
                modulation_text(2**received.num_bits),
                f"{received.snr_db:g} dB",
                _number(case.sent.distance),
                _number(received.inner),
                _number(real),
                _number(substitute),
                _signed(received.edges),
                _number(1 - received.mass),
                _number(received.distance),
            )
        )
    return rows


EXPLAINED = (
    "Probability P of a level, modulated and detected, against 2d·p there, p the density of the substitute.",
    "sent: total variation before the channel; the other columns are of what is received.",
    "inner: ½·Σ|P − 2d·p| over all but the two outermost levels. beyond: 1 − Σ2d·p.",
    "edges, substitute, difference: P and 2d·p of the two outermost levels together, and 2d·p less P.",
    "all: total variation over all levels, 2d·p scaled to sum 1.",
)
"""What the columns of the table are."""


def draw(compared: list[Case], name: str, path_stem) -> list:
    """Draw both laws of what is received: a row for each modulation order, a column for each SNR.

    Bars are P(s̄ = g) at the levels g, the line is 2d·p(ō = u) over all u, with a marker at every level.

    Parameters
    ----------
    compared : list of Case
        Of `cases`, with at most six orders and four SNRs.
    name : str
        Where the samples come from.
    path_stem : str or path-like
        Where to write, without the ending; missing folders are made.

    Returns
    -------
    list of pathlib.Path
        The PNG, the PDF and the CSV.

    Raises
    ------
    InputError
        A file cannot be written.

    References
    ----------
    Zhang et al., "From analog to digital", fig. 7.
    """
    # Half a second of imports that only figures need.
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len({case.received.num_bits for case in compared})
    columns = len(compared) // rows
    curves = [_curve(case) for case in compared]
    size = _COLUMN_INCHES * columns + 0.3, _ROW_INCHES * rows + _ENDS_INCHES
    with matplotlib.style.context(["default", FIGURE_STYLE]):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure, compared, curves, (rows, columns))
        figure.suptitle(f"Received levels, {name}", fontsize=10)
        try:
            return write_figure(figure, _lines(name, compared, curves), path_stem)
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(problem, file=str(path_stem), mend="choose another place") from error


def check_count(orders, snrs_db) -> None:
    """Raise InputError unless a figure has room for the orders and the SNRs."""
    for given, most, what, option in (
        (orders, MOST_ORDERS, "orders", "--orders"),
        (snrs_db, MOST_SNRS, "SNRs", "--snr"),
    ):
        if len(given) > most:
            problem = f"a figure has up to {most} {what}, not {len(given)}"
            raise InputError(problem, field=option, mend="draw several figures")


def read_orders(text: str) -> list[int]:
    """Different bits per symbol from a text such as `6,10`; InputError for others than square ones."""
    choices = {str(bits): bits for bits in SQUARE_ORDERS}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in choices:
            problem = f"there is no square QAM of {word!r} bits per symbol"
            raise InputError(problem, field="--orders", mend=f"choose from {', '.join(choices)}")
    return list(dict.fromkeys(choices[word] for word in words))


def read_snrs(text: str) -> list[float]:
    """Different SNRs in dB from a text such as `10,18`; InputError for what is none from −100 to 100."""
    found = []
    for word in text.split(","):
        try:
            found.append(float(word))
        except ValueError:
            found.append(np.nan)
        if not -_FARTHEST_DB <= found[-1] <= _FARTHEST_DB:
            problem = f"{word.strip()!r} is no SNR in dB"
            raise InputError(problem, field="--snr", mend="write numbers from -100 to 100, as 10,18")
    return list(dict.fromkeys(found))


def _fill(figure, compared, curves, shape):
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    panels = figure.subplots(*shape, sharex="row", sharey="row", squeeze=False)
    for axes, case, curve in zip(panels.flat, compared, curves):
        _draw_panel(axes, case.received, curve)
    for row in panels:
        row[0].set_ylim(bottom=0)  # of all in the row, once they are filled
        row[0].set_ylabel("probability")
    for axes in panels[-1]:
        axes.set_xlabel("real dimension")
    figure.align_ylabels(panels[:, 0])
    handles = [
        Patch(color=_INNER, label="modulated and detected: probability, outermost levels darker"),
        Line2D([], [], color=_SUBSTITUTE, marker="o", markersize=4, label="noise in their place: 2d·density"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)


def _draw_panel(axes, received, curve):
    half = half_spacing(received.num_bits)
    colours = [_EDGE, *[_INNER] * (len(received.levels) - 2), _EDGE]
    axes.bar(received.levels, received.real, _BAR * 2 * half, color=colours)
    axes.plot(*curve, color=_SUBSTITUTE, linewidth=1.2)
    look = {"color": _SUBSTITUTE, "marker": "o", "markersize": 4.5 if len(received.levels) <= 16 else 2.5}
    axes.plot(received.levels, received.substitute, linestyle="", **look)
    axes.grid(axis="x", visible=False)
    inner = "" if received.inner is None else f"TV of inner levels {_number(received.inner)}, "
    name = f"{modulation_text(2**received.num_bits)}, {received.snr_db:g} dB"
    axes.set_title(f"{name}\n{inner}edges {_signed(received.edges)}", fontsize=8.5)


def _curve(case):
    """Places on and about the grid, and 2d·p(ō) there."""
    received, half = case.received, half_spacing(case.received.num_bits)
    added = np.sqrt(0.5 * 10 ** (-received.snr_db / 10) + 2 * half**2 / 3)
    end = received.levels[-1] + _REACH * added
    places = np.linspace(-end, end, _CURVE_PLACES)
    density = received_density(case.samples, received.num_bits, received.snr_db, places)
    return places, 2 * half * density


def _lines(name, compared, curves):
    """The lines of the CSV: of every level sent and received, and of the curve between and beyond them."""
    yield ["samples", "order", "snr_db", "part", "value", "real", "substitute", "renormalised"]
    for case, curve in zip(compared, curves):
        begin = [name, 2**case.received.num_bits, f"{case.received.snr_db:g}"]
        for part in ("sent", "received"):
            law = getattr(case, part)
            for numbers in zip(law.levels, law.real, law.substitute, law.renormalised):
                yield [*begin, part, *(f"{number:.7g}" for number in numbers)]
        for place, value in zip(*curve):
            yield [*begin, "curve", f"{place:.7g}", "", f"{value:.7g}", ""]


def _number(value):
    return "–" if value is None else f"{round(value, 4) + 0.0:.4f}"


def _signed(value):
    return f"{round(value, 4) + 0.0:+.4f}"  # never -0.0000
