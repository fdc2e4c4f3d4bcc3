"""Turns the curves of a run into what the page's charts draw: numbers, hover texts and looks, as JSON."""

import html
from typing import NamedTuple

from linksim.report.closed_form import closed_forms
from linksim.report.curves import BOUND, MAIN, SINGLE, interval, to_curves
from linksim.report.labels import axis_markup, fraction_text, mcs_text, short_label
from linksim.report.style import DARK, LIGHT, line_styles
from linksim.report.target import targets

_COLUMNS = (
    "psnr_db", "ssim", "ms_ssim", "accuracy", "bler", "ber", "ser", "psnr_delivered_db", "channel_outage",
    "codec_infeasible", "papr_db",
)  # fmt: skip
"""What can be chosen for the vertical axis, in this order, where the run has it."""

_RATES = ("bler", "ber", "ser")

_FEW_TICKS = 9

#: Matplotlib's markers as Plotly calls them.
_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "<": "triangle-left",
}

_OVERLAY_SYMBOLS = ("star", "hexagon", "pentagon", "bowtie")


class Overlay(NamedTuple):
    """A curve from elsewhere, such as a published one, drawn over those of the run.

    Attributes
    ----------
    label : str
        What the legend calls it.
    x, y : str
        The columns of the results table whose numbers it gives, in their units.
    points : sequence of (float, float)
        In the order of the line.
    note : str
        Source and conventions, shown below the chart.
    """

    label: str
    x: str
    y: str
    points: tuple[tuple[float, float], ...]
    note: str = ""


def axes(run):
    """The columns that the page's chart offers.

    Parameters
    ----------
    run : linksim.report.page.folder.Run

    Returns
    -------
    (list of str, list of str)
        For the horizontal and the vertical axis, those of the scenario's first figure first.
    """
    scenario, rows = run.scenario, run.rows
    horizontal = [figure.x for figure in scenario.figures]
    if len(scenario.channel.snr_db) > 1 or not horizontal:
        horizontal.append("snr_db")
    if scenario.bandwidth is not None and len(scenario.bandwidth.cbr) > 1:
        horizontal.append("cbr")
    vertical = [figure.y for figure in scenario.figures] + [name for name in _COLUMNS if _tells(rows, name)]
    return [
        [name for name in dict.fromkeys(names) if any(row[name] is not None for row in rows)]
        for names in (horizontal, vertical)
    ]


def _tells(rows, column):
    """Whether a column says something that its neighbours do not."""
    values = [row[column] for row in rows if row[column] is not None]
    if column == "psnr_delivered_db":
        return any(row[column] not in (None, row["psnr_db"]) for row in rows)
    return any(values) if column in ("channel_outage", "codec_infeasible", "papr_db") else bool(values)


def charts(run, overlays=()):
    """Every chart that can be chosen, ready for JSON.

    Parameters
    ----------
    run : linksim.report.page.folder.Run
    overlays : sequence of Overlay

    Returns
    -------
    list of dict
        For each pair of columns: `x`, `y`, their titles as HTML, whether the axes start logarithmic, the
        context and the curves. The texts are escaped for Plotly, which reads HTML.
    """
    figures = {(figure.x, figure.y): figure for figure in run.scenario.figures}
    horizontal, vertical = axes(run)
    found = []
    for x in horizontal:
        measured = to_curves(run.rows, x)
        for y in vertical:
            if x == y:
                continue
            curves = measured + closed_forms(measured, x, y)
            curves += targets(measured, x, y, run.scenario.target_blers)
            figure = figures.get((x, y))
            found.append(
                {
                    "x": x,
                    "y": y,
                    "xName": html.escape(short_label(x)),
                    "xTitle": axis_markup(x),
                    "yTitle": axis_markup(y),
                    "xTicks": _ticks(measured, x),
                    "xLog": figure.log_x if figure else False,
                    "yLog": figure.log_y if figure else y in _RATES and not run.scenario.has_pictures,
                    "context": measured[0].context,
                    "curves": [*_drawn(curves, x, y), *_laid_over(overlays, x, y)],
                }
            )
    return found


