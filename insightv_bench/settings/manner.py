"""Profiles in a recipe: the manner of the models that it names, laid below what it says itself.

What is laid is written out: each engine's system prompt, template arguments and pixel bounds, the asking and the
sampling of the paths. So all of it stands in fingerprints, journal keys and results, and one key of it can be changed.
A recipe is still a table here, as its file and the command line gave it; what is no table is left to be complained of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from insightv_bench.errors import RecipeError
from insightv_bench.profiles import NONE, Profile, Switch, choose, load_profile

from .engines import ModelEngine
from .evaluation import EvalSettings
from .inheritance import FILES, Content, Layer, merge
from .seats import PLACE, SERVER, STAGE_MODEL, folder_name

SEATS = ("reason", "base", "summary")
"""Whose profile says how paths are asked for: the first that is named."""
OTHERS = (
    *(("eval", "judge"), ("eval", "paraphraser")),
    *(("assess", "engine"), ("assess", "answer_engine"), ("flaws", "engine"), ("hard", "engine")),
)
"""Engines with a manner only where they name a profile: what they are asked is a format of ours."""
TEXT = ".txt"
STANDARD = ("temperature", "top_p", "presence_penalty")
"""What every chat server takes; the rest goes to one only where a recipe asks for it."""
LOCAL = ("temperature", "top_p", "top_k", "repetition_penalty")


def with_prompts_read(layer: Layer) -> Layer:
    """The layer with its prompts' files read; a file is named as seen from the recipe that names it."""
    content = layer.content
    folder = Path(layer.origin).parent if layer.origin.endswith(FILES) else Path()
    if isinstance(content.get("prompts"), dict):
        content = {**content, "prompts": _read(content["prompts"], folder)}
    for section in ("eval", "paths"):
        own = content.get(section)
        if isinstance(own, dict) and isinstance(own.get("prompts"), dict):
            content = {**content, section: {**own, "prompts": _read(own["prompts"], folder)}}
    return layer._replace(content=content)


def _read(prompts: Content, folder: Path) -> Content:
    return {name: _text(value, folder) for name, value in prompts.items()}


def _text(value: object, folder: Path) -> object:
    if not isinstance(value, str) or not value.endswith(TEXT) or "\n" in value or "{" in value:
        return value
    try:
        return (folder / value).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the prompt `{value}` cannot be read: {error}") from error


def with_manner(content: Content) -> Content:
    """The content over what the profiles of its models say. A model's place written as text becomes its engine's table.

    Raises RecipeError for an unknown profile, and for thinking that cannot be turned as it is wanted.
    """
    whole, named = content, content.get("profile", "")
    told = dict.fromkeys(SEATS, None)
    for path in _engines(content):
        engine = as_table(_at(content, path))
        is_asked_ours = path in OTHERS and "profile" not in engine
        profile = None if is_asked_ours else _chosen(engine, "" if path in OTHERS else named)
        if profile is None:
            continue
        whole = _put(whole, path, in_manner_of(profile, engine))
        if path[0] == "model_seats":
            told[path[1]] = evaluation_part(profile, engine)
        elif path == ("paths", "engine"):
            whole = _put(whole, ("paths",), merge(paths_part(profile, engine, content["paths"]), whole["paths"]))
    first = next((part for part in told.values() if part), None)
    if first and isinstance(content.get("eval"), dict):
        whole = _put(whole, ("eval",), merge(first, whole["eval"]))
    if isinstance(prompts := content.get("prompts"), dict):
        asked_whole = as_table(_at(content, ("paths", "engine"))) and _at(content, ("paths", "mode")) == "one-call"
        asked = {"eval": isinstance(content.get("eval"), dict), "paths": bool(asked_whole)}
        for section in (name for name, is_asked in asked.items() if is_asked):
            whole = _put(whole, (section,), merge({"prompts": prompts}, whole[section]))
    return whole


def in_its_manner(engine: ModelEngine, profile: str) -> tuple[ModelEngine, EvalSettings]:
    """One model apart from any recipe: its engine, and how it is asked and sampled, as an evaluation has them.

    Raises RecipeError as `with_manner` does.
    """
    told = {name: getattr(engine, name) for name in {"kind", *engine.model_fields_set}}
    whole = with_manner({"profile": profile, "model_seats": {"reason": told}, "eval": {}})
    return type(engine).model_validate(whole["model_seats"]["reason"]), EvalSettings.model_validate(whole["eval"])


def _engines(content: Content) -> Iterator[tuple[str, ...]]:
    """Where a recipe names models."""
    summaries = _at(content, ("eval", "summaries"))
    names = summaries if isinstance(summaries, dict) else ()
    places = [("model_seats", seat) for seat in SEATS] + [("paths", "engine"), *OTHERS]
    yield from (path for path in places if as_table(_at(content, path)))
    yield from (path for name in names if as_table(_at(content, path := ("eval", "summaries", name))))


