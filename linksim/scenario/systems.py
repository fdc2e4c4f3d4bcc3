"""Schema of the end-to-end systems: separate chains, learned systems and the capacity bound."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)

from linksim.scenario.base import Model, Number, Whole, refusal
from linksim.scenario.codecs import BPGSpec, CodecSpec
from linksim.scenario.errors import brief
from linksim.scenario.numbers import CBR, SNR

#: Channel codes: YAML name to what it is.
CODES = {
    "nr-ldpc": "5G NR LDPC, TS 38.212 clause 5",
    "ieee80211ad-ldpc": "IEEE 802.11ad LDPC, 672 bits, four rates",
    "gallager": "regular LDPC made by pyldpc, 672 bits, four rates; decoder sionna",
    "uncoded": "no code, hard decisions",
}


class MCSTableFacts(NamedTuple):
    """Number of MCSs of a table, the channel code that it belongs to, and what it is."""

    size: int
    code: str
    description: str


MCS_TABLES = {
    "pdsch-1": MCSTableFacts(29, "nr-ldpc", "TS 38.214 table 5.1.3.1-1, up to 64QAM"),
    "pdsch-2": MCSTableFacts(28, "nr-ldpc", "TS 38.214 table 5.1.3.1-2, up to 256QAM"),
    "pdsch-3": MCSTableFacts(29, "nr-ldpc", "TS 38.214 table 5.1.3.1-3, low spectral efficiency"),
    "pdsch-4": MCSTableFacts(27, "nr-ldpc", "TS 38.214 table 5.1.3.1-4, up to 1024QAM"),
    "wifi-ad": MCSTableFacts(16, "ieee80211ad-ldpc", "IEEE 802.11ad codewords, BPSK to 64QAM"),
    "pusch-tp-1": MCSTableFacts(28, "nr-ldpc", "TS 38.214 table 6.1.4.1-1, π/2-BPSK to 64QAM"),
    "pusch-tp-2": MCSTableFacts(28, "nr-ldpc", "TS 38.214 table 6.1.4.1-2, low spectral efficiency"),
    "papers-ldpc": MCSTableFacts(12, "nr-ldpc", "NR codewords without transport block, BPSK to 64QAM"),
    "nr-672": MCSTableFacts(16, "nr-ldpc", "NR codewords of the lengths and rates of wifi-ad"),
    "gallager": MCSTableFacts(16, "gallager", "regular codewords of 672 bits, BPSK to 64QAM"),
    "uncoded": MCSTableFacts(7, "uncoded", "BPSK, QPSK and on to 4096QAM"),
}

MCSTable = Literal[
    "pdsch-1", "pdsch-2", "pdsch-3", "pdsch-4", "pusch-tp-1", "pusch-tp-2", "wifi-ad", "papers-ldpc",
    "nr-672", "gallager", "uncoded",
]  # fmt: skip


class CodeSpec(Model):
    """The channel code's name and its decoder."""

    name: Literal["nr-ldpc", "ieee80211ad-ldpc", "gallager", "uncoded"] | None = Field(
        None, description="channel code; default: the MCS table's"
    )
    decoder: Literal["fast", "sionna"] = Field(
        "fast",
        description="fast: layered min-sum, not for the code gallager, whose default is sionna: flooding "
        "belief propagation, boxplus-phi",
    )
    precision: Literal["int16", "float32"] | None = Field(
        None, description="arithmetic of the decoder `fast`; default: int16"
    )
    iterations: Whole = Field(20, ge=1, le=1000, description="decoder iterations")

    @field_validator("precision", mode="after")
    @classmethod
    def _of_the_decoder(cls, precision, info):
        decoder = info.data.get("decoder")
        if decoder == "sionna" and precision is not None:
            raise refusal("belongs to decoder fast", "remove it; decoder sionna computes in float32")
        return "int16" if decoder == "fast" and precision is None else precision

    def of_table(self, table: str) -> "CodeSpec":
        """The code of an MCS table, with the decoder that it takes.

        Raises
        ------
        PydanticCustomError
            When another code is named, or a decoder that does not suit it.
        """
        code = MCS_TABLES[table].code
        if self.name not in (None, code):
            tables = ", ".join(name for name, facts in MCS_TABLES.items() if facts.code == self.name)
            mend = f"leave it out, or set mcs.table to one of {tables}"
            raise refusal(f"{self.name} is not the code of the MCS table {table}", mend, field="name")
        decoder = {}
        if code == "gallager" and self.decoder == "fast":
            for field in ("decoder", "precision"):
                if field in self.model_fields_set:
                    problem = "the decoder fast takes quasi-cyclic codes only"
                    raise refusal(problem, f"remove {field}, or write decoder: sionna", field=field)
            decoder = {"decoder": "sionna", "precision": None}
        return self.model_copy(update={"name": code, **decoder})


