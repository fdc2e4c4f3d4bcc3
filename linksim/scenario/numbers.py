"""Numbers as people write them in YAML: fractions, lists and ranges."""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator

from linksim.scenario.base import Model

#: More points than this in one range is taken for a slip of the pen.
MAX_POINTS = 10_000


def as_fraction(value: Any) -> Fraction:
    """Return `1/16`, `0.0625` or a number as an exact fraction.

    Raises
    ------
    ValueError
        When the value is no number.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("write a number or a fraction such as 1/12")
    try:
        return Fraction(str(value).replace(" ", ""))
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{value!r} is neither a number nor a fraction such as 1/12") from error


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


#: Channel bandwidth ratio, kept exact so that k = round(ρ·n) never depends on float rounding.
CBR = Annotated[
    Fraction,
    BeforeValidator(as_fraction),
    Field(gt=0, le=4),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 4},
                {"type": "string", "pattern": r"^\s*[0-9.]+\s*(/\s*[0-9]+\s*)?$"},
            ]
        }
    ),
]


def _one_or_many(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of a list admit a single element, as the loader does."""
    schema["anyOf"] = [
        schema["items"],
        {key: schema.pop(key) for key in list(schema) if key != "description"},
    ]


CBRSweep = Annotated[
    tuple[CBR, ...], BeforeValidator(_listed), Field(min_length=1, json_schema_extra=_one_or_many)
]


class Range(Model):
    """`{from: -2, to: 20, step: 2}`: both ends belong to it."""

    from_: float = Field(alias="from", ge=-100, le=100, description="first value in dB")
    to: float = Field(ge=-100, le=100, description="last value in dB")
    step: float = Field(gt=0, description="distance in dB")

    @field_validator("step", mode="after")
    @classmethod
    def _not_endless(cls, step, info):
        start, stop = info.data.get("from_"), info.data.get("to")
        if start is not None and stop is not None and (stop - start) / step > MAX_POINTS:
            raise ValueError(f"more than {MAX_POINTS} points; take a larger step")
        return step

    def values(self) -> tuple[float, ...]:
        """Return the points, computed in decimals so that 0.1 steps stay what was written."""
        start, stop, step = (Decimal(str(v)) for v in (self.from_, self.to, self.step))
        return (
            tuple(float(start + i * step) for i in range(int((stop - start) // step) + 1))
            if stop >= start
            else ()
        )


def _expand(value: Any) -> Any:
    if isinstance(value, dict):
        value = Range.model_validate(value).values()
        if not value:
            raise ValueError("an empty range: `to` lies below `from`")
    values = _listed(value)
    if any(isinstance(v, bool) for v in values):
        raise ValueError("true and false are no SNR")
    return values


_SNR = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


def _with_range(schema: dict[str, Any]) -> None:
    number = schema["items"]
    schema["anyOf"] = [
        number,
        {key: schema.pop(key) for key in list(schema) if key != "description"},
        {
            "type": "object",
            "properties": {name: {"type": "number"} for name in ("from", "to", "step")},
            "required": ["from", "to", "step"],
            "additionalProperties": False,
        },
    ]


SNRSweep = Annotated[
    tuple[_SNR, ...], BeforeValidator(_expand), Field(min_length=1, json_schema_extra=_with_range)
]
