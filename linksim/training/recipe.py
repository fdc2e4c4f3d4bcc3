"""Schema of a training recipe: model, pictures, channel and phases, as YAML files describe them."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from linksim.jscc import CLASSIFIERS, SOURCE_CODERS, VARIABLE_RATE, model_parts
from linksim.modulation.boundaries import snr_boundaries_db
from linksim.scenario.base import Model, Number, Switch, Whole, refusal
from linksim.scenario.dialect import read_yaml
from linksim.scenario.errors import InputError
from linksim.scenario.explaining import explain
from linksim.scenario.loader import apply_overrides
from linksim.scenario.numbers import SNR
from linksim.training.patches import PatchSpec

#: A recipe that extends another may itself be extended, but not without end.
_MAX_EXTENDS = 5

#: Px of the labelled pictures along one side.
_LABELLED_SIDE = 32

Width = Annotated[Whole, Field(ge=2, le=1024, multiple_of=2)]
HeadWidth = Annotated[Whole, Field(ge=16, le=1024, multiple_of=16)]
Stride = Annotated[Whole, Field(ge=1, le=8)]
Symbols = Annotated[Whole, Field(ge=1, le=1024, description="channel uses for each latent position")]
Channels = Annotated[tuple[Width, ...], Field(min_length=1, max_length=6, description="width by stage")]


class DeepJSCC2019Spec(Model):
    """The network of Bourtsoulatze et al."""

    name: Literal["deepjscc-2019"]
    symbols: Symbols


class DeepJSCCSpec(Model):
    """Residual network with analogue symbols."""

    name: Literal["deepjscc"]
    channels: Channels
    symbols: Symbols


class DeepJSCCQSpec(Model):
    """Residual network with constellation points."""

    name: Literal["deepjscc-q"]
    channels: Channels
    symbols: Symbols
    order: Literal[4, 16, 64, 256, 1024, 4096] = Field(description="M, points of the constellation")
    learned: Switch = Field(False, description="train the points (L-M)")


Order = Literal[1, 2, 4, 6, 8]
Orders = Annotated[tuple[Order, ...], Field(min_length=1, max_length=5)]
PhaseOrder = Literal[1, 2, 4, 6, 8, 10]


class UJSCCSpec(Model):
    """One network and a codebook for each modulation order."""

    name: Literal["ujscc"]
    channels: tuple[Width, Width, Width] = Field(description="width of the outer encoder's convolutions")
    strides: tuple[Stride, Stride, Stride] = Field(description="their strides")
    vectors: Symbols = Field(description="feature vectors for each latent position")
    orders: Orders = Field(description="bits per symbol of the modulation orders, rising")
    dimensions: tuple[Annotated[Whole, Field(ge=1, le=256)], ...] = Field(
        min_length=1, description="values of a feature vector, for each order"
    )
    switched: Switch = Field(True, description="batch normalisation of its own for each order (S-BN)")
    codewords: Literal["learned", "points"] = Field(
        "learned", description="points: the constellations' own, as DeepJSCC-Q's"
    )
    target_ser: Number = Field(
        0.1, gt=0, lt=0.5, description="symbol error rate that sets the SNR boundaries"
    )

    @model_validator(mode="after")
    def _consistent(self):
        if list(self.orders) != sorted(set(self.orders)):
            raise refusal("the orders do not rise", "write each once, the smallest first", field="orders")
        if len(self.dimensions) != len(self.orders):
            raise refusal("as many as orders are needed", "write one for each order", field="dimensions")
        if list(self.dimensions) != sorted(self.dimensions):
            raise refusal("the dimensions fall", "write the smallest first", field="dimensions")
        if self.codewords == "points" and set(self.dimensions) != {2}:
            raise refusal("points have two dimensions", "write 2 for each order", field="dimensions")
        return self


class _JCMSizes(Model):
    """What JCM and its benchmarks share."""

    channels: tuple[Width, Width, Width, Width] = Field(description="width of the stages, from 32 px to 4 px")
    symbols: Annotated[Whole, Field(ge=16, le=4096, multiple_of=16)] = Field(
        description="k, complex channel uses of a picture: two real uses each"
    )
    spine: Width = Field(description="width of the four layers that name the class")
    classes: Annotated[Whole, Field(ge=0, le=1000)] = Field(
        10, description="0: pictures alone, which then may be patches of photographs"
    )

    @field_validator("classes", mode="after")
    @classmethod
    def _several(cls, classes):
        if classes == 1:
            raise refusal("one class tells nothing", "write 0, or as many as the labels have")
        return classes


class JCMSpec(_JCMSizes):
    """Stochastic encoder that draws constellation points."""

    name: Literal["jcm"]
    order: Literal[2, 4, 16, 64, 256] = Field(
        description="M, points of the constellation; 4 is two BPSK values a symbol, 2 has an empty quadrature"
    )


class AnalogSpec(_JCMSizes):
    """JCM's benchmark with analogue symbols."""

    name: Literal["jcm-analog"]


