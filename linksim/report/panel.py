"""Fills a matplotlib figure with one panel: axes, lines, bands, the numbers of single MCSs and the legend."""

import math
import textwrap

from linksim.report.curves import BOUND, MAIN, SINGLE
from linksim.report.labels import axis_label
from linksim.report.style import line_styles

INTERVALS = {
    "psnr_db": ("psnr_ci95_db",),
    "accuracy": ("accuracy_lo", "accuracy_hi"),
    "bler": ("bler_lo", "bler_hi"),
}
"""The 95% interval of a column: one column holds a half-width, two hold the limits."""

_WIDTH_INCHES = 6.4
_LEGEND_LETTERS = 64  # longer labels are broken
_PANEL_HEIGHT_INCHES = 4.1
_LEGEND_ROW_INCHES = 0.17
_MARKERS_PER_LINE = 24


def fill_figure(figure, curves, shown, x, y, log_y, title):
    """Draw the panel.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty, with the constrained layout.
    curves : list of linksim.report.curves.Curve
    shown : list of list of dict
        Of every curve, the rows that the axes can show.
    x, y : str
        Columns of the results table.
    log_y : bool
        Whether the vertical axis is logarithmic.
    title : str or None
        Heads the panel.
    """
    from matplotlib.ticker import MaxNLocator

    figure.set_size_inches(_WIDTH_INCHES, _PANEL_HEIGHT_INCHES)
    axes = figure.add_subplot()
    axes.set_xlabel(axis_label(x))
    axes.set_ylabel(axis_label(y))
    if title:
        axes.set_title(title)
    if not any(shown):
        message = "every value is zero:\nnothing to show on a logarithmic axis"
        axes.text(0.5, 0.5, message, ha="center", va="center", transform=axes.transAxes)
        return

    visible = [i for i, rows in enumerate(shown) if rows]
    curves, shown = [curves[i] for i in visible], [shown[i] for i in visible]
    lines = [
        _plot_curve(axes, curve, rows, x, y, style)
        for curve, rows, style in zip(curves, shown, line_styles(curves))
    ]
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))
    if log_y:
        values = [row[y] for rows in shown for row in rows]
        axes.set_yscale("log")
        axes.set_ylim(0.7 * min(values), 1.4 * max(values))
    _add_legend(figure, curves, lines)
    if len({(curve.system, curve.variant) for curve in curves if curve.role == SINGLE}) == 1:
        figure.draw_without_rendering()  # settles the layout, which decides how many numbers have room
        _number_singles(axes, curves, shown, x, y)


def _plot_curve(axes, curve, rows, x, y, style):
    """One curve and, for a system, its band; returns the line.

    Rows that the axes cannot show stay in as gaps, so that no line or band bridges a missing number.
    """
    missing = float("nan")
    seen = {id(row) for row in rows}
    points = [row for row in curve.rows if isinstance(row[x], float)]
    xs = [row[x] for row in points]
    ys = [row[y] if id(row) in seen else missing for row in points]
    alone = _isolated(ys)
    if curve.role != MAIN:
        dots = {"marker": ".", "markersize": 4, "markevery": alone} if alone else {}
        return axes.plot(xs, ys, **style, **dots)[0]
    limits = [(id(row) in seen and _interval(row, y)) or (missing, missing) for row in points]
    lows, highs = zip(*limits)
    band = {"color": style["color"], "alpha": 0.18, "zorder": 1.5}
    axes.fill_between(xs, lows, highs, linewidth=0, **band)
    for i in alone:
        axes.vlines(xs[i], lows[i], highs[i], linewidth=6, **band)
    every = math.ceil(len(xs) / _MARKERS_PER_LINE)
    return axes.plot(xs, ys, **style, markevery=sorted({*range(0, len(xs), every), *alone}))[0]


def _isolated(values):
    """The indices of numbers without a neighbour, which a line alone would not show."""
    missing = [True, *(math.isnan(value) for value in values), True]
    return [i for i in range(len(values)) if missing[i] and not missing[i + 1] and missing[i + 2]]


def _interval(row, y):
    """The lower and upper limit of a row's number, or None where the table has none."""
    values = [row[column] for column in INTERVALS.get(y, ())]
    if not values or None in values:
        return None
    return (row[y] - values[0], row[y] + values[0]) if len(values) == 1 else tuple(values)


def _number_singles(axes, curves, shown, x, y):
    """Write the indices of single MCSs where their lines end, highest first, as far as they have room.

    A line ends at the right edge, where the text stands outside the axes, or where its error rate falls off a
    logarithmic axis. Where it was pruned it ends under the envelope, and a number would stand in other lines.
    """
    from matplotlib.patheffects import withStroke

    leading = [(row[x], row[y]) for curve, rows in zip(curves, shown) if curve.role != SINGLE for row in rows]
    ends = [(curve, rows[-1][x], rows[-1][y]) for curve, rows in zip(curves, shown) if curve.role == SINGLE]
    right_edge = max([point[0] for point in leading] + [end[1] for end in ends])

    def place(point):
        """Where a point lies on the page, in units of 1/72 inch."""
        return axes.transData.transform(point) * 72 / axes.figure.dpi

    taken = [place(point) for point in leading if point[0] < right_edge]
    for curve, *end in reversed(ends):
        inside = end[0] < right_edge
        offset = 7 if inside else 9  # at the right edge, clear of the other curves' last markers
        across, up = place(end)
        across += offset
        crowded = any(abs(across - other) < 10 and abs(up - height) < 6.5 for other, height in taken)
        if crowded or (inside and axes.get_yscale() != "log"):
            continue
        taken.append((across, up))
        axes.annotate(
            curve.mcs.rpartition("/")[2],
            end,
            xytext=(offset, 0),
            textcoords="offset points",
            fontsize=6,
            color="#555555",
            ha="center",
            va="center",
            annotation_clip=False,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )


def _add_legend(figure, curves, lines):
    """The legend below the panel, headed by what all curves share; the figure grows by its height."""
    from matplotlib.legend_handler import HandlerTuple

    handles = {}
    for curve, line in sorted(zip(curves, lines), key=lambda pair: (MAIN, BOUND, SINGLE).index(pair[0].role)):
        handles.setdefault(curve.label, []).append(line)
    for label, of_label in handles.items():
        # A family of MCSs shows its range of shades.
        chosen = sorted({round(i * (len(of_label) - 1) / 3) for i in range(4)})
        handles[label] = tuple(of_label[i] for i in chosen) if len(chosen) > 1 else of_label[0]
    labels = [textwrap.fill(label, _LEGEND_LETTERS) for label in handles]
    context = curves[0].context
    for rows in sorted({math.ceil(len(handles) / columns) for columns in (3, 2, 1)}):
        legend = figure.legend(
            handles.values(),
            labels,
            title=context or None,
            loc="outside lower center",
            ncols=math.ceil(len(handles) / rows),
            frameon=False,
            handlelength=3.2,
            handler_map={tuple: HandlerTuple(ndivide=None, pad=0.15)},
        )
        if rows == len(handles) or legend.get_window_extent().width <= 0.98 * figure.bbox.width:
            break
        legend.remove()
    broken = sum(label.count("\n") for label in labels)
    height = _PANEL_HEIGHT_INCHES + (rows + broken + bool(context)) * _LEGEND_ROW_INCHES
    figure.set_size_inches(_WIDTH_INCHES, height)