def as_table(engine: object) -> Content:
    """An engine of a named model as its keys; empty for what names none, and for a model that the run makes."""
    if isinstance(engine, str):
        server = PLACE.fullmatch(engine)
        if server:
            return {"kind": "openai", "model": server["name"], "base_url": server["url"]}
        return {} if engine.startswith((SERVER, STAGE_MODEL)) or not engine else {"kind": "hf", "model": engine}
    table: Content = engine if isinstance(engine, dict) else {}
    model = table.get("model")
    known = table.get("kind") in ("hf", "openai") and isinstance(model, str) and not model.startswith(STAGE_MODEL)
    return table if known else {}


def _chosen(engine: Content, named: object) -> Profile | None:
    name = engine.get("profile") or named
    if name == NONE or not isinstance(name, str):
        return None
    if name:
        return load_profile(name)
    folder = Path(engine["model"]) if engine["kind"] == "hf" else None
    is_here = folder is not None and folder.is_dir()
    found = choose(folder_name(folder) if folder and is_here else engine["model"], folder if is_here else None)
    return found.profile if found else None


def in_manner_of(profile: Profile, engine: Content) -> Content:
    """The engine over what the profile says of it; a switch that the profile turns is no key of the engine any more."""
    switch, thinks, is_turned = _switched(profile, engine)
    own = {key: value for key, value in engine.items() if key not in (("enable_thinking",) if is_turned else ())}
    said: Content = {
        "profile": profile.name,
        "system": switch.system or profile.system,
        "suffix": switch.suffix or profile.suffix,
        "chat_template_kwargs": switch.chat_template_kwargs,
        "stop": list(profile.stop),
    }
    if engine["kind"] == "hf":
        said |= {"min_pixels": profile.min_pixels, "max_pixels": profile.max_pixels}
        said |= {"thought_close": _close_of(profile) if engine.get("thinking_budget") else ""}
    else:
        opened = profile.thought and profile.thought.opened_by == "prompt" and thinks
        said |= {"opens_thought": "if cut" if opened else ""}
        said |= {"extra_body": {**switch.extra_body, **_budget(profile, engine)}}
    return {**merge({key: value for key, value in said.items() if value}, own), "profile": profile.name}


def _close_of(profile: Profile) -> str:
    forced = profile.thinking.forced if profile.thinking else ""
    return forced or (profile.thought.close if profile.thought else "")


def _switched(profile: Profile, engine: Content) -> tuple[Switch, bool, bool]:
    """What turns thinking as it is wanted; whether the model then thinks; whether the profile turned it."""
    wanted, thinking = engine.get("enable_thinking"), profile.thinking
    if not isinstance(wanted, bool):
        return Switch(), thinking.is_default if thinking else profile.thought is not None, False
    if thinking is None and profile.thought is None:
        return Switch(), wanted, False  # nothing is known of a switch: the chat template may have one
    if wanted:
        return (thinking.enabled if thinking else Switch()), True, True
    if thinking is None or thinking.disabled is None:
        hint = "leave `enable_thinking` out, or name another checkpoint of the family"
        raise RecipeError(f"`{engine['model']}` is of the family `{profile.name}`, which always thinks", hint)
    return thinking.disabled, False, True


def _budget(profile: Profile, engine: Content) -> Content:
    """The bound of a server's thought, under the key that the family's servers read."""
    budget = engine.get("thinking_budget")
    if not budget or engine["kind"] == "hf":
        return {}
    key = profile.thinking.budget_key if profile.thinking else ""
    if not key:
        hint = "write it as the server spells it: extra_body={...}"
        raise RecipeError(f"no key is known by which a server bounds the thought of `{profile.name}`", hint)
    return {key: budget}


def evaluation_part(profile: Profile, engine: Content) -> Content:
    """The asking, and the sampling of all arms; one that thinks before it answers may do so in every arm."""
    sampling, cap = _sampling(profile, engine), _cap(profile)
    _, thinks, _ = _switched(profile, engine)
    part = {
        "ask": [profile.ask],
        "prompts": _prompts(profile),
        "path_sampling": {**sampling, **cap},
        "answer_sampling": {**sampling, **(cap if thinks else {})},
    }
    return {name: value for name, value in part.items() if value}


def paths_part(profile: Profile, engine: Content, paths: Content) -> Content:
    """Steps that are asked for one by one are always JSON."""
    asking = {"ask": profile.ask, "prompts": _prompts(profile)} if paths.get("mode") == "one-call" else {}
    part: Content = {**asking, "sampling": {**_sampling(profile, engine), **_cap(profile)}}
    return {name: value for name, value in part.items() if value}


def _cap(profile: Profile) -> Content:
    return {"max_new_tokens": profile.max_new_tokens} if profile.max_new_tokens else {}


def _prompts(profile: Profile) -> Content:
    """For the profile's own asking alone: in another one ours are."""
    return {f"{profile.ask}/{name}": text for name, text in profile.prompts.items()}


def _sampling(profile: Profile, engine: Content) -> Content:
    known = profile.sampling.model_dump(exclude_none=True)
    taken = STANDARD if engine["kind"] == "openai" else LOCAL
    return {name: value for name, value in known.items() if name in taken}


def _at(content: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _put(content: Content, path: tuple[str, ...], value: Any) -> Content:
    """A copy with the value at this place."""
    first, *rest = path
    return {**content, first: _put(content[first], tuple(rest), value) if rest else value}