class Uniform8BitSpec(_JCMSizes):
    """JCM's benchmark that quantizes to 8 bits."""

    name: Literal["jcm-uniform-8bit"]
    order: Literal[4] = Field(4, description="two BPSK bits a symbol")


class NN1BitSpec(_JCMSizes):
    """JCM's benchmark with a hard decision behind a linear layer."""

    name: Literal["jcm-nn-1bit"]
    order: Literal[4] = Field(4, description="two BPSK bits a symbol")


class SourceCoderSpec(Model):
    """Learned source coder under NTSCC and MDJCM; it sends nothing."""

    name: Literal["source-coder"]
    channels: Annotated[tuple[HeadWidth, ...], Field(min_length=1, max_length=6)] = Field(
        description="width of each stage; each halves the picture"
    )
    depths: Annotated[tuple[Annotated[Whole, Field(ge=1, le=16)], ...], Field(min_length=1)] = Field(
        description="Swin blocks of each stage"
    )
    window: Whole = Field(8, ge=2, le=32, description="positions along each side of a window")
    hyper: Width = Field(description="channels of the hyperprior")

    @model_validator(mode="after")
    def _as_deep(self):
        if len(self.depths) != len(self.channels):
            raise refusal("as many as channels are needed", "write one for each stage", field="depths")
        return self


class NTSCCSpec(SourceCoderSpec):
    """Analogue symbols, variable rate, one dimension reduction."""

    name: Literal["ntscc"]
    rates: Annotated[tuple[Symbols, ...], Field(min_length=2, max_length=256)] = Field(
        description="channel uses that a patch may get, rising"
    )
    blocks: Whole = Field(2, ge=1, le=16, description="Swin blocks of the JSC encoder and decoder each")

    @model_validator(mode="after")
    def _fitting(self):
        if list(self.rates) != sorted(set(self.rates)):
            raise refusal("the rates do not rise", "write each once, the smallest first", field="rates")
        if 2 * self.rates[-1] > self.channels[-1]:
            mend = f"write at most {self.channels[-1] // 2}, or widen the last of the channels"
            raise refusal("the last channels carry fewer", mend, field="rates")
        return self


SquareOrder = Literal[2, 4, 6, 8, 10]


class MDJCMSpec(NTSCCSpec):
    """Variable rate, two dimension reductions; no, one or several modulation orders."""

    name: Literal["mdjcm"]
    orders: Annotated[tuple[SquareOrder, ...], Field(max_length=5)] = Field(
        (), description="bits per symbol of the modulation orders, rising; none: analogue symbols"
    )

    @model_validator(mode="after")
    def _rising(self):
        if list(self.orders) != sorted(set(self.orders)):
            raise refusal("the orders do not rise", "write each once, the smallest first", field="orders")
        return self


class PictureClassifierSpec(Model):
    """Classifier of pictures, trained on clean ones."""

    name: Literal["picture-classifier"]
    channels: Channels
    classes: Whole = Field(10, ge=2, le=1000)


