"""What every schema model is built from: the base model, strict scalars, and the way a validator refuses."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """A frozen pydantic model without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


# YAML tells text, numbers and truth values apart. So do these; pydantic alone takes "5" for 5 and true for 1.
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]


def refusal(problem: str, mend: str, *, field: str = "") -> PydanticCustomError:
    """Return the exception that a validator raises.

    Parameters
    ----------
    problem : str
        What is wrong.
    mend : str
        What to write instead.
    field : str
        Path of the culprit below the value under validation, as `figures.0.y`; empty for the value itself.
    """
    return PydanticCustomError("refusal", "{problem}", {"problem": problem, "mend": mend, "field": field})
