"""A recipe in layers: the one that it extends lies below, its own keys over it.

Tables are merged key by key; lists and values are replaced; `null` takes away what lies below. A table that is of
another kind than the one below (`kind: openai` over `kind: teacher`) takes its place as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, get_args

from insightv_bench.errors import RecipeError

from .engines import EngineSettings
from .sources import Source

Content = dict[str, Any]
FILES = (".yaml", ".yml")


class Layer(NamedTuple):
    origin: str
    """As an error names it: a recipe's name or its file."""
    content: Content


def stack(origin: str, content: Content, read: Callable[[str], Content]) -> list[Layer]:
    """The layers of a recipe, the lowest first; only the recipe itself has its name.

    `read` gives the content of a recipe by name or file. Raises RecipeError where a recipe extends itself, or one that
    is not there.
    """
    layers = [Layer(origin, content)]
    while below := layers[0].content.get("extends"):
        holder = layers[0].origin
        if not isinstance(below, str):
            raise RecipeError(f"`extends` in `{holder}` must be one recipe's name or file; it is `{below!r:.80}`")
        # A file is named as seen from the one that extends it.
        by_file = below.endswith(FILES) and holder.endswith(FILES)
        name = str(Path(holder).parent / below) if by_file else below
        chain = [layer.origin for layer in reversed(layers)] + [name]
        if any(_resolved(name) == _resolved(layer.origin) for layer in layers):
            raise RecipeError(f"`{origin}` extends itself: {' -> '.join(f'`{link}`' for link in chain)}")
        try:
            content = read(name)
        except RecipeError as error:
            raise RecipeError(f"`{holder}` extends `{below}`: {error.fact}", error.hint) from error
        layers.insert(0, Layer(name, {key: value for key, value in content.items() if key != "name"}))
    return layers


def _resolved(name: str) -> str | Path:
    return Path(name).resolve() if name.endswith(FILES) else name


def flatten(layers: Sequence[Layer]) -> Content:
    merged: Content = {}
    for layer in layers:
        merged = merge(merged, layer.content)
    return merged


def merge(below: Content, above: Content) -> Content:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if value is None and key in merged:
            del merged[key]
        elif isinstance(under, dict) and isinstance(value, dict) and not _is_another(under, value):
            merged[key] = merge(under, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def _tags() -> dict[str, set[str]]:
    """The keys that tell one kind of table from another, and their values."""
    tags: dict[str, set[str]] = {}
    for union in (EngineSettings, Source):
        members, field = get_args(union)
        for member in get_args(members):
            tags.setdefault(field.discriminator, set()).update(
                get_args(member.model_fields[field.discriminator].annotation)
            )
    return tags


TAGS = _tags()


def _is_another(below: Content, above: Content) -> bool:
    said = {tag: above[tag] for tag in TAGS if isinstance(above.get(tag), str)}
    return any(kind in TAGS[tag] and below.get(tag) != kind for tag, kind in said.items())


def origin_of(layers: Sequence[Layer], keys: Sequence[str]) -> str:
    """The layer that says most of the way to this key; of several, the uppermost."""
    return max(reversed(layers), key=lambda layer: _depth(layer.content, keys)).origin


def _depth(content: Any, keys: Sequence[str]) -> int:
    for depth, key in enumerate(keys):
        if isinstance(content, list | tuple) and key.isdigit() and int(key) < len(content):
            content = content[int(key)]
        elif isinstance(content, dict) and key in content:
            content = content[key]
        else:
            return depth
    return len(keys)
