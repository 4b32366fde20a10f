"""What pydantic finds wrong with a recipe, in our words: where it stands, what it is, and the nearest that is known."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from insightv_bench.errors import RecipeError

from .base import is_tag
from .inheritance import Layer, origin_of


def explain(error: ValidationError, layers: Sequence[Layer], recipe: type[BaseModel]) -> RecipeError:
    """Pydantic's first complaint in our words: where, what, and the nearest key or value that is known."""
    first = error.errors()[0]
    keys, kinds = _locate(first["loc"], recipe)
    key, given, holder = ".".join(keys), first["input"], _section(kinds[-2:][0])
    origin = origin_of(layers, keys)
    match first["type"]:
        case "extra_forbidden":
            near = nearest(keys[-1], list(holder.model_fields)) if holder else ""
            return RecipeError(f"unknown key in `{origin}`: `{key}`{near}", _known_keys(holder))
        case "missing":
            return RecipeError(f"missing key in `{origin}`: `{key}`", _known_keys(holder))
        case "union_tag_not_found":
            key += "." + first["ctx"]["discriminator"].strip("'")
            tags = [tag for member in _members(kinds[-1]) for tag in _tags(member)]
            return RecipeError(f"missing key in `{origin}`: `{key}`", _one_of(tags))
        case "union_tag_invalid":
            key += "." + first["ctx"]["discriminator"].strip("'")
            return _wrong_choice(key, first["ctx"]["tag"], _quoted(first["ctx"]["expected_tags"]), origin)
        case "literal_error":
            return _wrong_choice(key, given, _quoted(first["ctx"]["expected"]), origin)
        case "dict_type" | "model_type" | "model_attributes_type":
            hint = _known_keys(_section(kinds[-1]))
            return RecipeError(f"`{key}` in `{origin}` must hold keys; it is `{given!r:.80}`", hint)
        case "value_error":
            where = f"`{key}` in `{origin}`" if keys else f"`{origin}`"
            return RecipeError(f"{where}: {first['ctx']['error']}")
    return RecipeError(f"`{key}` in `{origin}`: {first['msg']}; it is `{given!r:.80}`")


def _wrong_choice(key: str, given: object, choices: list[str], origin: str) -> RecipeError:
    near = nearest(str(given), choices)
    if key.endswith(f".{given}"):  # a table's own key is the choice
        return RecipeError(f"unknown key in `{origin}`: `{key}`{near}", _one_of(choices))
    return RecipeError(f"`{key}` in `{origin}` cannot be `{given}`{near}", _one_of(choices))


def _one_of(choices: list[str]) -> str:
    return f"it is one of {', '.join(f'`{choice}`' for choice in choices)}"


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']+)'", text)


def _locate(path: Sequence[int | str], recipe: type[BaseModel]) -> tuple[list[str], list[Any]]:
    """The file's keys behind pydantic's path, and the type at each, the recipe first.

    Pydantic names the member of a union as well, and writes `[key]` where a table's key itself is meant.
    """
    keys: list[str] = []
    kinds: list[Any] = [recipe]
    for part in map(str, path):
        members = [member for member in _members(kinds[-1]) if part in _tags(member)]
        if members:
            kinds[-1] = members[0]
        elif part != "[key]":
            keys.append(part)
            kinds.append(_under(kinds[-1], part))
    return keys, kinds


def _members(kind: Any) -> list[Any]:
    """What a value may be: the parts of a union, without their annotations."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [member for part in get_args(kind) for member in _members(part)]
    return [kind]


def _tags(kind: Any) -> list[str]:
    """What tells this section from the others of its union: `world` for `source: world`, say."""
    fields = kind.model_fields.values() if _is_section(kind) else ()
    if getattr(kind, "UNTAGGED", ""):
        return [kind.UNTAGGED]
    return [get_args(field.annotation)[0] for field in fields if is_tag(field.annotation)]


def _under(kind: Any, key: str) -> Any:
    """The type of a section's key, or of a table's or list's entry."""
    for member in _members(kind):
        if _is_section(member):
            return member.model_fields[key].annotation if key in member.model_fields else None
        if get_origin(member) in (dict, tuple, list):
            return get_args(member)[-1 if get_origin(member) is dict else 0]
    return None


def _section(kind: Any) -> type[BaseModel] | None:
    """The one section that stands here; None for a table, a value, or a union of several."""
    sections = [member for member in _members(kind) if _is_section(member)]
    return sections[0] if len(sections) == 1 else None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _known_keys(section: type[BaseModel] | None) -> str:
    return f"the keys here are {', '.join(f'`{name}`' for name in section.model_fields)}" if section else ""


def nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