ModelSpec = Annotated[
    DeepJSCC2019Spec
    | DeepJSCCSpec
    | DeepJSCCQSpec
    | UJSCCSpec
    | JCMSpec
    | AnalogSpec
    | Uniform8BitSpec
    | NN1BitSpec
    | SourceCoderSpec
    | NTSCCSpec
    | MDJCMSpec
    | PictureClassifierSpec,
    Field(discriminator="name"),
]


class PhotographsSpec(PatchSpec):
    """Where patches are cut from and how."""

    folder: Path = Field(Path("training-photos"), description="photographs in train/ and validation/")
    validation: Whole = Field(512, ge=1, le=100_000, description="patches of the validation set")


class LabelledSpec(Model):
    """The training split of a data set of labelled 32×32 pictures."""

    source: Literal["fashion_mnist", "cifar10"] = Field(description="the data set")
    path: Path | None = Field(None, description="where its files are, as images.path of a scenario")
    validation: Whole = Field(
        5000, ge=1, le=25_000, description="its last pictures, kept for validation; never its test split"
    )


class TrainingChannelSpec(Model):
    """The channel between encoder and decoder."""

    model: Literal["awgn", "rayleigh_block", "rayleigh_fast"] = "awgn"
    snr_db: SNR | tuple[SNR, SNR] = Field(description="Es/N0 in dB, or [least, largest] to draw from")
    draw: Literal["image", "step"] = Field(
        "image", description="for what an SNR of a range is drawn in training"
    )
    power: Literal["measured", "nominal"] = Field("measured", description="power policy")
    through: Literal["light", "sionna"] = Field(
        "light", description="light: keras.ops; sionna: the Link's own blocks (TensorFlow)"
    )

    @model_validator(mode="after")
    def _consistent(self):
        if isinstance(self.snr_db, tuple) and self.snr_db[0] > self.snr_db[1]:
            raise refusal("the least SNR lies above the largest", "swap the two", field="snr_db")
        return self


class HardnessSpec(Model):
    """σ_q of a soft-to-hard quantizer: rises by `step` every `every` updates up to `limit`."""

    start: Number = Field(5.0, gt=0)
    step: Number = Field(5.0, ge=0)
    every: Whole = Field(10_000, ge=1)
    limit: Number = Field(100.0, gt=0)


class LearningRateSpec(Model):
    """Learning rate over the steps of a phase."""

    initial: Number = Field(1e-4, gt=0, le=1)
    schedule: Literal["constant", "cosine", "plateau"] = Field(
        "constant", description="cosine: down to `final`; plateau: times `factor` after `patience` epochs"
    )
    warmup: Whole = Field(0, ge=0, description="steps over which it rises from 0")
    final: Number = Field(0.0, ge=0, description="at the end of a cosine")
    factor: Number = Field(0.8, gt=0, lt=1, description="of a plateau")
    patience: Whole = Field(4, ge=1, description="epochs without gain before a plateau's factor")

    @model_validator(mode="after")
    def _consistent(self):
        if self.schedule == "plateau" and self.warmup:
            raise refusal("a plateau has none", "leave it out, or take another schedule", field="warmup")
        return self


Part = Literal[
    "encoder", "decoder", "classifier", "quantizer", "analysis", "hyperprior", "synthesis"
]  # fmt: skip