#: Block error rate of link adaptation in 3GPP (TS 38.214 clause 5.2.2.1).
TARGET_BLER = 0.1

#: Blocks by which the policy `threshold` judges an MCS at a channel point.
CALIBRATION_BLOCKS = 200

#: What they can show at the least, by Wilson's upper limit.
SMALLEST_TARGET_BLER = 0.02


class MCSSpec(Model):
    """Which MCSs of a table take part and who chooses among them."""

    table: MCSTable = Field("pdsch-1", description="MCS table; it brings its channel code")
    policy: Literal["envelope", "threshold", "fixed"] = Field(
        "envelope",
        description="envelope: best mean PSNR at each SNR; threshold: highest rate whose block error rate "
        "keeps to target_bler; fixed: one index",
    )
    target_bler: Number | None = Field(
        None, gt=0, lt=1, description="block error rate of the policy `threshold`; default: 0.1"
    )
    calibration: Literal["measured", "sionna"] | None = Field(
        None,
        description="of the policy `threshold`: measured, blocks are sent; sionna, the tables of its PHY "
        "abstraction (awgn, 5G transport blocks), and measured where they have no entry; default: measured",
    )
    index: Whole | None = Field(None, ge=0, description="the MCS of the policy `fixed`")
    indices: tuple[Whole, ...] | None = Field(
        None, min_length=1, description="restricts the policy to these MCSs"
    )
    decode: Literal["needed", "all"] = Field(
        "needed", description="all: decode what cannot change the envelope, too"
    )

    @model_validator(mode="after")
    def _consistent(self):
        if self.policy == "fixed" and self.index is None:
            raise refusal("missing with policy fixed", "add `index: 10` or another MCS", field="index")
        if self.policy == "fixed" and self.indices is not None:
            raise refusal("policy fixed takes one MCS", "write `index` instead", field="indices")
        if self.policy != "fixed" and self.index is not None:
            raise refusal("belongs to policy fixed", f"restrict {self.policy} with `indices`", field="index")
        for field in ("target_bler", "calibration"):
            if self.policy != "threshold" and getattr(self, field) is not None:
                raise refusal("belongs to policy threshold", "remove it", field=field)
        if self.calibration == "sionna" and not self.table.startswith(("pdsch-", "pusch-tp-")):
            problem, mend = f"Sionna has no error rates of {self.table}", "remove it: blocks are sent instead"
            raise refusal(problem, mend, field="calibration")
        # Wilson's upper limit of no error among the blocks of the calibration.
        if self.target_bler is not None and self.target_bler < SMALLEST_TARGET_BLER:
            problem = f"{CALIBRATION_BLOCKS} blocks cannot show so low a rate"
            raise refusal(problem, f"write {SMALLEST_TARGET_BLER} or more", field="target_bler")
        _refuse_unknown_mcs(self, "index" if self.policy == "fixed" else "indices")
        return self

    @property
    def target(self) -> float | None:
        """The block error rate that the policy `threshold` keeps to; None of other policies."""
        return (self.target_bler or TARGET_BLER) if self.policy == "threshold" else None

    @property
    def candidates(self) -> tuple[int, ...]:
        """The MCS indices that take part, in the order written."""
        if self.policy == "fixed":
            return (self.index,)
        return self.indices if self.indices is not None else tuple(range(MCS_TABLES[self.table].size))


class MCSSubset(Model):
    """MCSs of a table, each measured on its own."""

    table: MCSTable = Field("pdsch-1", description="MCS table; it brings its channel code")
    index: Whole | None = Field(None, ge=0, description="a single MCS")
    indices: tuple[Whole, ...] | None = Field(None, min_length=1, description="these MCSs; default: all")

    @model_validator(mode="after")
    def _consistent(self):
        if self.index is not None and self.indices is not None:
            raise refusal("excludes index", "write one of the two", field="indices")
        _refuse_unknown_mcs(self, "indices" if self.index is None else "index")
        return self

    @property
    def candidates(self) -> tuple[int, ...]:
        """The MCS indices that take part, in the order written."""
        if self.index is not None:
            return (self.index,)
        return self.indices if self.indices is not None else tuple(range(MCS_TABLES[self.table].size))


