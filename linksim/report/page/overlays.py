"""Published results on a page: over the chart of every pair of columns for which they have numbers."""

from linksim.report import published
from linksim.report.page.charts import Overlay

_HORIZONTAL, _VERTICAL = ("snr_db", "cbr"), ("psnr_db", "accuracy")


def published_overlays(run, names=()):
    """The curves of published results, those that the run's figures overlay first.

    Parameters
    ----------
    run : linksim.report.page.folder.Run
    names : iterable of str or path
        As `linksim.report.published.load` takes them.

    Returns
    -------
    list of Overlay

    Raises
    ------
    linksim.scenario.errors.InputError
        There are no such results.
    """
    of_figures = [name for figure in run.scenario.figures for name in figure.overlay or ()]
    cbrs = frozenset(row["cbr"] for row in run.rows)
    found = []
    for name in dict.fromkeys([*of_figures, *names]):
        source = published.load(name)
        note = "; ".join(filter(None, (source.source, source.where, source.note)))
        columns = [y for y in _VERTICAL if any(getattr(series, y) for series in source.series)]
        found += [
            Overlay(curve.label, x, y, tuple(zip(curve.x, curve.y)), note)
            for x in _HORIZONTAL
            for y in columns
            for curve in published.published_curves(name, x, y, cbrs)
        ]
    return found
