"""Draws what weights look like: the points or symbols that they send, with shares, and how they learnt."""

import textwrap
from dataclasses import dataclass

import numpy as np

from linksim.evaluation.usage import Usage
from linksim.report.files import write_figure
from linksim.report.modulation import modulation_text
from linksim.report.style import FIGURE_STYLE
from linksim.scenario.errors import InputError
from linksim.zoo import WEIGHTS_SUFFIX, Weights

MOST = 6
"""Columns of a figure."""

_COLUMN_INCHES = 2.75
_LONE_COLUMN_INCHES = 3.1
_HEIGHT_INCHES = 5.5
_TITLE_LETTERS = 38  # longer names are broken

# Cividis is even for every common colour vision and gets darker with the share; its palest end would be lost
# on white paper.
_COLOURS, _PALEST = "cividis_r", 0.06
_LINE = "#0072B2"
_UNUSED = "#C8C8C8"
_AXIS = "#BBBBBB"

#: Up to this order areas grow with the shares; more points are squares of one size, in colours of log share.
_AREAS_UP_TO = 256
_BINS = 64
_SHOWN_QUANTILE = 0.999
_MARGIN = 1.12
_POINTS_ACROSS = 145  # the panel's side in 1/72 inch, about
_LARGEST_POINT = 33  # its diameter in 1/72 inch
_POINT_ROOM = 0.3  # between the outermost points and the frame, at most, over the reach of the points

#: The part of the updates whose gain is told: the last tenth.
_END = 0.1


@dataclass(frozen=True, eq=False)
class _Density:
    """Shares of analogue symbols in square bins, by quadrature and in-phase part."""

    shares: np.ndarray
    edges: np.ndarray


@dataclass(frozen=True, eq=False)
class _Column:
    """What the upper panel of a column shows; points where there is no density."""

    weights: Weights
    name: str
    usage: Usage
    density: _Density | None


def end_gain_db(history) -> float | None:
    """PSNR gained over the last 10% of the updates.

    The history at its last update, less the history at 90% of it, linearly between its entries. A learning
    rate that falls to zero flattens the end: a small gain does not say that a longer phase would give little.

    Parameters
    ----------
    history : sequence of (int, float)
        Updates and validation PSNR in dB, as the card has them.

    Returns
    -------
    float or None
        None if the history is empty or begins later than at 90%.

    Examples
    --------
    >>> round(end_gain_db([(500, 30.0), (1000, 31.0)]), 3)
    0.2
    """
    if not len(history):
        return None
    updates, psnr_db = np.array(history, float).T
    start = (1 - _END) * updates[-1]
    if updates[0] > start:
        return None
    return float(psnr_db[-1] - np.interp(start, updates, psnr_db))


def describe(weights: Weights, usages: list[Usage]) -> list[str]:
    """What was measured, in a line for each modulation order; the first tells how the training ended."""
    history = weights.card.history
    ending = _end_in_words(history) + (f" of {history[-1][0]} updates" if history else "")
    names = _names(weights.reference, usages)
    return [
        f"{name}: {', '.join(_facts(usage, None if number else ending))}"
        for number, (name, usage) in enumerate(zip(names, usages))
    ]


def draw(measured: list[tuple[Weights, list[Usage]]], path_stem) -> list:
    """Draw a column for each modulation order of some weights: what they send above, their training below.

    The constellations of a figure share their axes; analogue symbols have their own, over at least 99.8% of
    them. The last 10% of the updates are shaded.

    Parameters
    ----------
    measured : list of (Weights, list of Usage)
        With at most six usages.
    path_stem : str or path-like
        Where to write, without the ending; missing folders are made.

    Returns
    -------
    list of pathlib.Path
        The PNG, the PDF and the CSV: points with their shares, or the bins of analogue symbols, and the
        training curves.

    Raises
    ------
    InputError
        There are none, or more than six, or a file cannot be written.
    """
    count = sum(len(usages) for _, usages in measured)
    check_count(count)
    # Half a second of imports that only figures need.
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = [
        _Column(weights, name, usage, _density(usage) if usage.order is None else None)
        for weights, usages in measured
        for name, usage in zip(_names(short_name(weights), usages), usages)
    ]
    with matplotlib.style.context(["default", FIGURE_STYLE]):
        figure = Figure(
            figsize=(max(_COLUMN_INCHES * count, _LONE_COLUMN_INCHES), _HEIGHT_INCHES),
            layout="constrained",
        )
        FigureCanvasAgg(figure)
        _fill(figure, measured, columns)
        try:
            return write_figure(figure, _table(measured, columns), path_stem)
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(problem, file=str(path_stem), mend="choose another place") from error


