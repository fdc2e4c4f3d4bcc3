"""Lists the shipped weights, a line each."""

from linksim.scenario.errors import InputError
from linksim.zoo.weights import locate, read_card, shipped


def listing() -> list[tuple[str, ...]]:
    """A heading and a row of texts for each of the shipped weights; a damaged card hides no others."""
    heading = (
        "weights",
        "points",
        "CBR",
        "channel",
        "trained at",
        "parameters",
        "MB",
        "validation PSNR",
        "accuracy",
    )
    return [heading, *map(_row, shipped())]


def _row(reference):
    path = locate(reference)
    try:
        card = read_card(path)
    except InputError as error:
        return (reference, f"damaged card: {error.problem}", *[""] * 7)
    return (
        reference,
        card.points_text,
        "varies" if card.varies else "" if card.cbr is None else str(card.cbr),
        card.channel or "",
        card.snr_text,
        f"{card.parameters:,}",
        f"{path.stat().st_size / 1e6:.2f}",
        "" if card.validation_psnr_db is None else f"{card.validation_psnr_db:.2f} dB",
        "" if card.validation_accuracy is None else f"{card.validation_accuracy:.1%}",
    )
