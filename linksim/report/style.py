"""The look of a figure: colours, markers and dashes that survive colour blindness and greyscale print."""

from typing import NamedTuple

from linksim.report.curves import BOUND, MAIN, PUBLISHED, SINGLE

FIGURE_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "legend.fontsize": 8,
    "legend.title_fontsize": 8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "pdf.fonttype": 42,
    "svg.hashsalt": "linksim",
}
"""What a figure sets over matplotlib's defaults."""

# Okabe and Ito's colours, told apart with every common colour vision; their yellow is too pale for lines and
# black is kept for the bounds. The last two, for many curves, are Tol's wine and an olive.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#6B6B00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
_LINE_STYLES = ("-", (0, (6, 1.5)), (0, (4, 1.2, 1, 1.2)), (0, (1, 1)))
_BOUND_DASHES = ((0, (5, 2)), (0, (1.2, 1.5)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 2)))
_PUBLISHED_DASHES = (0, (3, 1.5))


class Palette(NamedTuple):
    """The colours of a figure: its ground, the ink and a grey of bounds, the systems', and how much of the
    ground single MCSs take, relative to a white one."""

    ground: str
    ink: str
    grey: str
    colours: tuple[str, ...]
    paleness: float


LIGHT = Palette("#FFFFFF", "#000000", "#7F7F7F", COLOURS, 1)
DARK = Palette(
    "#14171C",
    "#F2F2F2",
    "#9A9FA8",
    ("#4DA3E8", "#F0803C", "#2FC295", "#E29AC6", "#EDB548", "#9AD7F7", "#D8679D", "#BDBD4E"),
    0.75,
)
"""The same hues on a dark screen, where the darker ones would sink."""


def line_styles(curves, palette=LIGHT):
    """The line properties of every curve.

    With several systems in several variants, colour and marker say the system and the line style the variant;
    otherwise every curve has a colour of its own. Single MCSs take shades of their system's colour, thin and
    pale behind the policy's line, stronger where the system has no such line. Published curves are dashed.

    Parameters
    ----------
    curves : list of linksim.report.curves.Curve
    palette : Palette

    Returns
    -------
    list of dict
        Keyword arguments of matplotlib's `plot`, one per curve.
    """
    keys = list(dict.fromkeys(_key(curve) for curve in curves if curve.role not in (BOUND, PUBLISHED)))
    led = {_key(curve) for curve in curves if curve.role == MAIN}
    systems = list(dict.fromkeys(system for system, _ in keys))
    variants = list(dict.fromkeys(variant for _, variant in keys))
    crossed = len(systems) > 1 and len(variants) > 1 and len(keys) > max(len(systems), len(variants))
    published = [curve for curve in curves if curve.role == PUBLISHED]
    bounds = list(dict.fromkeys(curve.label for curve in curves if curve.role == BOUND))
    styles = []
    for curve in curves:
        if curve.role == BOUND:
            styles.append(_bound_style(curve, bounds.index(curve.label), palette))
            continue
        if curve.role == PUBLISHED:
            styles.append(_published_style(len(keys) + published.index(curve), palette))
            continue
        place = systems.index(curve.system) if crossed else keys.index(_key(curve))
        colour = palette.colours[place % len(COLOURS)]
        if curve.role == SINGLE:
            family = [other for other in curves if other.role == SINGLE and _key(other) == _key(curve)]
            depth = family.index(curve) / max(len(family) - 1, 1)
            styles.append(_single_style(colour, palette, depth, behind=_key(curve) in led))
        if curve.role == MAIN:
            # Colours come round again with another line.
            variant = variants.index(curve.variant) if crossed else place // len(COLOURS)
            styles.append(_main_style(colour, palette.ground, place, variant))
    return styles


def _key(curve):
    """What the curves of one system under one condition share."""
    return curve.system, curve.variant


def _bound_style(curve, place, palette):
    """Dashed, in black or grey."""
    dashes = _BOUND_DASHES[place % len(_BOUND_DASHES)]
    colour = palette.grey if curve.mcs == "bound:gaussian" else palette.ink
    return {"color": colour, "linestyle": dashes, "linewidth": 1.3, "zorder": 3}


def _published_style(place, palette):
    """Thin, dashed, with open markers, in colours that the systems left."""
    return {
        "color": palette.colours[place % len(COLOURS)],
        "linestyle": _PUBLISHED_DASHES,
        "linewidth": 1.2,
        "marker": MARKERS[place % len(MARKERS)],
        "markersize": 4.5,
        "markerfacecolor": palette.ground,
        "zorder": 3,
    }


def _single_style(colour, palette, depth, behind):
    """The paler the lower the MCS's index; `depth` runs from 0 to 1."""
    if behind:
        return {"color": _paler(colour, palette, 0.75 - 0.4 * depth), "linewidth": 0.8, "zorder": 2}
    return {"color": _paler(colour, palette, 0.65 - 0.65 * depth), "linewidth": 1.3, "zorder": 2}


def _main_style(colour, ground, place, variant):
    """Thick with markers; every second variant has them open."""
    return {
        "color": colour,
        "linestyle": _LINE_STYLES[variant % len(_LINE_STYLES)],
        "linewidth": 1.9,
        "marker": MARKERS[place % len(MARKERS)],
        "markersize": 5,
        "markerfacecolor": ground if variant % 2 else colour,
        "zorder": 4,
    }


def _paler(colour, palette, share):
    """A colour "#RRGGBB" mixed with a share of the ground."""
    share, ground = share * palette.paleness, palette.ground
    pairs = [(int(colour[start : start + 2], 16), int(ground[start : start + 2], 16)) for start in (1, 3, 5)]
    return "#" + "".join(f"{round((1 - share) * channel + share * below):02X}" for channel, below in pairs)