def _ticks(curves, x):
    """CBRs with their fractions, where they are few; nothing for other columns."""
    values = sorted({row[x] for curve in curves for row in curve.rows if row[x] is not None})
    if x != "cbr" or len(values) > _FEW_TICKS:
        return None
    return {"values": values, "texts": [fraction_text(value) for value in values]}


def _drawn(curves, x, y):
    looks = list(zip(line_styles(curves, LIGHT), line_styles(curves, DARK)))
    drawn = [_curve(curve, *look, x, y) for curve, look in zip(curves, looks)]
    # A tag has the full colour: that of the policy's own line, or of the last MCS.
    full = {}
    for role in (SINGLE, MAIN):
        full |= {_family(curve): line["colour"] for curve, line in zip(curves, drawn) if curve.role == role}
    for curve, line in zip(curves, drawn):
        if curve.role == SINGLE:
            line["tagColour"] = full[_family(curve)]
    return drawn


def _family(curve):
    return curve.system, curve.variant


def _curve(curve, light, dark, x, y):
    rows = [row for row in curve.rows if row.get(x) is not None]
    chosen = len({row["mcs"] for row in rows}) > 1
    limits = [(row.get(y) is not None and curve.role != BOUND and interval(row, y)) or None for row in rows]
    drawn = {
        "label": html.escape(curve.label),
        "role": curve.role,
        "tag": html.escape(curve.tag),
        "x": [row[x] for row in rows],
        "y": [row.get(y) for row in rows],
        "text": [_hover_text(curve, row, y, chosen) for row in rows],
        "colour": [light["color"], dark["color"]],
        "width": light["linewidth"] * 1.15,
        "dash": _dashes(light.get("linestyle", "-"), light["linewidth"]),
    }
    if "marker" in light:
        open_ = light["markerfacecolor"] != light["color"]
        drawn["symbol"] = _SYMBOLS[light["marker"]] + ("-open" if open_ else "")
    if curve.role != SINGLE and any(limits):
        drawn["low"], drawn["high"] = ([each and each[side] for each in limits] for side in (0, 1))
    return drawn


def _laid_over(overlays, x, y):
    """Published curves: dotted, in ink, with marks that no system has."""
    fitting = [overlay for overlay in overlays if (overlay.x, overlay.y) == (x, y)]
    return [
        {
            "label": html.escape(overlay.label),
            "role": "overlay",
            "tag": "",
            "note": overlay.note,
            "x": [float(at) for at, _ in overlay.points],
            "y": [float(value) for _, value in overlay.points],
            "text": [f"{value:.4g}" for _, value in overlay.points],
            "colour": [LIGHT.grey, DARK.grey],
            "width": 1.5,
            "dash": "1.5px,3px",
            "symbol": _OVERLAY_SYMBOLS[number % len(_OVERLAY_SYMBOLS)] + "-open",
        }
        for number, overlay in enumerate(fitting)
    ]


def _hover_text(curve, row, y, chosen):
    """What stands beside the pointer: the number, its interval, the MCS in use, what was counted."""
    if row.get(y) is None:
        return ""
    form = ".2f" if y.endswith("_db") else ".4g"
    words = [f"{row[y]:{form}}"]
    limits = [f"{limit:{form}}" for limit in interval(row, y) or ()]
    if len(set(limits)) > 1:
        words[0] += f" ({' to '.join(limits)})"
    if chosen or curve.role == SINGLE:
        name, rate = row["mcs"].rpartition(":")[2], mcs_text(row)
        words.append(name if rate == row["mcs"] else f"{name}, {rate}")
    if row.get("channel_outage"):
        words.append(f"{row['channel_outage']:g} lost")
    if row.get("codec_infeasible"):
        words.append(f"{row['codec_infeasible']:g} without a file")
    return html.escape(" · ".join(words))


def _dashes(style, width):
    """Matplotlib's dashes, in units of the line's width, as Plotly's, in pixels."""
    if style == "-":
        return "solid"
    return ",".join(f"{length * width * 1.15:.2g}px" for length in style[1])


def names(run):
    """The columns of both axes with their short names."""
    return [[(name, short_label(name)) for name in side] for side in axes(run)]
