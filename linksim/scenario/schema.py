"""The scenario as a whole: what a user writes to describe one study."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from linksim.scenario.base import Model, Number, Switch, Whole, refusal
from linksim.scenario.channels import ChannelSpec
from linksim.scenario.images import ImagesSpec
from linksim.scenario.link import LinkSpec
from linksim.scenario.numbers import CBRSweep, SNRSweep
from linksim.scenario.systems import SystemSpec

#: Columns of results.csv that a figure can show, and what follows from them.
AXES = (
    "snr_db", "cbr", "channel_uses", "psnr_db", "psnr_delivered_db", "ssim", "ms_ssim", "accuracy", "ber",
    "ser", "bler", "throughput", "delivered", "channel_outage", "codec_infeasible", "tx_power_db", "papr_db",
    "pilot_overhead",
)  # fmt: skip
Axis = Literal[AXES]

#: A swept field as results name it, such as `sweep.channel.speed_kmh`.
SweptField = Annotated[str, Field(pattern=r"^sweep\.[A-Za-z0-9_.]+$")]

#: Those that hold numbers without pictures.
AXES_OF_BITS = (
    "snr_db", "channel_uses", "ber", "ser", "bler", "throughput", "delivered", "channel_outage",
    "codec_infeasible", "tx_power_db", "papr_db", "pilot_overhead",
)  # fmt: skip

Byte = Annotated[Whole, Field(ge=0, le=255)]


class BandwidthSpec(Model):
    """How many channel uses a picture gets."""

    cbr: CBRSweep = Field(description="channel bandwidth ratio k/n: a number, a fraction, or a list to sweep")


class MeanColour(Model):
    """A constant picture shown when nothing arrives."""

    mean_colour: tuple[Byte, Byte, Byte] = Field(description="[red, green, blue], 0 to 255")


class StopSpec(Model):
    """When a point has been measured well enough."""

    trials: Whole = Field(1, ge=1, le=1_000_000, description="channel realisations that every point gets")
    max_trials: Whole | None = Field(
        None, ge=1, le=1_000_000, description="limit of the rules below; default: trials"
    )
    psnr_halfwidth_db: Number | None = Field(
        None, gt=0, description="go on until the 95% half-width of the mean PSNR is at most this"
    )
    min_block_errors: Whole = Field(0, ge=0, description="go on until a point has this many block errors")

    @model_validator(mode="after")
    def _consistent(self):
        if self.max_trials is not None and self.max_trials < self.trials:
            problem = f"{self.max_trials} lies below trials, {self.trials}"
            raise refusal(problem, "raise it or leave it out", field="max_trials")
        if (self.psnr_halfwidth_db or self.min_block_errors) and (self.max_trials or self.trials) == 1:
            raise refusal("one trial leaves no room for a stopping rule", "set stop.max_trials above 1")
        return self

    @property
    def limit(self) -> int:
        """The largest number of trials."""
        return self.max_trials if self.max_trials is not None else self.trials


class PicturesSpec(Model):
    """Received pictures to keep."""

    images: tuple[Annotated[Whole, Field(ge=0)], ...] = Field(
        min_length=1, description="indices into the pictures"
    )
    snr_db: SNRSweep = Field(description="at the swept SNRs nearest to these")


class FigureSpec(Model):
    """One figure of the run."""

    x: Axis | SweptField = Field("snr_db", description="column on the x axis, or sweep.PATH of a swept field")
    y: Axis = Field(description="column on the y axis")
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="file name without suffix")
    log_x: Switch = Field(False, description="logarithmic x axis")
    log_y: Switch = Field(False, description="logarithmic y axis")
    overlay: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="published results to draw besides: names in baselines/published, or files",
    )


#: Figures of a study without pictures that names none.
_FIGURES_OF_BITS = tuple(
    {"y": column, "file": f"{column}_vs_snr", "log_y": True} for column in ("ber", "bler")
)


class Scenario(Model):
    """One study: pictures, a channel, systems, and what to report.

    A study of `bits` systems has no pictures and therefore no bandwidth.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="names the output folder")
    title: str | None = Field(None, max_length=200, description="title of the figures")
    seed: Whole = Field(1, ge=0, lt=2**31, description="seed of everything random")
    images: ImagesSpec | None = Field(None, description="the pictures; none with bits systems")
    bandwidth: BandwidthSpec | None = Field(None, description="channel uses per picture")
    channel: ChannelSpec = Field(description="the channel")
    systems: tuple[SystemSpec, ...] = Field(min_length=1, description="what is compared")
    link: LinkSpec = Field(default_factory=LinkSpec, description="power policy, channel knowledge, amplifier")
    fallback: Literal["grey"] | MeanColour = Field("grey", description="what is shown when nothing arrives")
    metrics: tuple[Literal["psnr", "ssim", "ms_ssim"], ...] = Field(
        ("psnr", "ssim"), min_length=1, description="picture metrics; psnr is always there"
    )
    stop: StopSpec = Field(default_factory=StopSpec, description="when a point is done")
    chunk: Whole | None = Field(
        None, ge=1, le=100_000, description="pictures in one task; default: four million samples"
    )
    pictures: PicturesSpec | None = Field(None, description="received pictures to keep")
    figures: tuple[FigureSpec, ...] = Field(
        (FigureSpec(y="psnr_db", file="psnr_vs_snr"),), description="figures to draw"
    )

    @model_validator(mode="before")
    @classmethod
    def _figures_without_pictures(cls, data: Any):
        systems = data.get("systems") if isinstance(data, dict) else None
        systems = systems if isinstance(systems, list | tuple) else ()
        types = {str(system.get("type")) for system in systems if isinstance(system, dict)}
        if types == {"bits"} and "figures" not in data:
            return {**data, "figures": _FIGURES_OF_BITS}
        return data

    @field_validator("metrics", mode="after")
    @classmethod
    def _with_psnr(cls, metrics):
        if len(set(metrics)) < len(metrics):
            raise refusal("a metric is listed twice", "list each once")
        return metrics if "psnr" in metrics else ("psnr", *metrics)

    @property
    def has_pictures(self) -> bool:
        """Whether pictures are sent; otherwise all systems send random bits."""
        return self.images is not None

    @property
    def target_blers(self) -> tuple[float, ...]:
        """Block error rates that systems with the policy `threshold` keep to."""
        chains = [system for system in self.systems if system.type == "separated"]
        return tuple(chain.mcs.target for chain in chains if chain.mcs.target is not None)

    @model_validator(mode="after")
    def _pictures_or_bits(self):
        bits = [index for index, system in enumerate(self.systems) if system.type == "bits"]
        if bits and len(bits) < len(self.systems):
            mend = "write a scenario of their own for bits systems, without images and bandwidth"
            raise refusal("sends no pictures, and other systems do", mend, field=f"systems.{bits[0]}.type")
        for field in ("images", "bandwidth"):
            if bits and getattr(self, field) is not None:
                raise refusal("bits systems send no pictures", "remove it", field=field)
            if not bits and getattr(self, field) is None:
                raise refusal("missing", f"add `{field}:`", field=field)
        if not bits:
            return self
        for field in ("pictures", "chunk"):
            if getattr(self, field) is not None:
                raise refusal("bits systems send no pictures", "remove it", field=field)
        if self.stop.psnr_halfwidth_db is not None:
            mend = "remove it, or stop by min_block_errors"
            raise refusal("bits systems have no PSNR", mend, field="stop.psnr_halfwidth_db")
        for index, figure in enumerate(self.figures):
            for axis, column in (("x", figure.x), ("y", figure.y)):
                if column not in AXES_OF_BITS and not column.startswith("sweep."):
                    mend = f"show one of {', '.join(AXES_OF_BITS)}"
                    raise refusal(f"bits systems have no {column}", mend, field=f"figures.{index}.{axis}")
        return self

    @model_validator(mode="after")
    def _consistent(self):
        _refuse_repeats("systems.{}.label", [system.label for system in self.systems])
        _refuse_repeats("figures.{}.file", [figure.file for figure in self.figures])
        _refuse_repeats("channel.snr_db", self.channel.snr_db)
        _refuse_repeats("bandwidth.cbr", self.bandwidth.cbr if self.bandwidth is not None else ())
        self.link.refuse_on(self.channel)
        for index, system in enumerate(self.systems):
            if system.type == "separated" and system.mcs.calibration == "sionna":
                self._refuse_tables(f"systems.{index}.mcs.calibration")
        for index, figure in enumerate(self.figures):
            for axis, column in (("x", figure.x), ("y", figure.y)):
                if column in ("ssim", "ms_ssim") and column not in self.metrics:
                    mend = f"add {column} to `metrics` or show another column"
                    raise refusal(f"{column} is not measured", mend, field=f"figures.{index}.{axis}")
                # The networks of learned and own systems, which are not read here, may classify.
                if column == "accuracy" and not any(
                    system.type in ("learned", "own") or system.classifier for system in self.systems
                ):
                    mend = "add `classifier: {weights: REFERENCE}` to a system or show another column"
                    raise refusal("no system names classes", mend, field=f"figures.{index}.{axis}")
            if self.pictures is not None and figure.file == "pictures":
                problem = "the figure of the received pictures has this name"
                raise refusal(problem, "choose another", field=f"figures.{index}.file")
        return self

    def _refuse_tables(self, field):
        """Refuse tables of error rates where they do not hold."""
        mend = "write measured: blocks are sent instead"
        if self.channel.model != "awgn":
            problem = f"Sionna's error rates hold on awgn, not on {self.channel.model}"
            raise refusal(problem, mend, field=field)
        if self.link.amplifier is not None:
            raise refusal("Sionna's error rates know no amplifier", mend, field=field)


def _refuse_repeats(field, values):
    seen = set()
    for index, value in enumerate(values):
        if value in seen:
            raise refusal(f"{value} appears more than once", "make each different", field=field.format(index))
        seen.add(value)