class PhaseSpec(Model):
    """A stretch of training with one objective."""

    steps: Whole = Field(ge=1)
    distortion: Literal["mse", "ms_ssim"] = Field("mse", description="mse (0–255 scale) or 1 − MS-SSIM")
    divergence: Number = Field(0.0, ge=0, description="λ of KL(P̂ ‖ uniform), eq. (21) of DeepJSCC-Q")
    codebook: Number = Field(1.0, ge=0, description="α of the codebook loss, eq. (1) of uJSCC")
    commitment: Number = Field(0.25, ge=0, description="β of the commitment loss, eq. (1) of uJSCC")
    reconstruction: Number = Field(
        200.0,
        ge=0,
        description="λ of the squared error on [−1, 1] beside the cross entropy, eq. (4) of JCM",
    )
    rate: Number = Field(
        0.0, ge=0, description="weight of the source coder's rate in bits per pixel, 1/λ of MDJCM, eq. (13)"
    )
    source: Number = Field(
        1.0, ge=0, description="weight of the source coder's own distortion beside the received picture's"
    )
    eta: tuple[Annotated[Number, Field(gt=0)], Annotated[Number, Field(gt=0)]] = Field(
        (0.2, 0.2), description="η of MDJCM, [least, largest] to draw from: real dimensions for a bit"
    )
    process: Literal["substitute", "real"] = Field(
        "substitute",
        description="modulation and detection of MDJCM: noise in their place, (10), or straight through, (9)",
    )
    orders: tuple[PhaseOrder, ...] | None = Field(
        None, min_length=1, description="bits per symbol of the orders that take part; default: all"
    )
    order_weights: tuple[Annotated[Number, Field(gt=0)], ...] | None = Field(
        None, description="λ_k of the orders that take part, eq. (15) of uJSCC; default: 1 each"
    )
    hardness: HardnessSpec = Field(default_factory=HardnessSpec)
    learning_rate: LearningRateSpec = Field(default_factory=LearningRateSpec)
    train: tuple[Part, ...] | None = Field(
        None, min_length=1, description="parts that are trained; default: all"
    )


