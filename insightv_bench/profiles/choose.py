"""Which family a model is of: told by its name, its type or its chat template, never by its weights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from .profile import Profile, known_profiles

TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
"""Files in which a model's folder keeps its chat template."""


class Chosen(NamedTuple):
    profile: Profile
    by: str
    """What told it: `name`, `type`, `chat template`."""


def choose(name: str, folder: Path | None = None) -> Chosen | None:
    """The family's profile; None where nothing tells one, and for what this suite trained, which is asked as it was
    trained. `name`: a folder's, a Hub id, what a server calls it."""
    if folder is not None and is_trained_here(folder):
        return None
    by_name = [profile for profile in known_profiles().values() if _span(profile, name)]
    if by_name:
        # Models trained on others' weights often name those too; their families have no type of their own.
        return Chosen(max(by_name, key=lambda profile: (not profile.match.types, _span(profile, name))), "name")
    return _by_content(folder) if folder is not None else None


def is_trained_here(folder: Path) -> bool:
    """A stage keeps the model that it trained beside its manifest."""
    return (folder.resolve().parent / "manifest.json").is_file()


def _span(profile: Profile, name: str) -> int:
    """How much of the name the family's pattern takes: of two, the longer says more. 0: none."""
    found = (re.search(pattern, name, re.IGNORECASE) for pattern in profile.match.names)
    return max((match.end() - match.start() for match in found if match), default=0)


def _by_content(folder: Path) -> Chosen | None:
    """By the type; of families of one type by the chat template, where it says what theirs say."""
    kind, template = model_type(folder), chat_template(folder)
    of_type = [profile for profile in known_profiles().values() if kind and kind in profile.match.types]
    for profile in of_type:
        if any(re.search(pattern, template) for pattern in profile.match.templates):
            return Chosen(profile, "chat template")
    plain = next((profile for profile in of_type if not profile.match.templates), None)
    return Chosen(plain, "type") if plain else None


def model_type(folder: Path) -> str:
    """As its `config.json` says; empty where that says nothing."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get("model_type", "")) if isinstance(found, dict) else ""


def chat_template(folder: Path) -> str:
    """As its folder holds it, in whichever file; empty where it has none."""
    for file in TEMPLATES:
        try:
            text = (folder / file).read_text(encoding="utf-8")
            found = text if file.endswith(".jinja") else json.loads(text).get("chat_template")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(found, str) and found:
            return found
    return ""
