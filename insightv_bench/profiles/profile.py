"""What is known of a family of models: how it is asked, where its thought stands, how it samples. A file a family."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from insightv_bench.chat import SLOTS, Ask
from insightv_bench.errors import RecipeError
from insightv_bench.records import Record

NONE = "none"
"""In a profile's place: the model is asked as one that nothing is known of."""
FILES = (".yaml", ".yml")


class Match(Record):
    """What a model of the family is known by. Patterns are regular expressions, whatever the case."""

    names: tuple[str, ...] = ()
    """In its name: a folder's, a Hub id or what a server calls it."""
    types: tuple[str, ...] = ()
    """`model_type` in its `config.json`."""
    templates: tuple[str, ...] = ()
    """In its chat template, beside the type: what tells a thinking model from its sister."""


class Thought(Record):
    """The tags round what a model thinks before it answers."""

    open: str
    close: str
    opened_by: Literal["model", "prompt"] = "model"
    """`prompt`: the chat template writes the opening tag, so that a reply holds the closing one alone."""


class Switch(Record):
    """What turns thinking on or off; what is empty changes nothing."""

    chat_template_kwargs: dict[str, Any] = {}
    """Of the chat template: here, and at a server that takes them (vLLM, SGLang)."""
    extra_body: dict[str, Any] = {}
    """More keys of a server's request, where it has a way of its own."""
    system: str = ""
    suffix: str = ""
    """The last words of each user's turn."""


class Thinking(Record):
    enabled: Switch = Switch()
    disabled: Switch | None = None
    """None: it always thinks."""
    is_default: bool = True
    """Whether it thinks where nobody says so."""
    budget_key: str = ""
    """The key of a server's request that bounds the thought, in tokens."""
    forced: str = ""
    """What ends a thought that has used its budget, where the model runs here; the closing tag if left out."""


class SamplingOf(Record):
    """As the family's authors sample; what is left out stays as it is."""

    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    repetition_penalty: float | None = Field(None, gt=0)
    presence_penalty: float | None = Field(None, ge=-2, le=2)


def checked_prompts(prompts: dict[str, str]) -> dict[str, str]:
    """Raises ValueError for a prompt of no such name, and for one that lacks a slot."""
    for key, text in prompts.items():
        name = key.rpartition("/")[2]
        if name not in SLOTS:
            raise ValueError(f"`{key}` is no prompt; it is one of {', '.join(f'`{known}`' for known in SLOTS)}")
        for slot in SLOTS[name]:
            if f"{{{slot}}}" not in text:
                raise ValueError(f"the prompt `{key}` needs the slot `{{{slot}}}`: without it nothing is asked")
    return prompts


Prompts = Annotated[dict[str, str], AfterValidator(checked_prompts)]
"""Texts by the prompt's name: `reason`, `summary`, `direct`."""


class Profile(Record):
    """A family's manner. Every part can be said otherwise in a recipe and on the command line."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    source: str = ""
    """Where these facts stand."""
    match: Match = Match()
    ask: Ask = "json"
    """How a path is asked for."""
    prompts: Prompts = {}
    """In the place of ours, in that asking."""
    system: str = ""
    suffix: str = ""
    thought: Thought | None = None
    thinking: Thinking | None = None
    sampling: SamplingOf = SamplingOf()
    max_new_tokens: int | None = Field(None, ge=1)
    """Of a path; of an answer without a path too, where the model thinks first."""
    min_pixels: int | None = Field(None, ge=1)
    max_pixels: int | None = Field(None, ge=1)
    stop: tuple[str, ...] = ()
    """Texts that end a reply."""


def profile_names() -> list[str]:
    folder = files("insightv_bench").joinpath("profiles")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_profile(name: str) -> Profile:
    """The profile of this name, or the one in a file that ends in `.yaml`. Raises RecipeError."""
    if name.endswith(FILES):
        try:
            return _parsed(Path(name).read_text(encoding="utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"the profile `{name}` cannot be read: {error}") from error
    known = known_profiles()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f"; did you mean `{near[0]}`?" if near else ""
        hint = f"it is `{NONE}`, a file of your own that ends in `.yaml`, or one of {', '.join(known)}"
        raise RecipeError(f"there is no profile `{name}`{meant}", hint)
    return known[name]


@cache
def known_profiles() -> dict[str, Profile]:
    """Those that come with this package, by name."""
    folder = files("insightv_bench").joinpath("profiles")
    texts = {name: folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8") for name in profile_names()}
    return {name: _parsed(text, f"{name}.yaml") for name, text in texts.items()}


def _parsed(text: str, origin: str) -> Profile:
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"the profile `{origin}` is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"the profile `{origin}` holds no keys", f"its keys are {_keys(Profile)}")
    try:
        return Profile.model_validate({"name": _name_of(origin), **content})
    except ValidationError as error:
        raise _explained(error, origin) from None


def _name_of(origin: str) -> str:
    return Path(origin).stem.lower().replace("_", "-").replace(" ", "-")


def _keys(section: type[Record]) -> str:
    return ", ".join(f"`{name}`" for name in section.model_fields)


SECTIONS: dict[str, type[Record]] = {
    "match": Match,
    "thought": Thought,
    "thinking": Thinking,
    "enabled": Switch,
    "disabled": Switch,
    "sampling": SamplingOf,
}


def _explained(error: ValidationError, origin: str) -> RecipeError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        holder = SECTIONS.get(place[-2], Profile) if len(place) > 1 else Profile
        near = difflib.get_close_matches(place[-1], holder.model_fields, 1)
        meant = f"; did you mean `{near[0]}`?" if near else ""
        return RecipeError(f"unknown key in the profile `{origin}`: `{key}`{meant}", f"its keys are {_keys(holder)}")
    words = str(first.get("ctx", {}).get("error", first["msg"]))
    return RecipeError(f"`{key}` in the profile `{origin}`: {words}; it is `{first['input']!r:.80}`")