class Recipe(Model):
    """How one set of weights is made."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="names the weights")
    model: ModelSpec
    photographs: PhotographsSpec | None = Field(None, description="patches of photographs to train on, or")
    labelled: LabelledSpec | None = Field(None, description="labelled pictures")
    channel: TrainingChannelSpec | None = Field(None, description="of every model that sends something")
    phases: tuple[PhaseSpec, ...] = Field(min_length=1)
    start: str | None = Field(
        None,
        description="whose networks it starts from: MODEL/NAME of another recipe, zoo:MODEL/NAME, or a path",
    )
    batch: Whole = Field(32, ge=1, le=4096, description="patches in one update")
    epoch: Whole = Field(1000, ge=1, description="updates between validations and checkpoints")
    early_stopping: Whole | None = Field(None, ge=1, description="epochs without gain that end a phase")
    beta: tuple[Number, Number] = Field((0.9, 0.99), description="β₁, β₂ of Adam")
    clip_norm: Number | None = Field(None, gt=0, description="largest norm of the whole gradient")
    precision: Literal["float32", "mixed_bfloat16"] = Field("float32", description="of the convolutions")
    seed: Whole = Field(1, ge=0, lt=2**31)

    @property
    def side(self) -> int:
        """Px of a picture in training along one side."""
        return self.photographs.side if self.photographs else _LABELLED_SIDE

    @property
    def margin(self) -> int:
        """Px that a tile has beyond the picture on each side, for random crops."""
        return self.photographs.margin if self.photographs else 0

    @property
    def validation(self) -> int:
        """Pictures of the validation set."""
        return (self.photographs or self.labelled).validation

    @model_validator(mode="after")
    def _consistent(self):
        self._check_pictures()
        if any(phase.distortion == "ms_ssim" for phase in self.phases) and self.side < 176:
            field, mend = ("photographs.side", "write 192") if self.photographs else ("labelled", "take mse")
            raise refusal("MS-SSIM needs patches of 176 px", mend, field=field)
        if (self.channel is None) != (self.model.name in (*CLASSIFIERS, *SOURCE_CODERS)):
            problem = f"a {self.model.name} {'sends nothing' if self.channel else 'needs one'}"
            mend = "leave it out" if self.channel else "write {snr_db: 10} or another"
            raise refusal(problem, mend, field="channel")
        if self.channel is not None:
            self._check_snr_range()
        for number, phase in enumerate(self.phases):
            misfit = self._misfit(phase)
            if misfit:
                field, problem, mend = misfit
                raise refusal(problem, mend, field=f"phases.{number}.{field}")
        return self

    def _check_pictures(self):
        """One kind of pictures, and labels for what classifies."""
        if self.photographs is not None and self.labelled is not None:
            raise refusal("excludes photographs", "write one of the two", field="labelled")
        if getattr(self.model, "classes", 0):
            if self.labelled is None:
                mend = "write {source: fashion_mnist} or another"
                raise refusal(f"a {self.model.name} learns classes", mend, field="labelled")
        elif self.photographs is None and self.labelled is None:
            raise refusal("there are no pictures to train on", "describe the patches", field="photographs")

    def _check_snr_range(self):
        """Every modulation order needs a part of the range, between its SNR boundaries."""
        if self.model.name != "ujscc" or len(self.model.orders) == 1:
            return
        boundaries_db = snr_boundaries_db(self.model.orders, self.model.target_ser)
        first, last = boundaries_db[0], boundaries_db[-1]
        snr_db = self.channel.snr_db
        low, high = snr_db if isinstance(snr_db, tuple) else (snr_db, snr_db)
        if not (low < first and high > last):
            mend = f"write [least, largest] with {first:.1f} and {last:.1f} between them"
            raise refusal("some order is left without an SNR", mend, field="channel.snr_db")

    def _misfit(self, phase):
        """A field of a phase that does not go with the model, why, and the mend; None if all do."""
        name = self.model.name
        if "quantizer" in (phase.train or ()) and name not in ("deepjscc-q", "ujscc"):
            return "train", f"a {name} has no quantizer", "leave it out, or take deepjscc-q or ujscc"
        parts = model_parts(name, getattr(self.model, "classes", 0))
        if not set(phase.train or ()) <= {*parts, "quantizer"}:
            return "train", f"a {name} has not all of these", f"its parts are {', '.join(parts)}"
        if phase.rate and "hyperprior" not in parts:
            return "rate", f"a {name} has none", "leave it out, or take source-coder, ntscc or mdjcm"
        if phase.eta[0] > phase.eta[1]:
            return "eta", "the least lies above the largest", "swap the two"
        if phase.train == ("quantizer",) and getattr(self.model, "codewords", None) == "points":
            return "train", "points are not trained", "name the encoder or the decoder too"
        if phase.divergence > 0 and name != "deepjscc-q":
            return "divergence", f"a {name} has none that can be trained", "leave it out, or take deepjscc-q"
        if list(phase.orders or ()) != sorted(set(phase.orders or ())):
            return "orders", "the orders do not rise", "write each once, the smallest first"
        if phase.orders is not None and not set(phase.orders) <= set(getattr(self.model, "orders", ())):
            return (
                "orders",
                f"the {name} has not all of these",
                "name orders of model.orders, or leave it out",
            )
        if phase.order_weights is not None and name in VARIABLE_RATE:
            return "order_weights", f"a {name} draws an order for each picture", "leave it out"
        count = len(phase.orders or getattr(self.model, "orders", (None,)))
        if phase.order_weights is not None and len(phase.order_weights) != count:
            return "order_weights", "as many as orders are needed", f"write {count}, or leave it out"
        return None


def load_recipe(path: str | Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read, override and validate a recipe; `extends: FILE` takes what it lacks from another one.

    Parameters
    ----------
    path : str or Path
        A YAML file, or the name of a shipped recipe, which may be one of a sweep.
    overrides : tuple of str
        Settings such as `phases.0.steps=100`.

    Raises
    ------
    InputError
        Naming the file, the field's path and the mend; the file may hold several recipes.
    """
    recipes = load_recipes(path, overrides)
    if len(recipes) > 1:
        problem = f"it is a sweep of {len(recipes)} recipes"
        raise InputError(
            problem, file=str(path), field="sweep_snr_db", mend=f"name one, as {recipes[0].name}"
        )
    return recipes[0]


