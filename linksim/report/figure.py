"""Draws curves as a figure for print: PNG, PDF and a CSV of the numbers shown, the same bytes every time."""

import io
from contextlib import contextmanager

from linksim.report.curves import INTERVALS
from linksim.report.files import write_figure
from linksim.report.panel import fill_figure
from linksim.report.style import FIGURE_STYLE
from linksim.scenario.errors import InputError


def draw(curves, x, y, path_stem, *, log_x=False, log_y=False, title=None):
    """Draw one column of the results table against another.

    Systems are thick lines with markers and, where the table has one, their 95% interval as a band; single
    MCSs are thin lines in shades of their system's colour, darker with the index; bounds are dashed. A point
    without a number interrupts its curve, and so does a zero on a logarithmic axis.

    Parameters
    ----------
    curves : list of linksim.report.curves.Curve
        As `to_curves` gives them for this `x`.
    x, y : str
        Columns of the results table that hold numbers.
    path_stem : str or path-like
        Where to write, without the ending; missing folders are made.
    log_x, log_y : bool
        Whether the horizontal or the vertical axis is logarithmic.
    title : str or None
        Heads the figure.

    Returns
    -------
    list of pathlib.Path
        The PNG, the PDF and the CSV with every point shown. Each file is complete or not there at all, and
        the same curves give the same bytes.

    Raises
    ------
    linksim.scenario.errors.InputError
        If `x` or `y` is no column of the table or holds no number.
    """
    _check_columns(curves, x, y)
    shown = [[row for row in curve.rows if _has_place(row, x, y, log_x, log_y)] for curve in curves]
    with _filled(curves, shown, x, y, log_x, log_y, title) as figure:
        return write_figure(figure, _table(curves, shown, x, y), path_stem)


def draw_svg(curves, x, y, *, log_x=False, log_y=False):
    """The same figure as the text of an SVG element, for a page.

    Raises
    ------
    linksim.scenario.errors.InputError
        As `draw`.
    """
    _check_columns(curves, x, y)
    shown = [[row for row in curve.rows if _has_place(row, x, y, log_x, log_y)] for curve in curves]
    with _filled(curves, shown, x, y, log_x, log_y, None) as figure:
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]  # without the XML declaration and the document type


@contextmanager
def _filled(curves, shown, x, y, log_x, log_y, title):
    """A matplotlib figure with the panel drawn; its style holds until it is saved."""
    # Half a second of imports that only figures need.
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", FIGURE_STYLE]):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        fill_figure(figure, curves, shown, x, y, log_x, log_y, title)
        yield figure


def _check_columns(curves, x, y):
    """Raise InputError unless both columns hold a number somewhere."""
    rows = [row for curve in curves for row in curve.rows]
    useful = sorted({column for row in rows for column, value in row.items() if isinstance(value, float)})
    for column in (x, y):
        if column not in useful:
            known = any(column in row for row in rows)
            problem = "the column holds no number in these results" if known else "there is no such column"
            if known and column == "accuracy":
                problem += ": it takes labelled pictures and a system that names classes"
            raise InputError(problem, field=column, mend=f"choose one of {', '.join(useful) or 'none'}")


def _has_place(row, x, y, log_x, log_y):
    """Whether the figure can show a row."""
    numbers = isinstance(row.get(x), float) and isinstance(row.get(y), float)
    return numbers and (row[x] > 0 or not log_x) and (row[y] > 0 or not log_y)


def _table(curves, shown, x, y):
    """The points shown, one a line, with the columns that identify them and their interval."""
    swept = sorted(
        {column for rows in shown for row in rows for column in row if column.startswith("sweep.")}
    )
    identity = ["system", "channel", "cbr", "snr_db", *swept, "mcs"]
    columns = list(dict.fromkeys([*identity, x, y, *INTERVALS.get(y, ())]))
    yield ["curve", *columns]
    for curve, rows in zip(curves, shown):
        for row in rows:
            yield [curve.label, *(row.get(column) for column in columns)]
