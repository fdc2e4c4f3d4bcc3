"""The card of trained weights: what they are, where they come from and how good they are."""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from linksim.jscc import PICTURE_SIDE, VARIABLE_RATE
from linksim.scenario.base import Model, Number, Switch, Whole, refusal
from linksim.scenario.errors import brief
from linksim.scenario.numbers import CBR
from linksim.scenario.systems import ORDERS

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Switch | Whole | Number | Text | tuple[Whole, ...]

#: More than any picture can be halved.
_MOST_HALVINGS = 16


class Card(Model):
    """What stands beside a file of weights, as JSON.

    Attributes
    ----------
    model : str
        A name of `linksim.jscc.MODELS`, `CLASSIFIERS` or `SOURCE_CODERS`. The latter two have no CBR,
        channel, SNR and power, and a classifier no PSNR.
    sizes : dict
        What `linksim.jscc.create` takes besides the model.
    parameters : int
        Variables of the network, counted in scalars.
    cbr : Fraction or None
        Channel uses per source sample.
    channel : str or None
        On which it was trained, as `awgn`.
    snr_db : float or (float, float) or None
        Training SNR, or the range from which it was drawn.
    power : str or None
        Power policy in training.
    recipe, recipe_digest : str
        Name and SHA-256 of the recipe.
    images : str
        What it was trained on.
    steps : int
    batch : int or None
        Patches in one update.
    base, base_sha256 : str or None
        Weights from which these are stored as differences, `zoo:MODEL/NAME`, and their digest.
    start : str or None
        Whose networks the training started from.
    device : str
    seconds : float
        Training time.
    seed : int
    validation_psnr_db : float or None
        On the validation split, at the training SNR.
    validation_accuracy : float or None
        Likewise, of networks that name classes.
    validation_rate_bpp, validation_cbr : float or None
        Likewise: bits per pixel of a source coder, and mean CBR of what sends at a variable rate.
    test_psnr_db : dict
        SNR in dB to PSNR on the test pictures; may be empty.
    test_accuracy : dict
        SNR in dB to accuracy on the test pictures; that of a classifier is at "clean".
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
    cbr: CBR | None
    channel: Text | None
    snr_db: Number | tuple[Number, Number] | None
    power: Text | None
    recipe: Text
    recipe_digest: Text
    images: Text
    steps: Whole = Field(ge=0)
    batch: Whole | None = Field(None, ge=1)
    start: Text | None = None
    base: Text | None = None
    base_sha256: Digest | None = None
    device: Text
    seconds: Number = Field(ge=0)
    seed: Whole
    validation_psnr_db: Number | None
    validation_accuracy: Number | None = None
    validation_rate_bpp: Number | None = None
    validation_cbr: Number | None = None
    test_psnr_db: dict[str, Number]
    test_accuracy: dict[str, Number] = Field(default_factory=dict)
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

    @model_validator(mode="after")
    def _with_rates(self):
        """What a variable rate can be follows from the card alone."""
        mend = "restore the card, or export the weights again"
        rates, channels = self.sizes.get("rates"), self.sizes.get("channels")
        rising = isinstance(rates, tuple) and rates and list(rates) == sorted(set(rates)) and rates[0] > 0
        if self.varies and not rising:
            raise refusal(f"{brief(rates)} are no rising channel uses of a patch", mend, field="sizes")
        if self.varies and not (isinstance(channels, tuple) and 0 < len(channels) <= _MOST_HALVINGS):
            raise refusal(f"{brief(channels)} are no widths of stages", mend, field="sizes")
        return self

    @property
    def orders(self) -> tuple[int, ...]:
        """Bits per symbol of each modulation order that it serves; empty for analogue symbols."""
        orders, points = self.sizes.get("orders"), self.sizes.get("order")
        if isinstance(orders, tuple):
            return orders
        return (points.bit_length() - 1,) if isinstance(points, int) else ()

    @property
    def detects(self) -> bool:
        """Whether its decoder takes the labels of detected points instead of equalised symbols."""
        if self.model == "ujscc":
            return self.sizes.get("codewords", "learned") == "learned"
        return self.model == "jcm-uniform-8bit" or (self.model == "mdjcm" and bool(self.orders))

    @property
    def varies(self) -> bool:
        """Whether its pictures take as many channel uses as they need; then it has no CBR of its own."""
        return self.model in VARIABLE_RATE

    @property
    def rates(self) -> tuple[int, ...]:
        """Channel uses that a patch may get, rising; empty for a fixed rate."""
        return self.sizes["rates"] if self.varies else ()

    def patches(self, height: int, width: int) -> int:
        """Of a picture in px, for each of which a model of variable rate has a rate."""
        reduction = 2 ** len(self.sizes["channels"])
        return -(-height // reduction) * -(-width // reduction)

    @property
    def side(self) -> int | None:
        """Px along each side of the only pictures that it takes; None for pictures of any size."""
        return PICTURE_SIDE.get(self.model)

    @property
    def snr_text(self) -> str:
        """The training SNR for people, as `10 dB` or `0 to 20 dB`; empty for a classifier."""
        if self.snr_db is None:
            return ""
        ends = self.snr_db if isinstance(self.snr_db, tuple) else (self.snr_db,)
        return " to ".join(f"{end:g}" for end in ends) + " dB"

    @property
    def points_text(self) -> str:
        """The points of its constellations for people, as `16`, `2 to 256`, `analogue`."""
        if self.cbr is None and not self.varies:
            return ""
        ends = sorted({2**order for order in (self.orders[:1] + self.orders[-1:])})
        return " to ".join(map(str, ends)) or "analogue"
