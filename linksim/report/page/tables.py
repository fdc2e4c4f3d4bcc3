"""The tables of a page: results as results.csv has them, choices at each SNR, quality of the chains."""

from linksim.report import quality, waterfall
from linksim.report.curves import MAIN, to_curves
from linksim.report.labels import axis_label, axis_markup, mcs_text, value_text
from linksim.report.page.markup import Markup, element, fragment
from linksim.report.table import TEXT_COLUMNS, by_sweep

_FEW_LINES = 14

#: Columns that are told once, in a sentence, where all lines agree.
_SAID_ONCE = {
    "channel": "channel {}",
    "cbr": "CBR {}",
    "images": "{} {}s",
    "trials": "trials of each {1}: {0}",
    "channel_uses": "{} channel uses per {}",
    "cbr_std": "standard deviation of the CBR {}",
    "pilot_overhead": "{} of the resource elements are pilots",
}


def table(caption, heading, rows, *, text=(), class_=None):
    """A table with a caption, in a frame that scrolls sideways where it is too wide.

    Parameters
    ----------
    caption : str
    heading : sequence of str or Markup
    rows : iterable of sequences
        Texts, markup or whole `td` elements; the first one heads its row.
    text : container of int
        Places of the columns that hold words; numbers stand to the right.
    """

    def cell(place, content):
        if isinstance(content, Markup) and content.startswith("<td"):
            return content
        side = None if place in text else "number"
        if place == 0:
            return element("th", content, scope="row", class_=side)
        return element("td", content, class_=side)

    head = (
        element("th", title, scope="col", class_=None if place in text else "number")
        for place, title in enumerate(heading)
    )
    body = (element("tr", *(cell(place, content) for place, content in enumerate(row))) for row in rows)
    whole = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_=class_,
    )
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def folded(summary, content, *, unfolded=False):
    """Content that opens on demand."""
    return element("details", element("summary", summary), content, open=unfolded)


def results(run):
    """Every line of results.csv: systems and bounds, and single MCSs folded.

    Cells are the text of the file; empty columns, and those that say the same in every line, are left out.
    """
    lines = list(zip(run.rows, run.cells))
    policy = {row["system"] for row, _ in lines if row["mcs"].startswith(("envelope:", "threshold:"))}
    single = [cells for row, cells in lines if row["system"] in policy and ":" not in row["mcs"]]
    leading = [cells for row, cells in lines if not (row["system"] in policy and ":" not in row["mcs"])]
    columns = _useful(run.cells)
    unit = "picture" if run.scenario.has_pictures else "block"
    said = [
        text.format(_value(run.rows[0], name), unit)
        for name, text in _SAID_ONCE.items()
        if _constant(run, name)
    ]
    return fragment(
        element("p", "The same in all lines: ", "; ".join(said), ".") if said else None,
        _lines(f"Systems and bounds, {_count(len(leading), 'line')}", columns, leading),
        folded(
            f"Single MCSs that were decoded, {_count(len(single), 'line')}",
            _lines("Single MCSs that were decoded", columns, single),
        )
        if single
        else None,
    )


def _useful(lines):
    return [
        name
        for name in lines[0]
        if (name not in _SAID_ONCE and any(cells[name] for cells in lines))
        or (name in _SAID_ONCE and len({cells[name] for cells in lines}) > 1)
    ]


def _constant(run, name):
    """Whether all lines say the same; that no rate varies goes without saying."""
    values = {row[name] for row in run.rows}
    return len(values) == 1 and values not in ({None}, {""}) and (name, values) != ("cbr_std", {0.0})


def _value(row, name):
    return (
        value_text(name, row[name]).removeprefix("CBR ") if name in ("channel", "cbr") else f"{row[name]:g}"
    )


def _lines(caption, columns, lines):
    heading = [element("abbr", name, title=_plain(name)) for name in columns]
    words = {place for place, name in enumerate(columns) if name in TEXT_COLUMNS or name.startswith("sweep.")}
    rows = ([cells[name] for name in columns] for cells in lines)
    return table(caption, heading, rows, text=words, class_="sortable")


def _plain(column):
    """An axis label without formulas."""
    return axis_label(column).replace("$", "").replace("\\rho", "ρ")


