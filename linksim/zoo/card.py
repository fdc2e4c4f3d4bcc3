"""The card of trained weights: what they are, where they come from and how good they are."""

from typing import Annotated

from pydantic import Field

from linksim.scenario.base import Model, Number, Switch, Whole
from linksim.scenario.numbers import CBR

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Switch | Whole | Number | Text | tuple[Whole, ...]


class Card(Model):
    """What stands beside a file of weights, as JSON.

    Attributes
    ----------
    model : str
        A name of `linksim.jscc.MODELS`.
    sizes : dict
        What `linksim.jscc.create` takes besides the model.
    parameters : int
        Variables of the network, counted in scalars.
    cbr : Fraction
        Channel uses per source sample.
    channel : str
        On which it was trained, as `awgn`.
    snr_db : float or (float, float)
        Training SNR, or the range from which it was drawn.
    power : str
        Power policy in training.
    recipe, recipe_digest : str
        Name and SHA-256 of the recipe.
    images : str
        What it was trained on.
    steps : int
    device : str
    seconds : float
        Training time.
    seed : int
    validation_psnr_db : float
        On the validation split, at the training SNR.
    test_psnr_db : dict
        SNR in dB to PSNR on the test pictures; may be empty.
    history : tuple of (int, float)
        Updates and validation PSNR in dB after each epoch of the last phase.
    date : str
    versions : dict
        Package to version.
    sha256 : str
        Of the file of weights.
    """

    model: Text
    sizes: dict[str, Size]
    parameters: Whole = Field(ge=1)
    cbr: CBR
    channel: Text
    snr_db: Number | tuple[Number, Number]
    power: Text
    recipe: Text
    recipe_digest: Text
    images: Text
    steps: Whole = Field(ge=0)
    device: Text
    seconds: Number = Field(ge=0)
    seed: Whole
    validation_psnr_db: Number
    test_psnr_db: dict[str, Number]
    history: tuple[tuple[Whole, Number], ...] = ()
    date: Text
    versions: dict[str, str]
    sha256: Digest

    @property
    def modulation_order(self) -> int | None:
        """Bits per symbol of its constellation; None for analogue symbols."""
        order = self.sizes.get("order")
        return order.bit_length() - 1 if isinstance(order, int) else None

    @property
    def snr_text(self) -> str:
        """The training SNR for people, as `10 dB` or `0 to 20 dB`."""
        ends = self.snr_db if isinstance(self.snr_db, tuple) else (self.snr_db,)
        return " to ".join(f"{end:g}" for end in ends) + " dB"

    @property
    def sizes_text(self) -> str:
        """The sizes in few words, as `channels 48-96, symbols 8, order 64`."""
        return ", ".join(
            f"{name} {_short(value)}" for name, value in self.sizes.items() if value is not False
        )


def _short(value):
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return "yes" if value is True else str(value)