def column_count(weights: Weights) -> int:
    """How many columns weights take in a figure, by their card: one for each modulation order."""
    return max(1, len(weights.card.orders))


def check_count(count: int) -> None:
    """Raise InputError unless a figure has room for so many columns."""
    if not 1 <= count <= MOST:
        raise InputError(
            f"a figure has 1 to {MOST} columns, one for each modulation order of each weights, not {count}",
            mend="name fewer, or at least one",
        )


def _names(name, usages):
    """The name of some weights with each of their modulation orders, if they have several."""
    if len(usages) == 1:
        return [name]
    return [f"{name}, {modulation_text(usage.order)}" for usage in usages]


def _facts(usage, ending):
    facts = [f"energy {_signed(usage.energy_db)} dB"]
    if usage.order is not None:
        facts.insert(0, f"entropy {_entropy(usage)}")
        facts.append(f"{usage.used} of {usage.order} points used")
    if usage.quantization_noise_db is not None:
        facts.append(f"quantization noise {_signed(usage.quantization_noise_db)} dB")
    if usage.draw_entropy_bits is not None:
        facts.append(f"{usage.draw_entropy_bits:.2f} bits of it drawn at random")
    facts.append(f"peak to average {abs(usage.peak_to_average_db):.2f} dB")
    facts += [ending] if ending else []
    return [*facts, f"{usage.symbols} symbols of {usage.pictures}"]


def _fill(figure, measured, columns):
    grid = figure.add_gridspec(2, len(columns), height_ratios=(2.3, 1))
    digital = [column.usage for column in columns if column.density is None]
    limit = max(map(_limit, digital), default=1)
    for number, column in enumerate(columns):
        axes = figure.add_subplot(grid[0, number])
        if column.density is None:
            image = _draw_points(axes, column.usage, limit)
            label = "share of the symbols"
        else:
            image = _draw_density(axes, column.density)
            label = f"share in a bin of {column.density.edges[1] - column.density.edges[0]:.2g}²"
        axes.set_aspect("equal")
        axes.set_xlabel("in-phase")
        axes.grid(False)
        axes.set_title(_title(column), fontsize=8)
        figure.colorbar(image, ax=axes, location="bottom", label=label, aspect=30, pad=0.02)
        if not number:
            axes.set_ylabel("quadrature")
    first = 0
    for weights, usages in measured:
        axes = figure.add_subplot(grid[1, first : first + len(usages)])
        _draw_history(axes, weights.card.history)
        if not first:
            axes.set_ylabel("validation PSNR (dB)")
        first += len(usages)


def _draw_points(axes, usage, limit):
    """Points with their shares, rare ones in front; unused ones are small and grey."""
    from matplotlib.colors import LogNorm, Normalize

    for line in (axes.axhline, axes.axvline):
        line(0, color=_AXIS, linewidth=0.6, zorder=1)
    unused = usage.values[usage.shares == 0]
    order = np.argsort(-usage.shares, kind="stable")[: usage.used]
    values, shares = usage.values[order], usage.shares[order]
    room = min(_spacing(usage.values) * _POINTS_ACROSS / (2 * limit), _LARGEST_POINT)
    if usage.order <= _AREAS_UP_TO:
        norm = Normalize(0, shares[0])
        areas = np.maximum(room**2 * shares / shares[0], 2)
        look = {"edgecolors": "#333333", "linewidths": 0.4}
    else:
        norm = LogNorm(min(shares[-1], shares[0] / 10), shares[0])
        areas = np.full(len(shares), max(1.3 * room, 1) ** 2)
        look = {"linewidths": 0, "marker": "s"}
    size = min(areas.min(), 9)
    axes.scatter(unused.real, unused.imag, s=0.3 * size, c=_UNUSED, linewidths=0, zorder=2)
    image = axes.scatter(
        values.real, values.imag, s=areas, c=shares, cmap=_colours(), norm=norm, zorder=3, **look
    )
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
    return image