def load_recipes(path: str | Path, overrides: tuple[str, ...] = ()) -> tuple[Recipe, ...]:
    """All recipes of a file: one, or one for each SNR of `sweep_snr_db`, named by its `name` with {snr}.

    Parameters, errors
        As `load_recipe`.
    """
    file, member = _find(path)
    data = apply_overrides(_read(file, _MAX_EXTENDS), overrides, file=str(file))
    recipes = tuple(_validated(each, file) for each in _swept(data, file))
    if member is None:
        return recipes
    chosen = tuple(each for each in recipes if each.name == member)
    if not chosen:
        mend = f"override {file.parent.name}/{file.stem}, the whole sweep"
        raise InputError(f"{member} is no longer one of its recipes", file=str(file), mend=mend)
    return chosen


def _validated(data, file):
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, str(file)) from error


def shipped_recipes() -> dict[str, Path]:
    """From MODEL/NAME to the file of the recipes behind the zoo; each of a sweep has its own name."""
    return {f"{file.parent.name}/{name}": file for file in _shipped_files() for name in _names(file)}


def _find(path):
    """The file of a recipe, and the name of one member of a sweep that is meant alone."""
    if Path(path).exists():
        return Path(path), None
    for file in _shipped_files():
        if f"{file.parent.name}/{file.stem}" == str(path):
            return file, None
    file = shipped_recipes().get(str(path))
    return (Path(path), None) if file is None else (file, Path(path).name)


def _shipped_files():
    return sorted(Path(__file__).with_name("recipes").glob("*/*.yaml"))


@cache
def _names(file):
    return tuple(data["name"] for data in _swept(_read(file, _MAX_EXTENDS), file))


def _swept(data, file):
    """The data of each recipe of a file."""
    if "sweep_snr_db" not in data:
        return [data]
    points, name = data["sweep_snr_db"], data.get("name")
    if not isinstance(points, list) or not points or not all(isinstance(x, int | float) for x in points):
        mend = "write SNRs in dB, as [-10, 0, 10]"
        raise InputError("no list of SNRs", file=str(file), field="sweep_snr_db", mend=mend)
    if not isinstance(name, str) or "{snr}" not in name:
        mend = "write {snr} where the SNR stands"
        raise InputError("one name for several recipes", file=str(file), field="name", mend=mend)
    channel = data.get("channel", {})
    if not isinstance(channel, dict) or "snr_db" in channel:
        problem, mend = "a sweep adds its SNR there", "write a mapping without snr_db, or leave it out"
        raise InputError(problem, file=str(file), field="channel", mend=mend)
    names = [name.replace("{snr}", f"{snr_db:g}dB".replace("-", "m")) for snr_db in points]
    if len(set(names)) < len(names):
        problem, mend = "two recipes would have one name", "write each SNR once"
        raise InputError(problem, file=str(file), field="sweep_snr_db", mend=mend)
    rest = {key: value for key, value in data.items() if key != "sweep_snr_db"}
    return [
        {**rest, "name": name, "channel": {**channel, "snr_db": snr_db}}
        for name, snr_db in zip(names, points)
    ]


def _read(path, depth):
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise InputError(
            "a recipe is a mapping of fields", file=str(path), mend="start with `name: my-weights`"
        )
    base = data.pop("extends", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise InputError("no file name", file=str(path), field="extends", mend="name another recipe's file")
    if not depth:
        problem = f"more than {_MAX_EXTENDS} recipes extend each other"
        raise InputError(problem, file=str(path), field="extends", mend="look for a circle")
    return _merged(_read(Path(path).parent / base, depth - 1), data)


def _merged(base, data):
    """Mappings field by field; anything else replaces what the base says."""
    if not (isinstance(base, dict) and isinstance(data, dict)):
        return data
    return {**base, **{key: _merged(base.get(key), value) for key, value in data.items()}}