def _refuse_unknown_mcs(mcs, field):
    """Raise a refusal unless the candidates are different rows of their table."""
    size = MCS_TABLES[mcs.table].size
    for index in mcs.candidates:
        if not 0 <= index < size:
            raise refusal(f"{mcs.table} has no MCS {index}", f"write 0 to {size - 1}", field=field)
    if len(set(mcs.candidates)) < len(mcs.candidates):
        raise refusal("an MCS is listed twice", "list each once", field=field)


class GroupingSpec(Model):
    """Several small pictures coded as one."""

    mosaic: Whole = Field(ge=2, le=4096, description="pictures in one mosaic; they share its outcome")


#: What a reference to weights ends with, as Keras wants it.
WEIGHTS_SUFFIX = ".weights.h5"


def _known_reference(text: str) -> str:
    if not text.startswith("zoo:") and not text.endswith(WEIGHTS_SUFFIX):
        mend = f"write zoo:MODEL/NAME as `linksim models` lists them, or a path to a {WEIGHTS_SUFFIX} file"
        raise refusal(f"{brief(text)} names no weights", mend)
    return text


#: Weights in the zoo, `zoo:deepjscc-q/qam64-awgn16-c6`, or a path.
Reference = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_known_reference)]


class ClassifierSpec(Model):
    """A network, trained on clean pictures, that names the classes of the received ones."""

    weights: Reference = Field(
        description="zoo:picture-classifier/NAME, or a path to a .weights.h5 file of a picture classifier"
    )


Classifier = Annotated[
    ClassifierSpec | None, Field(description="classifies the received pictures, for the accuracy")
]


class SeparatedSpec(Model):
    """Source codec, channel code and modulation, each on its own."""

    type: Literal["separated"]
    label: str = Field(min_length=1, max_length=80, description="its name in tables and legends")
    codec: CodecSpec = Field(default_factory=BPGSpec, description="source codec")
    mcs: MCSSpec = Field(default_factory=MCSSpec, description="modulation and coding schemes")
    code: CodeSpec = Field(default_factory=CodeSpec, description="channel code and its decoder")
    grouping: GroupingSpec | None = Field(None, description="code mosaics of pictures instead of pictures")
    classifier: Classifier = None

    @field_validator("code", mode="after")
    @classmethod
    def _of_the_table(cls, code, info):
        return code.of_table(info.data["mcs"].table) if "mcs" in info.data else code  # refused already


#: Models of learned systems: YAML name to what it is.
MODELS = {
    "deepjscc-2019": "DeepJSCC, analogue symbols, the network of Bourtsoulatze et al. 2019",
    "deepjscc": "DeepJSCC, analogue symbols, the network of DeepJSCC-Q without its quantizer",
    "deepjscc-q": "DeepJSCC-Q, points of a fixed or a learned constellation, Tung et al. 2022",
    "ujscc": "uJSCC, one network for several modulation orders, a codebook each; its benchmarks",
    "jcm": "JCM, points drawn from a stochastic encoder, pictures and classes, Bo et al. 2022",
    "jcm-analog": "JCM's benchmark with analogue symbols",
    "jcm-uniform-8bit": "JCM's benchmark with a uniform quantizer of 8 bits and BPSK",
    "jcm-nn-1bit": "JCM's benchmark with a linear layer, hard decisions and BPSK",
    "ntscc": "NTSCC, analogue symbols, variable rate, Dai et al. 2022",
    "mdjcm": "MDJCM, variable rate, analogue symbols or several modulation orders, Zhang et al. 2024",
}

ModelName = Literal[
    "deepjscc-2019", "deepjscc", "deepjscc-q", "ujscc", "jcm", "jcm-analog", "jcm-uniform-8bit",
    "jcm-nn-1bit", "ntscc", "mdjcm",
]  # fmt: skip

#: Bits per symbol: BPSK, 4QAM and on to 4096QAM.
ORDERS = (1, 2, 4, 6, 8, 10, 12)


def _as_number(key: Any) -> Any:
    """Keys of a mapping may come as text: from `--set`, and from a resolved scenario."""
    try:
        return float(key) if isinstance(key, str) else key
    except ValueError:
        return key


def _as_order(key: Any) -> Any:
    """Bits per symbol as the key of a mapping."""
    number = _as_number(key)
    if isinstance(number, bool) or number not in ORDERS:
        mend = f"write bits per symbol: one of {', '.join(map(str, ORDERS))}"
        raise refusal(f"{brief(key)} is no modulation order", mend)
    return int(number)