def _draw_density(axes, density):
    from matplotlib.colors import LogNorm

    shares, edges = density.shares, density.edges
    most = shares.max()
    norm = LogNorm(min(shares[shares > 0].min(), most / 10), most)
    image = axes.imshow(
        np.ma.masked_equal(shares, 0),
        extent=(edges[0], edges[-1], edges[0], edges[-1]),
        origin="lower",
        cmap=_colours(),
        norm=norm,
        interpolation="nearest",
    )
    for line in (axes.axhline, axes.axvline):
        line(0, color=_AXIS, linewidth=0.6)
    return image


def _draw_history(axes, history):
    axes.set_xlabel("updates of the last phase")
    if not history:
        axes.text(0.5, 0.5, "no history on the card", ha="center", va="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    updates, psnr_db = zip(*history)
    axes.axvspan((1 - _END) * updates[-1], updates[-1], color="#E8E8E8", linewidth=0)
    axes.plot(updates, psnr_db, color=_LINE, linewidth=1.6, marker="o", markersize=3.5)
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(_end_in_words(history), fontsize=8)


def _title(column):
    usage = column.usage
    lines = [*textwrap.wrap(column.name, _TITLE_LETTERS), f"energy {_signed(usage.energy_db)} dB"]
    if column.density is None:
        lines[-1] += f", {usage.used} of {usage.order} points"
        lines.append(f"entropy {_entropy(usage)}")
    else:
        lines.append(f"{1 - column.density.shares.sum():.1%} of the symbols lie outside")
    return "\n".join(lines)


def short_name(weights: Weights) -> str:
    """The name of shipped weights, or that of a file without its folder and suffix."""
    if weights.reference.startswith("zoo:"):
        return weights.name
    return weights.path.name.removesuffix(WEIGHTS_SUFFIX)


def _entropy(usage):
    return f"{usage.entropy_bits:.2f} of {usage.order.bit_length() - 1} bits"


def _end_in_words(history):
    gain_db = end_gain_db(history)
    if gain_db is None:
        return "end of training unknown"
    amount = f"{abs(gain_db):.2f}"
    verb = "lost" if gain_db < 0 and float(amount) else "gained"
    return f"{verb} {amount} dB in the last {_END:.0%}"


def _signed(value_db):
    return f"{round(value_db, 2) + 0.0:+.2f}"  # never -0.00


def _spacing(points):
    """The median distance from a point to its nearest neighbour."""
    from scipy.spatial import KDTree

    places = np.stack([points.real, points.imag], axis=-1)
    return float(np.median(KDTree(places).query(places, k=2)[0][:, 1]))


def _limit(usage):
    """Where an axis ends that shows all points and the circles about them."""
    reach = max(np.abs(usage.values.real).max(), np.abs(usage.values.imag).max())
    return max(_MARGIN * reach, reach + min(_spacing(usage.values) / 2, _POINT_ROOM * reach))


def _density(usage):
    """Shares of analogue symbols in bins over a square about the origin that leaves out the farthest few."""
    parts = np.abs([usage.values.real, usage.values.imag])
    limit = max(np.quantile(part, _SHOWN_QUANTILE) for part in parts) or 1.0
    edges = np.linspace(-limit, limit, _BINS + 1)
    shares, *_ = np.histogram2d(
        usage.values.imag, usage.values.real, bins=(edges, edges), weights=usage.shares
    )
    return _Density(shares, edges)


def _colours():
    import matplotlib
    from matplotlib.colors import ListedColormap

    return ListedColormap(matplotlib.colormaps[_COLOURS](np.linspace(_PALEST, 1, 256)))


def _table(measured, columns):
    """The lines of the CSV: of points, of bins that hold a symbol, and of training."""
    yield ["weights", "order", "part", "in_phase", "quadrature", "share", "updates", "psnr_db"]
    for column in columns:
        name, usage, density = column.weights.name, column.usage, column.density
        if density is None:
            for value, share in zip(usage.values, usage.shares):
                numbers = _numbers(value.real, value.imag, share)
                yield [name, usage.order, "point", *numbers, "", ""]
            continue
        centres = (density.edges[1:] + density.edges[:-1]) / 2
        for up, across in np.argwhere(density.shares):
            numbers = _numbers(centres[across], centres[up], density.shares[up, across])
            yield [name, "", "bin", *numbers, "", ""]
    for weights, _ in measured:
        for updates, psnr_db in weights.card.history:
            yield [weights.name, "", "training", "", "", "", updates, psnr_db]


def _numbers(*values):
    return [f"{value:.7g}" for value in values]
