"""Tables of what weights cost: parameters and training, and operations for each modulation order."""

from linksim.evaluation.complexity import Complexity
from linksim.zoo import Weights

COUNTED = """\
MFLOPs for one picture, as TensorFlow's profiler counts them in the compiled graph: two for a multiplication
with an addition, none for activation functions. Inner: the convolution next to the channel alone. The picture
has 32×32 px, or 256×384 px for weights for large ones. A source coder's encoder tells latent and rate; a
classifier is all decoder."""
"""What the numbers of `operations` are."""


def sizes(measured: list[tuple[Weights, Complexity]]) -> list[tuple[str, ...]]:
    """A heading and a row for each of some weights: parameters, those of batch normalisation, training."""
    heading = ("weights", "parameters", "batch norm", "updates", "patches", "trained for", "device")
    return [heading, *(_size(weights, complexity) for weights, complexity in measured)]


def operations(measured: list[tuple[Weights, Complexity]]) -> list[tuple[str, ...]]:
    """A heading and a row for each modulation order of some weights: MFLOPs for one picture."""
    rows = [("weights", "points", "picture", "encoder", "decoder", "inner encoder", "inner decoder")]
    for weights, complexity in measured:
        height, width = complexity.picture
        for order in complexity.orders:
            counts = (order.encoder, order.decoder, order.inner_encoder, order.inner_decoder)
            rows.append(
                (
                    weights.reference,
                    "analogue" if order.order is None else str(order.order or "none"),
                    f"{height}×{width}",
                    *("" if count is None else f"{count / 1e6:.2f}" for count in counts),
                )
            )
    return rows


def _size(weights, complexity):
    card = weights.card
    return (
        weights.reference,
        f"{complexity.parameters:,}",
        f"{complexity.normalisation / complexity.parameters:.2%}",
        f"{card.steps:,}" + (f" from {card.start}" if card.start else ""),
        f"{card.steps * card.batch:,}" if card.batch else "",
        f"{card.seconds / 60:.1f} min",
        card.device,
    )
