"""What the sections of a recipe share."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from insightv_bench.records import content_id

NAME = r"^[a-z0-9][a-z0-9-]*$"
"""Of recipes, variants, questions and systems: part of a folder's name."""
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def fingerprint(self) -> str:
        return content_id(type(self).__name__, self.model_dump(mode="json"), length=12)


class Grown(Section):
    """A section that was given keys since it was first used: at their defaults they change no fingerprint."""

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields, content = type(self).model_fields, dump(self)
        unset = [name for name in self.LATER if getattr(self, name) == fields[name].get_default()]
        return {key: value for key, value in content.items() if key not in unset}


class Sampling(Section):
    """How a model samples; temperature 0 is greedy."""

    max_new_tokens: int = Field(1024, ge=1)
    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0)
