"""What the sections of a recipe share."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from insightv_bench.records import content_id

NAME = r"^[a-z0-9][a-z0-9-]*$"
"""Of recipes, variants, questions and systems: part of a folder's name."""
DEFAULTS = "defaults@2"
"""Rises when the default of a setting changes, since settings at their default stand in no fingerprint."""
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, content: Any) -> Any:
        """A table of sampling is laid over the field's default, as tables of recipes are: one key changes one key."""
        if not isinstance(content, dict):
            return content
        defaults = {name: cls.model_fields[name].default for name in content if name in cls.model_fields}
        merged = {
            name: default.model_dump() | content[name]
            for name, default in defaults.items()
            if isinstance(default, Sampling) and isinstance(content[name], dict)
        }
        return content | merged

    def fingerprint(self) -> str:
        return content_id(type(self).__name__, self.model_dump(mode="json"), length=12)

    def changes(self) -> dict[str, Any]:
        """What is not at its default, as JSON; and what tells the members of a union apart.

        A setting that is new, and at its default, so changes nothing that was made before it was there.
        """
        return _changes(self, self.model_dump(mode="json"))


def _changes(value: Any, dumped: Any) -> Any:
    """`dumped`: the value as pydantic writes it, from which it leaves out what is no part of an identity."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: _changes(getattr(value, name), content)
            for name, content in dumped.items()
            if is_tag(fields[name].annotation)
            or getattr(value, name) != fields[name].get_default(call_default_factory=True)
        }
    if isinstance(value, dict):
        return {key: _changes(one, dumped[str(key)]) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_changes(one, content) for one, content in zip(value, dumped, strict=True)]
    return dumped


def is_tag(annotation: Any) -> bool:
    """Whether it has one value, and so tells its section from the others of a union: `world` for `source: world`."""
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1


class WithLaterKeys(Section):
    """A section that ids of rows and keys of replies are made of: what came later stands in them where it is set."""

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = dump(self)
        fields = type(self).model_fields
        for name in self.LATER:
            if name in dumped and getattr(self, name) == fields[name].get_default(call_default_factory=True):
                del dumped[name]
        return dumped


class Sampling(WithLaterKeys):
    """How a model samples; temperature 0 is greedy."""

    LATER = ("top_k", "presence_penalty")

    max_new_tokens: int = Field(1024, ge=1)
    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0)
    top_k: int = Field(0, ge=0)
    """0: all tokens."""
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    """Of servers alone: OpenAI's."""