def choices(run):
    """At each SNR the MCS, modulation order or weights that every system with a choice sent with.

    Returns
    -------
    Markup or None
        None where nothing was chosen.
    """
    curves = [
        curve
        for curve in to_curves(run.rows)
        if curve.role == MAIN and len({row["mcs"] for row in curve.rows}) > 1
    ]
    if not curves:
        return None
    snrs = sorted({row["snr_db"] for curve in curves for row in curve.rows})
    at = [{row["snr_db"]: row for row in curve.rows} for curve in curves]
    rows = ([f"{snr:g}", *(_choice(chosen.get(snr)) for chosen in at)] for snr in snrs)
    heading = [axis_markup_of_snr(), *(_chooser(curve) for curve in curves)]
    caption = "MCSs, or weights, by SNR; a stronger shade means more bits per symbol"
    return table(caption, heading, rows, text=range(1, len(curves) + 1), class_="choices")


def axis_markup_of_snr():
    """The heading of a column of SNRs."""
    return Markup(axis_markup("snr_db"))


def _chooser(curve):
    policy = curve.mcs if curve.mcs in ("envelope", "threshold") else ""
    return f"{curve.label} ({policy})" if policy and policy not in curve.label else curve.label


def _choice(row):
    if row is None:
        return element("td", "")
    name, rate = row["mcs"].rpartition(":")[2], mcs_text(row)
    order = row["modulation_order"]
    shown = fragment(element("b", name), " ", element("span", rate if rate != row["mcs"] else ""))
    return element("td", shown, data_order=None if order is None else f"{order:g}")


def chain_quality(run):
    """Cliffs, distance to the bound, steepness, and block error rates of studies of bits.

    Returns
    -------
    Markup or None
        None where the run tells nothing of them.
    """
    groups = [(heading, _quality_of(rows)) for heading, rows in by_sweep(run.rows)]
    parts = [
        fragment(element("h3", heading) if heading else None, content)
        for heading, content in groups
        if content is not None
    ]
    return fragment(*parts) if parts else None


def _quality_of(rows):
    """The same of rows without sweeps."""
    found = quality.gaps(rows)
    cliffs = [
        (system, cbr, cliff)
        for system, cbr in dict.fromkeys((row["system"], row["cbr"]) for row in rows)
        if cbr is not None  # a study without pictures has no plateaus
        for cliff in quality.cliffs(rows, system, cbr)
    ]
    sentences = [
        line
        for line in quality.describe(rows) + waterfall.describe(rows)
        if not line.startswith("  from ")  # these are the table of distances
    ]
    parts = [element("ul", *(element("li", line) for line in sentences)) if sentences else None]
    if found:
        heading = ("system", "bound", "CBR", "mean (dB)", "least (dB)", "most (dB)", "PSNR above bound (dB)")
        distances = (
            [
                gap.system,
                gap.bound,
                f"{gap.cbr:.4g}",
                f"{gap.mean_db:.2f}",
                f"{min(gap.gap_db):.2f}",
                f"{max(gap.gap_db):.2f}",
                f"{gap.excess_db:+.3f}",
            ]
            for gap in found
        )
        caption = "SNR that an envelope needs beyond its bound for the same PSNR, between its thresholds"
        parts.append(table(caption, heading, distances, text=(0, 1)))
    if cliffs:
        heading = ("system", "MCS", "CBR", "threshold (dB)", "width (dB)", "plateau PSNR (dB)", "ripple (dB)")
        edges = (
            [
                system,
                cliff.mcs,
                f"{cbr:.4g}",
                f"{cliff.threshold_db:g}",
                f"{cliff.width_db:g}",
                f"{cliff.plateau_db:.2f}",
                f"{cliff.ripple_db:.3f}",
            ]
            for system, cbr, cliff in cliffs
        )
        shown = table("Cliffs: where each MCS begins to work", heading, edges, text=(0, 1))
        parts.append(
            folded(f"Cliffs of {_count(len(cliffs), 'MCS')}", shown, unfolded=len(cliffs) <= _FEW_LINES)
        )
    return fragment(*parts) if any(parts) else None


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
