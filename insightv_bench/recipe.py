"""Strict YAML -> a typed recipe. An unknown key is an error that names the nearest known one.

A recipe says what a run makes; `run.py` says in which order. This module opens no model and no data.
"""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from .errors import RecipeError
from .settings import (
    AssessSettings,
    CorporaSettings,
    EvalSettings,
    FlawsSettings,
    LessonsSettings,
    PathsSettings,
    RoundsSettings,
    Section,
    Source,
    TinyModel,
    TrainSettings,
)
from .world.level import Level


class Recipe(Section):
    """A whole run. A part that is left out is a part that is not made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    seed: int = Field(0, ge=0)
    threads: int = Field(1, ge=1)
    """Threads of torch. The number changes the last bits of a sum, so it is part of the recipe."""
    world: Level = Level()
    questions: dict[str, Source]
    paths: PathsSettings | None = None
    assess: AssessSettings = AssessSettings()
    corpora: CorporaSettings = CorporaSettings()
    flaws: FlawsSettings = FlawsSettings()
    """Flaws for the summary corpus; those of the benchmark stand under `eval`."""
    model: TinyModel = TinyModel()
    lessons: LessonsSettings | None = None
    base: TrainSettings | None = None
    reason: TrainSettings | None = None
    agent_paths: PathsSettings | None = None
    """How the trained reasoning agent is sampled for the summary corpus."""
    summary: TrainSettings | None = None
    rounds: RoundsSettings | None = None
    eval: EvalSettings | None = None
    task: str = ""
    """The questions' name on the board; the recipe's own if left out."""
    system: str = "model"
    """The name on the board of the models in `model_seats`."""
    model_seats: dict[Literal["base", "reason", "summary"], str] = {}
    """Models from elsewhere to evaluate: a folder or a Hub id for each seat. They take the place of trained ones."""

    @property
    def base_name(self) -> str:
        """What the agents came from, as the board names it."""
        return next(iter(self.model_seats.values()), f"{self.world.name}-llava")

    @model_validator(mode="after")
    def _connected(self) -> Recipe:
        needs = [("reason", "paths"), ("summary", "agent_paths"), ("rounds", "reason"), ("base", "lessons")]
        for part, needed in needs:
            if getattr(self, part) is not None and getattr(self, needed) is None:
                raise ValueError(f"`{part}` needs `{needed}`")
        if self.eval and self.eval.questions not in self.questions:
            raise ValueError(f"`eval.questions` names `{self.eval.questions}`, which is not among `questions`")
        return self


def recipe_names() -> list[str]:
    folder = files("insightv_bench").joinpath("recipes")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_recipe(name: str, overrides: list[str] | None = None) -> Recipe:
    """The recipe of this name, or at this path if it ends in `.yaml`; `overrides` are `key.key=value`.

    Raises RecipeError.
    """
    return parse_recipe(_read(name), name, overrides or [])


def parse_recipe(text: str, origin: str, overrides: list[str]) -> Recipe:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"`{origin}` is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"`{origin}` holds no keys", "start from one of the recipes: insightv-bench recipes")
    for override in overrides:
        _override(content, override)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise _explain(error, content, origin) from None


def _read(name: str) -> str:
    if name.endswith((".yaml", ".yml")):
        try:
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"`{name}` cannot be read: {error}") from error
    if name in recipe_names():
        return files("insightv_bench").joinpath(f"recipes/{name}.yaml").read_text(encoding="utf-8")
    near = _nearest(name, recipe_names())
    known = ", ".join(f"`{known}`" for known in recipe_names())
    raise RecipeError(f"unknown recipe: `{name}`{near}", f"the recipes are {known}; a file of your own ends in `.yaml`")


def _override(content: dict[str, Any], override: str) -> None:
    keys, equals, value = override.partition("=")
    if not equals:
        raise RecipeError(f"`{override}` sets nothing", "write `--set key.key=value`")
    *path, last = keys.split(".")
    for key in path:
        content = content.setdefault(key, {})
        if not isinstance(content, dict):
            raise RecipeError(f"`{keys}` cannot be set: `{key}` holds no keys")
    try:
        content[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"`{value}` is no YAML value for `{keys}`") from error


def _explain(error: ValidationError, content: dict[str, Any], origin: str) -> RecipeError:
    """Pydantic's first complaint in our words: where, what, and the nearest key that is known."""
    first = error.errors()[0]
    where = [str(key) for key in first["loc"] if _is_key(key, content)]
    key = ".".join(where) or "the recipe"
    if first["type"] == "extra_forbidden":
        section = _section(where[:-1])
        near = _nearest(where[-1], list(section.model_fields)) if section else ""
        return RecipeError(f"unknown key in `{origin}`: `{key}`{near}", _known_keys(section))
    if first["type"] == "missing":
        return RecipeError(f"missing key in `{origin}`: `{'.'.join(map(str, first['loc']))}`")
    return RecipeError(f"`{key}` in `{origin}`: {first['msg']}; it is `{first['input']!r:.80}`")


def _is_key(key: object, content: object) -> bool:
    """Pydantic names the member of a union in its path; that is no key of the file."""
    return str(key) not in ("world", "parquet", "teacher", "hf", "openai") or (
        isinstance(content, dict) and key in content
    )


def _section(keys: list[str]) -> type[BaseModel] | None:
    """The section at these keys, where it is one and not a union or a table."""
    section: Any = Recipe
    for key in keys:
        field = section.model_fields.get(key) if isinstance(section, type) and issubclass(section, BaseModel) else None
        if field is None:
            return None
        found = [a for a in _members(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
        section = found[0] if len(found) == 1 else None
    return section


def _members(annotation: Any) -> list[Any]:
    return list(getattr(annotation, "__args__", ())) or [annotation]


def _known_keys(section: type[BaseModel] | None) -> str:
    return f"the keys here are {', '.join(f'`{name}`' for name in section.model_fields)}" if section else ""


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
