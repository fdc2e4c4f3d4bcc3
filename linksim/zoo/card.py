"""The card of trained weights: what they are, where they come from and how good they are."""

from typing import Annotated

from pydantic import Field, field_validator

from linksim.scenario.base import Model, Number, Switch, Whole, refusal
from linksim.scenario.errors import brief
from linksim.scenario.numbers import CBR
from linksim.scenario.systems import ORDERS

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
    batch : int or None
        Patches in one update.
    start : str or None
        Whose networks the training started from.
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
    batch: Whole | None = Field(None, ge=1)
    start: Text | None = None
    device: Text
    seconds: Number = Field(ge=0)
    seed: Whole
    validation_psnr_db: Number
    test_psnr_db: dict[str, Number]
    history: tuple[tuple[Whole, Number], ...] = ()
    date: Text
    versions: dict[str, str]
    sha256: Digest

    @field_validator("sizes", mode="after")
    @classmethod
    def _with_boundaries(cls, sizes):
        """The SNR boundaries between modulation orders follow from the card alone."""
        mend = "restore the card, or export the weights again"
        orders, target_ser = sizes.get("orders", ()), sizes.get("target_ser", 0.1)
        if not isinstance(orders, tuple) or list(orders) != sorted(set(orders) & set(ORDERS)):
            raise refusal(f"{brief(orders)} are no rising modulation orders", mend, field="orders")
        if not isinstance(target_ser, float) or not 0 < target_ser < 0.5:
            raise refusal(f"{brief(target_ser)} is no symbol error rate below 0.5", mend, field="target_ser")
        return sizes

    @property
    def orders(self) -> tuple[int, ...]:
        """Bits per symbol of each modulation order that it serves; empty for analogue symbols."""
        orders, points = self.sizes.get("orders"), self.sizes.get("order")
        if isinstance(orders, tuple):
            return orders
        return (points.bit_length() - 1,) if isinstance(points, int) else ()

    @property
    def snr_text(self) -> str:
        """The training SNR for people, as `10 dB` or `0 to 20 dB`."""
        ends = self.snr_db if isinstance(self.snr_db, tuple) else (self.snr_db,)
        return " to ".join(f"{end:g}" for end in ends) + " dB"

    @property
    def points_text(self) -> str:
        """The points of its constellations for people, as `16`, `2 to 256` or `analogue`."""
        ends = sorted({2**order for order in (self.orders[:1] + self.orders[-1:])})
        return " to ".join(map(str, ends)) or "analogue"
