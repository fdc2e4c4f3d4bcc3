"""The base of every schema model: unknown keys are errors and instances are frozen."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen pydantic model without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
