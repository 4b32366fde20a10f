"""Whether every model of a run can be asked, found out before its first stage: one line now, not one after an hour.

A folder must hold a model, a Hub id must exist, a server must answer for the model's name with the key that is set.
A model that this run's journal holds replies of was there before: it is not asked again, so that a rerun whose replies
are all kept needs no server. What only a loaded model can show (weights that do not fit) is not found here.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from insightv_bench.engines import has_replies
from insightv_bench.engines.openai import Server, Trouble, revision_of
from insightv_bench.errors import EngineError, EngineUnavailable, ModelError, require
from insightv_bench.journal import Journal
from insightv_bench.settings import EngineSettings, HfEngine, OpenAIEngine, maker_of

from .stage import Stage

WAIT_S = 20
"""For a server's first word."""
PREPROCESSORS = ("processor_config.json", "preprocessor_config.json")


def check_models(stages: Sequence[Stage], journal: Journal, servers: Mapping[str, Sequence[str]] | None = None) -> None:
    """Raises ModelError, EngineError or MissingExtra for the first model of `stages` that cannot be asked.

    `servers`: those behind a `base_url`, which is then no place itself.
    """
    seen: set[str] = set()
    named = (engine for stage in stages for engine in stage.engines if not maker_of(engine))
    for engine in (member for one in named for member in members(one, servers or {})):
        name = getattr(engine, "model", "") + getattr(engine, "base_url", "")
        if name not in seen:
            seen.add(name)
            check_engine(engine, journal)


def members(engine: EngineSettings, servers: Mapping[str, Sequence[str]]) -> Iterator[EngineSettings]:
    """The engine at each server of its pool."""
    if not isinstance(engine, OpenAIEngine):
        yield engine
        return
    for url in servers.get(engine.base_url, [engine.base_url]):
        known_as = {
            "base_url": url,
            "revision": engine.revision or revision_of(engine.model_copy(update={"extra_body": {}})),
        }
        yield engine if url == engine.base_url else engine.model_copy(update=known_as)


def check_engine(engine: EngineSettings, journal: Journal) -> None:
    if isinstance(engine, HfEngine):
        check_local(engine)
    elif isinstance(engine, OpenAIEngine):
        server = Server(engine)
        if not has_replies(server, journal):
            asyncio.run(check_server(server, engine))


def check_local(engine: HfEngine) -> None:
    """Raises ModelError for a folder that is missing or holds no image-text model, and for an id unknown to the Hub."""
    from insightv_bench.engines.hf import identity

    for package in ("torch", "transformers"):
        require(package, "train", "a local model")
    folder = Path(engine.model)
    if not folder.is_dir():
        identity(engine)
        return
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "name a folder that `from_pretrained` can load"
        raise ModelError(f"`{engine.model}` is no model: its `config.json` is missing or names none", hint) from error
    if not any((folder / name).exists() for name in PREPROCESSORS):
        hint = "a model of this suite sees images: name one that has a processor"
        raise ModelError(f"`{engine.model}` ({kind}) has no `{PREPROCESSORS[0]}`: it cannot be shown an image", hint)
    if not any(folder.glob("*.safetensors")):
        hint = "its download may be unfinished; pickled weights are not loaded: save them as safetensors"
        raise ModelError(f"`{engine.model}` holds no weights as safetensors", hint)


async def check_server(server: Server, engine: OpenAIEngine) -> None:
    """Its list of models, or where that does not name this one, one reply of one token."""
    known: list[str] = []
    try:
        known = await server.models(WAIT_S)
        if engine.model in known:
            return
        await server.probe(WAIT_S)
    except Trouble as trouble:
        if trouble.kind == "429":
            return  # busy, so it is there
        raise _refused(trouble, engine, known) from None
    finally:
        await server.close()


def _refused(trouble: Trouble, engine: OpenAIEngine, known: Sequence[str]) -> EngineError:
    place = f"`{engine.model}` at {engine.base_url}"
    if not trouble.status:
        hint = "start it, or check `base_url`, which mostly ends in `/v1`; the same command goes on then"
        return EngineUnavailable(f"{place} does not answer: {trouble.words}", hint)
    if trouble.status in (401, 403):
        hint = f"put the server's key into the environment variable `{engine.api_key_env}`"
        return EngineError(f"{place} cannot be asked: {trouble.words}", hint)
    near = difflib.get_close_matches(engine.model, known, 1, 0.4)
    listed = f"it has {', '.join(f'`{name}`' for name in known[:5])}" if known else "check `model` and `base_url`"
    meant = f"did you mean `{near[0]}`? " if near else ""
    return EngineError(f"{place} cannot be asked: {trouble.words}", meant + listed)
