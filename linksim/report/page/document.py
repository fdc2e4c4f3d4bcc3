"""Puts a page together and writes it: template, style, scripts and data in one file."""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from string import Template

import linksim
from linksim.report.closed_form import closed_forms
from linksim.report.curves import to_curves
from linksim.report.figure import draw_svg
from linksim.report.files import write_whole
from linksim.report.page import charts, constellations, origin, pictures, tables, words
from linksim.report.page.charts import Overlay
from linksim.report.page.folder import Run, read_run
from linksim.report.page.markup import Markup, choice, element, embedded_json, fragment
from linksim.report.page.overlays import published_overlays
from linksim.report.target import targets
from linksim.scenario.errors import InputError


def write_page(
    folder: Path,
    path: Path | None = None,
    overlays: Sequence[Overlay] = (),
    published: Sequence[str | Path] = (),
    tell: Callable[[str], object] = lambda line: None,
) -> Path:
    """Write the page of a run.

    Parameters
    ----------
    folder : Path
        A run folder.
    path : Path or None
        Where to write; None writes `report.html` into the folder.
    overlays : sequence of Overlay
        Curves from elsewhere, over those of the run.
    published : sequence of str or Path
        Published results to draw besides those that the run's figures overlay.
    tell : callable
        Takes a line of text before each step that takes seconds.

    Returns
    -------
    Path
        The page, complete or not there at all.

    Raises
    ------
    InputError
        Plotly is not installed, the folder holds no run with a finished point, one of its files cannot be
        read, or the page cannot be written.
    """
    plotly = _plotly()
    run = read_run(folder)
    path = path or folder / "report.html"
    overlays = [*overlays, *published_overlays(run, published)]
    page = _page(run, overlays, constellations.measured(run, tell), plotly)
    try:
        return write_whole(path, page.encode())
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(problem, file=str(path), mend="choose another --out") from error


def _plotly():
    """The text of Plotly's script."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        problem = "the page's charts need the package plotly, which is not installed"
        raise InputError(problem, mend="install the extra `report`: pip install 'linksim[report]'") from None
    return get_plotlyjs()


def _page(run: Run, overlays, measured, plotly) -> str:
    found, notes = measured
    drawn = charts.charts(run, overlays)
    sections = {
        "scenario": ("The scenario", words.describe(run)),
        "curves": ("Curves", _curves(run, drawn)),
        "pictures": ("Pictures", pictures.gallery(run)),
        "choices": ("What was sent at each SNR", tables.choices(run)),
        "constellations": ("Constellations", constellations.section(found, notes)),
        "quality": ("Quality of the chains", tables.chain_quality(run)),
        "results": ("Results", tables.results(run)),
        "origin": ("Where it comes from", origin.section(run)),
    }
    sections = {name: content for name, content in sections.items() if content[1] is not None}
    early, script = _resource("early.js"), _resource("page.js")
    data = {"name": run.scenario.name, "charts": drawn, "constellations": constellations.data(found)}
    title = run.scenario.title or run.scenario.name
    return Template(_resource("page.html")).substitute(
        title=fragment(title),
        heading=_unbroken(title),
        policy=_policy(early, plotly, script),
        early=early,
        style=_resource("page.css"),
        summary=_summary(run),
        warning=_warning(run),
        navigation=fragment(
            *(element("a", heading, href=f"#{name}") for name, (heading, _) in sections.items())
        ),
        sections="\n".join(
            element("section", element("h2", heading), content, id=name)
            for name, (heading, content) in sections.items()
        ),
        version=fragment(linksim.__version__),
        data=embedded_json(data),
        plotly=plotly,
        script=script,
    )


def _unbroken(title):
    """A heading that no line break parts at a hyphen, as TDL-A."""
    words = re.split(r"(\s+)", title)
    return fragment(*(word if word.isspace() else element("span", word, class_="word") for word in words))


def _resource(name):
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _policy(*scripts):
    """A content security policy: the page's own scripts run, no others, and nothing is loaded."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"


def _digest(script):
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _summary(run):
    session = run.sessions[-1] if run.sessions else {}
    snrs = len(run.scenario.channel.snr_db)
    facts = [
        f"{len(run.scenario.systems)} system{'s' if len(run.scenario.systems) > 1 else ''}",
        f"{snrs} SNR{'s' if snrs > 1 else ''}",
        f"{len(run.rows)} lines of results",
        f"linksim {session['linksim']}" if session.get("linksim") else None,
        str(session["started"]).partition("T")[0] if session.get("started") else None,
    ]
    return fragment(element("code", run.scenario.name), " · ", " · ".join(filter(None, facts)))


def _warning(run):
    if run.complete is not False:
        return Markup("")
    text = "This run was stopped before its end. The page shows what was finished by then; "
    return element("p", text, element("code", "linksim run"), " goes on from there.", class_="warning")


def _curves(run, drawn):
    if not drawn:
        return element("p", "The results hold no numbers that a curve could show.")
    first = drawn[0]
    horizontal, vertical = charts.names(run)
    curves = to_curves(run.rows, first["x"])
    curves += closed_forms(curves, first["x"], first["y"]) + targets(
        curves, first["x"], first["y"], run.scenario.target_blers
    )
    static = draw_svg(curves, first["x"], first["y"], log_x=first["xLog"], log_y=first["yLog"])
    return fragment(
        element(
            "div",
            choice("y", "Show", dict(vertical), first["y"]),
            choice("x", "against", dict(horizontal), first["x"]),
            element("label", element("input", type="checkbox", id="log"), " logarithmic", class_="tick"),
            class_="controls live",
        ),
        element(
            "div",
            id="chart",
            class_="live",
            role="img",
            aria_label="chart of the results; the numbers are in the table of results",
        ),
        element("p", id="context", class_="context live"),
        element(
            "div", id="legend", class_="legend live", role="group", aria_label="curves, each shown or hidden"
        ),
        element("div", id="chart-notes", class_="live"),
        element(
            "p",
            "Click a name to hide or show its curve, double-click to see it alone. Drag over the chart to "
            "zoom, double-click it to see all. Bands are 95% intervals.",
            class_="note live",
        ),
        element("noscript", element("div", Markup(static), class_="static")),
    )
