"""Fills a matplotlib figure with one panel: axes, lines, bands, the tags of single MCSs and the legend."""

import math
import textwrap

import numpy as np

from linksim.report.curves import BOUND, MAIN, PUBLISHED, SINGLE, interval
from linksim.report.labels import axis_label, fraction_text
from linksim.report.style import line_styles

_WIDTH_INCHES = 6.4
_LEGEND_LETTERS = 64  # longer labels are broken
_PANEL_HEIGHT_INCHES = 4.1
_LEGEND_ROW_INCHES = 0.17
_MARKERS_PER_LINE = 24
_ROOM_FOR_BANDS = 0.15  # what intervals may add to the axis, as a share of the lines' range
_MANY_TAGS = 16
_MARKED_PLACES = 9
_TAG_POINTS = 6.5  # the height of a line
_LETTER_POINTS = 3.2


def fill_figure(figure, curves, shown, x, y, log_x, log_y, title):
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
    log_x, log_y : bool
        Whether the horizontal or the vertical axis is logarithmic.
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
    if log_x:
        axes.set_xscale("log", base=2)
        _mark(axes, x, sorted({row[x] for rows in shown for row in rows}))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))
    values = [row[y] for rows in shown for row in rows]
    if log_y:
        axes.set_yscale("log")
        axes.set_ylim(0.7 * min(values), 1.4 * max(values))
    elif room := _ROOM_FOR_BANDS * (max(values) - min(values)):
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, min(values) - room), min(high, max(values) + room))
    _add_legend(figure, curves, lines)
    if any(curve.role == SINGLE for curve in curves):
        figure.draw_without_rendering()  # settles the layout, which decides how many tags have room
        _tag_singles(axes, curves, lines, shown, x, y)


def _mark(axes, x, values):
    """On a logarithmic axis, tell the places of the points themselves where they are few."""
    if len(values) <= _MARKED_PLACES:
        texts = [fraction_text(value) if x == "cbr" else f"{value:g}" for value in values]
        axes.set_xticks(values, texts)
        axes.minorticks_off()


def _plot_curve(axes, curve, rows, x, y, style):
    """One curve and, for a system, its band; returns the line.

    Rows that the axes cannot show stay in as gaps, so that no line or band bridges a missing number.
    """
    missing = float("nan")
    seen = {id(row) for row in rows}
    points = [row for row in curve.rows if isinstance(row[x], float)]
    xs = [row[x] for row in points]
    ys = [row[y] if id(row) in seen else missing for row in points]
    if curve.role == PUBLISHED:
        return axes.plot(xs, ys, **style)[0]
    alone = _isolated(ys)
    if curve.role != MAIN:
        dots = {"marker": ".", "markersize": 4, "markevery": alone} if alone else {}
        return axes.plot(xs, ys, **style, **dots)[0]
    limits = [(id(row) in seen and interval(row, y)) or (missing, missing) for row in points]
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


def _tag_singles(axes, curves, lines, shown, x, y):
    """Write the tags of single MCSs where their lines end.

    A line ends at the right edge, where the text stands outside the axes, or where its error rate falls off a
    logarithmic axis. Where it was pruned it ends under the envelope, and a tag would stand in other lines.
    At the right edge tags are moved up and down until all have room, unless there are too many; then, and
    elsewhere, tags without room are left out.
    """
    from matplotlib.patheffects import withStroke

    leading = [(row[x], row[y]) for curve, rows in zip(curves, shown) if curve.role != SINGLE for row in rows]
    ends = [(curve, (rows[-1][x], rows[-1][y])) for curve, rows in zip(curves, shown) if curve.role == SINGLE]
    if len(ends) > 1 and len({end for _, end in ends}) == 1:
        return
    ends.sort(key=lambda end: -end[1][1])
    right_edge = max(point[0] for point in [*leading, *(end for _, end in ends)])
    colours = {  # the policy's own line has the full colour
        (curve.system, curve.variant): line.get_color()
        for role in (SINGLE, MAIN)
        for curve, line in zip(curves, lines)
        if curve.role == role
    }

    def place(point):
        """Where a point lies on the page, in units of 1/72 inch."""
        return axes.transData.transform(point) * 72 / axes.figure.dpi

    taken = [place(point) for point in leading if point[0] < right_edge]
    tags = []  # the curve, where it ends, and how far from there its tag begins
    one_by_one = [end for end in ends if end[1][0] == right_edge]
    if len(one_by_one) <= _MANY_TAGS:
        heights = [place(end)[1] for _, end in one_by_one]
        drifts = np.subtract(_spread(heights), heights)
        tags = [(curve, end, (6, drift)) for (curve, end), drift in zip(one_by_one, drifts)]
        taken += [place(end) + offset for _, end, offset in tags]
        one_by_one = []
    if axes.get_yscale() == "log":
        one_by_one += [end for end in ends if end[1][0] < right_edge]
    for curve, end in one_by_one:
        offset = 4 if end[0] < right_edge else 6
        across, up = place(end)
        width = 3 + _LETTER_POINTS * len(curve.tag)
        if not any(
            abs(across + offset - other) < width and abs(up - height) < _TAG_POINTS for other, height in taken
        ):
            taken.append((across + offset, up))
            tags.append((curve, end, (offset, 0)))
    for curve, end, offset in tags:
        axes.annotate(
            curve.tag,
            end,
            xytext=offset,
            textcoords="offset points",
            fontsize=6,
            color=colours[curve.system, curve.variant],
            va="center",
            annotation_clip=False,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
        )


def _spread(heights):
    """Falling heights, moved as little as makes room for a tag at each."""
    from scipy.optimize import isotonic_regression

    room = _TAG_POINTS * np.arange(len(heights))
    return isotonic_regression(heights + room, increasing=False).x - room if len(heights) else room


def _add_legend(figure, curves, lines):
    """The legend below the panel, headed by what all curves share; the figure grows by its height."""
    from matplotlib.legend_handler import HandlerTuple

    handles = {}
    order = (MAIN, BOUND, PUBLISHED, SINGLE)
    for curve, line in sorted(zip(curves, lines), key=lambda pair: order.index(pair[0].role)):
        handles.setdefault(curve.label, []).append(line)
    for label, of_label in handles.items():
        # A family of MCSs shows its range of shades.
        chosen = sorted({round(i * (len(of_label) - 1) / 3) for i in range(4)})
        alike = len({line.get_color() for line in of_label}) == 1
        handles[label] = of_label[0] if alike else tuple(of_label[i] for i in chosen)
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
