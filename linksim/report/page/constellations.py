"""The constellations of a run's learned systems, with how often each point is sent."""

import warnings

from linksim import zoo
from linksim.report.modulation import modulation_text
from linksim.report.page.markup import element, fragment
from linksim.report.page.tables import table
from linksim.report.weights import short_name
from linksim.scenario.errors import InputError

MOST = 12
"""Constellations that a page shows."""

_MOST_WEIGHTS = 3  # of one system


def measured(run, tell):
    """Measure what the run's learned systems send for its pictures.

    Of a system with many weights the first, the middle and the last are taken, and of weights for several
    modulation orders those that the results have. Systems with analogue symbols have no constellation.

    Parameters
    ----------
    run : linksim.report.page.folder.Run
    tell : callable
        Takes a line of text before each measurement, which may take seconds.

    Returns
    -------
    (list of (str, Usage), list of str)
        The constellations with their names, and what is left out, in sentences.
    """
    found, notes = [], []
    for reference, (orders, labels) in _wanted(run).items():
        try:
            weights = zoo.find(reference)
            if not weights.card.orders:  # analogue symbols
                continue
            if len(found) >= MOST:
                notes.append(f"The page shows {MOST} constellations; {reference} is left out.")
                continue
            tell(f"measuring what {reference} sends")
            from linksim.evaluation.usage import measure

            usages = measure(weights, run.scenario.images)
        except InputError as error:
            notes.append(f"{reference} could not be measured: {error.problem}.")
            warnings.warn(str(error), stacklevel=1)
            continue
        for usage in usages:
            if len(usages) == 1 or usage.order.bit_length() - 1 in orders:
                name = f"{', '.join(labels)}: {short_name(weights)}, {modulation_text(usage.order)}"
                found.append((name, usage))
    return found[:MOST], notes


def _wanted(run):
    """From weights to the bits per symbol that they sent with and the labels of their systems."""
    wanted = {}
    for spec in run.scenario.systems:
        if spec.type != "learned":
            continue
        table_ = [spec.weights] if isinstance(spec.weights, str) else list(spec.weights.references.values())
        references = list(dict.fromkeys(table_))
        if len(references) > _MOST_WEIGHTS and not spec.orders:
            references = [references[0], references[len(references) // 2], references[-1]]
        sent = {row["modulation_order"] for row in run.rows if row["system"] == spec.label}
        for reference in references:
            orders, labels = wanted.setdefault(reference, (set(), []))
            orders |= sent
            labels.append(spec.label)
    return wanted


def section(constellations, notes):
    """The section's content: a panel for each constellation and a table of them; None without any."""
    if not constellations:
        return fragment(*(element("p", note, class_="note") for note in notes)) if notes else None
    panels = (
        element(
            "figure",
            element(
                "div",
                class_="constellation",
                data_number=number,
                role="img",
                aria_label=name,
            ),
            element("figcaption", name),
        )
        for number, (name, _) in enumerate(constellations)
    )
    heading = (
        "system and weights",
        "points",
        "used",
        "entropy (bits)",
        "of at most",
        "energy (dB)",
        "symbols",
    )
    rows = (
        [
            name,
            usage.order,
            usage.used,
            f"{usage.entropy_bits:.2f}",
            usage.order.bit_length() - 1,
            f"{round(usage.energy_db, 2) + 0.0:+.2f}",
            f"{usage.symbols} ({usage.pictures})",
        ]
        for name, usage in constellations
    )
    return fragment(
        element(
            "p",
            "Area and colour say how often a point is sent for the pictures of the run; of more than 256 "
            "points the colour alone. Grey points are never sent.",
        ),
        element("div", *panels, class_="constellations live"),
        table("Use of the points", heading, rows, text=(0,)),
        *(element("p", note, class_="note") for note in notes),
    )


def data(constellations):
    """Points and shares for the page's script, ready for JSON."""
    return [
        {
            "points": usage.order,
            "real": [round(float(value), 5) for value in usage.values.real],
            "imaginary": [round(float(value), 5) for value in usage.values.imag],
            "share": [float(f"{share:.4g}") for share in usage.shares],
        }
        for _, usage in constellations
    ]