class WeightsTable(Model):
    """Several weights of one system: by the SNR that they were trained for, their CBR or modulation order."""

    snr_db: (
        Annotated[dict[Annotated[SNR, BeforeValidator(_as_number)], Reference], Field(min_length=1)] | None
    ) = Field(None, description="training SNR in dB to weights; each channel SNR takes the nearest one's")
    cbr: Annotated[dict[CBR, Reference], Field(min_length=1)] | None = Field(
        None, description="CBR to weights made for it, for a swept bandwidth"
    )
    order: (
        Annotated[dict[Annotated[int, BeforeValidator(_as_order)], Reference], Field(min_length=1)] | None
    ) = Field(
        None,
        description="bits per symbol to weights, one model for each modulation order; SNR boundaries choose",
    )

    @field_validator("snr_db", "cbr", "order", mode="wrap")
    @classmethod
    def _different_keys(cls, value, validate):
        table = validate(value)
        if table is not None and len(table) < len(value):
            raise refusal("two keys mean the same", "write each once")
        return table

    @model_validator(mode="after")
    def _one_of_the_three(self):
        mend = "write one: {snr_db: {4: REFERENCE, ...}}, {cbr: {1/12: ...}} or {order: {2: ...}}"
        given = [name for name in ("snr_db", "cbr", "order") if getattr(self, name) is not None]
        if not given:
            raise refusal("missing, and so are cbr and order", mend, field="snr_db")
        if len(given) > 1:
            raise refusal(f"excludes {given[0]}", mend, field=given[1])
        return self

    @property
    def references(self) -> dict[Any, str]:
        """From key to weights, whatever the key means."""
        return self.snr_db or self.cbr or self.order


class LearnedSpec(Model):
    """A trained encoder and decoder, its weights from the zoo or a file."""

    type: Literal["learned"]
    model: ModelName | None = Field(
        None, description="checked against the weights' card; default: the card's"
    )
    weights: Reference | WeightsTable = Field(
        description="zoo:MODEL/NAME, a path to a .weights.h5 file, or several by snr_db, cbr or order"
    )
    target_ser: Number | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="symbol error rate that sets the SNR boundaries between modulation orders; "
        "default: the weights', or 0.1",
    )
    boundaries: Annotated[tuple[SNR, ...], Field(min_length=1)] | None = Field(
        None,
        description="instead of target_ser: the SNRs in dB from which on each modulation order but the first "
        "is used, rising",
    )
    order: int | None = Field(
        None,
        description="bits per symbol, of weights that serve several modulation orders; default: the SNR "
        "chooses, but weights of variable rate (mdjcm) need one",
    )
    side_information: Literal["capacity", "coded", "free"] = Field(
        "capacity",
        description="of weights of variable rate, how the rates of the patches are sent and billed: at the "
        "channel's capacity, as transport blocks of pdsch-1 over the link, or not at all",
    )
    classifier: Classifier = None
    equaliser: Literal["zf", "mmse"] = Field(
        "zf",
        description="what the decoder gets of each symbol x̂ = x + n: zf, x̂ as it is; mmse, "
        "x̂·Es/(Es + noise variance of the symbol), which tells on fading channels which ones to trust",
    )
    sampling: Literal["random", "argmax"] = Field(
        "random",
        description="of a stochastic encoder (jcm): every transmission draws points, or sends the likeliest",
    )
    label: str | None = Field(
        None,
        min_length=1,
        max_length=80,
        description="its name in tables and legends; default: the first weights' name",
    )

    @field_validator("order", mode="before")
    @classmethod
    def _known_order(cls, order):
        return None if order is None else _as_order(order)

    @field_validator("label", mode="after")
    @classmethod
    def _name_of_the_weights(cls, label, info):
        if label is not None or "weights" not in info.data:
            return label
        weights = info.data["weights"]
        first = weights if isinstance(weights, str) else next(iter(weights.references.values()))
        return first.removeprefix("zoo:").removesuffix(WEIGHTS_SUFFIX)[-80:]

    @model_validator(mode="after")
    def _one_way_to_the_order(self):
        for other in ("target_ser", "boundaries"):
            if self.order is not None and getattr(self, other) is not None:
                mend = "remove one: boundaries choose among several orders"
                raise refusal(f"excludes {other}", mend, field="order")
        if self.order is not None and self.orders:
            raise refusal("excludes weights by order", "name the weights for it alone", field="order")
        return self

    @model_validator(mode="after")
    def _one_way_to_the_boundaries(self):
        if self.boundaries is None:
            return self
        if self.target_ser is not None:
            raise refusal("excludes target_ser", "write one of the two", field="boundaries")
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise refusal(
                "the boundaries do not rise", "write each once, the lowest first", field="boundaries"
            )
        return self

    @property
    def orders(self) -> tuple[int, ...]:
        """Bits per symbol, rising, for which a table has a model each; empty without such a table."""
        table = None if isinstance(self.weights, str) else self.weights.order
        return tuple(sorted(table or ()))

    def reference(self, cbr, snr_db, order=None) -> str | None:
        """The weights for a bandwidth, a channel SNR and, of a table by order, bits per symbol.

        None where a table has none for the bandwidth. Of two training SNRs that are equally near, the lower
        one is taken.
        """
        if isinstance(self.weights, str):
            return self.weights
        if self.weights.order is not None:
            return self.weights.order[order]
        if self.weights.cbr is not None:
            return self.weights.cbr.get(cbr)
        return self.weights.snr_db[
            min(self.weights.snr_db, key=lambda trained: (abs(trained - snr_db), trained))
        ]


