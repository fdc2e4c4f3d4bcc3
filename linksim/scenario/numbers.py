"""Numbers as people write them in YAML: fractions, lists and ranges."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from linksim.scenario.base import Model, Number, refusal
from linksim.scenario.errors import brief

#: More points than this in one range is taken for a slip of the pen.
MAX_POINTS = 10_000

# Short exponents only: writing out 1e999999999 as a fraction would never end.
_FRACTION = r"[0-9]+ */ *[0-9]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?"


def as_fraction(value: Any) -> Fraction:
    """Return `1/16`, `0.0625` or a number as an exact fraction.

    Raises
    ------
    ValueError
        When the value is no number.
    """
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            text = str(value).strip()
            if len(text) <= 100 and re.fullmatch(f"-?({_FRACTION})", text):
                return Fraction(text.replace(" ", ""))
        except (ValueError, ZeroDivisionError):
            pass
    raise refusal(f"{brief(value)} is neither a number nor a fraction", "write a CBR such as 1/12 or 0.0833")


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
                {"type": "string", "pattern": f"^ *({_FRACTION}) *$"},
            ]
        }
    ),
]


def _one_or_many(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of a list admit a single element, as the loader does."""
    items = schema.pop("items")
    # Behind a validator pydantic forgets that it counts items, not characters.
    schema.pop("minLength", None)
    schema.pop("type", None)
    schema["anyOf"] = [items, {"type": "array", "items": items, "minItems": 1}]


CBRSweep = Annotated[
    tuple[CBR, ...], BeforeValidator(_listed), Field(min_length=1, json_schema_extra=_one_or_many)
]


class Range(Model):
    """`{from: -2, to: 20, step: 2}`: both ends belong to it."""

    from_: Number = Field(alias="from", ge=-100, le=100, description="first value in dB")
    to: Number = Field(ge=-100, le=100, description="last value in dB")
    step: Number = Field(gt=0, description="distance in dB")

    @model_validator(mode="after")
    def _consistent(self):
        if self.to < self.from_:
            raise refusal(f"{self.to:g} lies below `from`, {self.from_:g}", "swap the two", field="to")
        if (self.to - self.from_) / self.step > MAX_POINTS:
            raise refusal(f"{self.step:g} makes more than {MAX_POINTS} points", "take more", field="step")
        return self

    def values(self) -> tuple[float, ...]:
        """Return the points, computed in decimals so that 0.1 steps stay what was written."""
        start, stop, step = (Decimal(str(v)) for v in (self.from_, self.to, self.step))
        return tuple(float(start + i * step) for i in range(int((stop - start) // step) + 1))


def _expand(value: Any) -> Any:
    return Range.model_validate(value).values() if isinstance(value, dict) else _listed(value)


def _unsigned_zero(value: float) -> float:
    """Minus zero would be another point than zero in names and seeds."""
    return value + 0.0


SNR = Annotated[Number, Field(ge=-100, le=100), AfterValidator(_unsigned_zero)]


def _one_many_or_range(schema: dict[str, Any]) -> None:
    _one_or_many(schema)
    end = {"type": "number", "minimum": -100, "maximum": 100}
    schema["anyOf"].append(
        {
            "type": "object",
            "properties": {"from": end, "to": end, "step": {"type": "number", "exclusiveMinimum": 0}},
            "required": ["from", "to", "step"],
            "additionalProperties": False,
        }
    )


SNRSweep = Annotated[
    tuple[SNR, ...], BeforeValidator(_expand), Field(min_length=1, json_schema_extra=_one_many_or_range)
]
