"""What rounds of training start from and ask, beside the trainings themselves."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from .base import Section


class GivenInputs(Section):
    """What takes the place of what a run would make."""

    release: str = ""
    """A pulled release, or one on the Hub as `ORG/NAME@REVISION`: its corpora take the place of the run's own."""
    model: str = ""
    """A folder or a Hub id: it takes the place of the reasoning agent that `reason` would train."""
    revision: str | None = None
    """Of `model` on the Hub; left out, the newest, which the run then keeps to."""
    processor: dict[str, Any] = {}
    """Options of the model's processor, as under `base`."""

    @model_validator(mode="after")
    def _of_a_model(self) -> GivenInputs:
        if not self.model and (self.revision or self.processor):
            raise ValueError("`revision` and `processor` are of `model`, which is not named; a release has `@REVISION`")
        return self


Given = Annotated[GivenInputs, BeforeValidator(lambda value: {"release": value} if isinstance(value, str) else value)]
"""A text is a release."""


class RoundQuestions(Section):
    """Which questions of a table a round asks."""

    num: int | None = Field(None, ge=1)
    """None: all of them."""