class CapacityBoundSpec(Model):
    """The same codec over an ideal code at capacity."""

    type: Literal["capacity_bound"]
    label: str = Field(
        "capacity bound", min_length=1, max_length=80, description="its name in tables and legends"
    )
    codec: CodecSpec = Field(default_factory=BPGSpec, description="source codec")
    capacity: Literal["bicm", "gaussian"] = Field(
        "bicm", description="bicm: best modulation of the table; gaussian: log2(1+SNR)"
    )
    table: MCSTable = Field("pdsch-1", description="whose modulation orders the BICM capacity may use")
    grouping: GroupingSpec | None = Field(None, description="code mosaics of pictures instead of pictures")
    classifier: Classifier = None


class BitsSpec(Model):
    """Random bits over channel code and modulation: error rates of every MCS, without pictures."""

    type: Literal["bits"]
    label: str = Field(min_length=1, max_length=80, description="its name in tables and legends")
    mcs: MCSSubset = Field(default_factory=MCSSubset, description="the MCSs that are measured")
    code: CodeSpec = Field(default_factory=CodeSpec, description="channel code and its decoder")
    uses: Whole = Field(ge=1, le=1_000_000, description="channel uses of a block")
    blocks: Whole = Field(100, ge=1, le=1_000_000, description="blocks in one task, which is one trial")
    classifier: ClassVar[None] = None

    @field_validator("code", mode="after")
    @classmethod
    def _of_the_table(cls, code, info):
        return code.of_table(info.data["mcs"].table) if "mcs" in info.data else code  # refused already


#: What a resolved scenario says of a codec that only the program had.
IN_MEMORY = "passed to linksim.run"


def _codec_or_its_place(value: Any) -> Any:
    """A reference as a scenario writes it; a program may pass the codec itself or what makes it."""
    if isinstance(value, str):
        place, _, name = value.rpartition(":")
        if value == IN_MEMORY:
            return value  # reports are made of such scenarios; who sends by it finds out
        if not place or not all(part.isidentifier() for part in name.split(".")):
            mend = "write FILE.py:FUNCTION or MODULE:FUNCTION; the function makes the codec"
            raise refusal(f"{brief(value)} names no function", mend)
        return value
    if callable(value) or all(callable(getattr(value, name, None)) for name in ("encode", "decode")):
        return value
    if isinstance(value, tuple) and len(value) == 2 and all(map(callable, value)):
        return value
    mend = "write FILE.py:FUNCTION or MODULE:FUNCTION, or pass an object with encode and decode"
    raise refusal(f"{brief(value)} is no codec", mend)


class OwnSpec(Model):
    """An encoder and a decoder of your own, from a Python file, or passed to `linksim.run`."""

    type: Literal["own"]
    label: str = Field(min_length=1, max_length=80, description="its name in tables and legends")
    codec: Annotated[
        Any,
        BeforeValidator(_codec_or_its_place),
        WithJsonSchema({"type": "string"}),
    ] = Field(description="the function that makes it, FILE.py:FUNCTION or MODULE:FUNCTION; its code is run")
    digest: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="any text that you change whenever its results may change, such as a version or the "
        "SHA-256 of its weights; without it nothing of it is kept for a next run",
    )
    classifier: Classifier = None

    @field_serializer("codec", when_used="json")
    def _in_words(self, codec):
        return codec if isinstance(codec, str) else IN_MEMORY


SystemSpec = Annotated[
    SeparatedSpec | LearnedSpec | CapacityBoundSpec | BitsSpec | OwnSpec, Field(discriminator="type")
]
