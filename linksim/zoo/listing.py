"""Lists the shipped weights, a line each."""

from linksim.scenario.errors import InputError
from linksim.zoo.weights import locate, read_card, shipped


def listing() -> list[tuple[str, ...]]:
    """A heading and a row of texts for each of the shipped weights; a damaged card hides no others."""
    heading = ("weights", "points", "CBR", "channel", "trained at", "parameters", "MB", "validation PSNR")
    return [heading, *map(_row, shipped())]


def _row(reference):
    path = locate(reference)
    try:
        card = read_card(path)
    except InputError as error:
        return (reference, f"damaged card: {error.problem}", *[""] * 6)
    return (
        reference,
        card.points_text,
        str(card.cbr),
        card.channel,
        card.snr_text,
        f"{card.parameters:,}",
        f"{path.stat().st_size / 1e6:.2f}",
        f"{card.validation_psnr_db:.2f} dB",
    )
