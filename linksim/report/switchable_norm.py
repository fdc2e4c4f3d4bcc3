"""Draws switchable batch normalisation: what each modulation order has learnt for every channel."""

import numpy as np

from linksim.evaluation.normalisation import Normalisation
from linksim.report.files import write_figure
from linksim.report.modulation import modulation_text
from linksim.report.style import COLOURS, FIGURE_STYLE, MARKERS
from linksim.report.weights import short_name
from linksim.scenario.errors import InputError
from linksim.zoo import Weights

_QUANTITIES = {
    "mean": "running mean",
    "deviation": "running std. dev.",
    "scale": "scale γ",
    "bias": "bias β",
}
_WIDTH_INCHES, _HEIGHT_INCHES = 10.5, 8.0
_CHANNELS_PER_MARKER = 10
_LINE = {"markersize": 4, "linewidth": 0.9}


def describe(weights: Weights, layers: list[Normalisation]) -> list[str]:
    """The running standard deviation of each layer and modulation order, averaged over its channels."""
    return [
        f"{weights.reference}, {modulation_text(points)}: running standard deviation of the {layer.layer} "
        f"{np.nanmean(deviation):.3f} on average over {np.isfinite(deviation).sum()} channels"
        for layer in layers
        for points, deviation in zip(layer.points, layer.deviation)
    ]


def draw(weights: Weights, layers: list[Normalisation], path_stem) -> list:
    """Draw running mean and deviation, scale and bias over the channels, a line for each modulation order.

    Parameters
    ----------
    weights : linksim.zoo.Weights
    layers : list of Normalisation
        A column of panels for each, as wide as it has channels.
    path_stem : str or path-like
        Where to write, without the ending; missing folders are made.

    Returns
    -------
    list of pathlib.Path
        The PNG, the PDF and the CSV.

    Raises
    ------
    InputError
        A file cannot be written.

    References
    ----------
    uJSCC, fig. 12.
    """
    # Half a second of imports that only figures need.
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.style.context(["default", FIGURE_STYLE]):
        figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="constrained")
        FigureCanvasAgg(figure)
        _fill(figure, layers)
        figure.suptitle(f"Batch normalisation beside the channel, {short_name(weights)}", fontsize=10)
        try:
            return write_figure(figure, _table(weights, layers), path_stem)
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise InputError(problem, file=str(path_stem), mend="choose another place") from error


def _fill(figure, layers):
    channels = [layer.mean.shape[1] for layer in layers]
    rows = figure.subplots(
        len(_QUANTITIES), len(layers), sharex="col", squeeze=False, width_ratios=[24 + n for n in channels]
    )
    for row, (quantity, label) in zip(rows, _QUANTITIES.items()):
        for axes, layer in zip(row, layers):
            for place, values in enumerate(getattr(layer, quantity)):
                _plot(axes, values, place, modulation_text(layer.points[place]))
            axes.margins(x=0.02)
        row[0].set_ylabel(label)
    figure.align_ylabels(rows[:, 0])
    for axes, layer in zip(rows[0], layers):
        axes.set_title(layer.layer)
    for axes in rows[-1]:
        axes.set_xlabel("channel")
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=8, frameon=False)


def _plot(axes, values, place, label):
    """One order's line; its markers stand at other channels than those of the others."""
    axes.plot(
        values,
        label=label,
        color=COLOURS[place],
        marker=MARKERS[place],
        markevery=(2 * place % _CHANNELS_PER_MARKER, _CHANNELS_PER_MARKER),
        **_LINE,
    )


def _table(weights, layers):
    yield ["weights", "layer", "order", "channel", *_QUANTITIES]
    for layer in layers:
        for place, points in enumerate(layer.points):
            columns = np.array([getattr(layer, quantity)[place] for quantity in _QUANTITIES])
            for channel, values in enumerate(columns.T):
                if np.isfinite(values).all():
                    numbers = (f"{value:.7g}" for value in values)
                    yield [weights.name, layer.layer, points, channel, *numbers]
