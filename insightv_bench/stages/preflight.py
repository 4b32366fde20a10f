"""Whether every model of a run can be asked, found out before its first stage: one line now, not one after an hour.

A folder must hold a model, a Hub id must exist, a server must answer for the model's name with the key that is set. A
server whose model is to see images is asked once with a small one and once without: where it counts as many tokens of
both prompts, it drops images and answers all the same.
A model that this run's journal holds replies of was there before: it is not asked again, so that a rerun whose replies
are all kept needs no server. What only a loaded model can show (weights that do not fit) is not found here.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from insightv_bench.engines import find_class, has_replies
from insightv_bench.engines.openai import Server, Trouble, revision_of
from insightv_bench.engines.served import check_program
from insightv_bench.errors import EngineError, EngineUnavailable, ModelError, require
from insightv_bench.journal import Journal
from insightv_bench.settings import (
    AssessSettings,
    EngineSection,
    EngineSettings,
    HfEngine,
    OpenAIEngine,
    PythonEngine,
    Sampling,
    ServedEngine,
    maker_of,
)

from .stage import Stage

WAIT_S = 20
"""For a server's first word."""
PREPROCESSORS = ("processor_config.json", "preprocessor_config.json")


class Asked(NamedTuple):
    """How a stage asks a model."""

    engine: EngineSettings
    sampling: Sampling
    sees_images: bool


def check_models(
    stages: Sequence[Stage],
    journal: Journal,
    servers: Mapping[str, Sequence[str]] | None = None,
    shows_images: bool = True,
) -> None:
    """Raises ModelError, EngineError or MissingExtra for the first model of `stages` that cannot be asked.

    `servers`: those behind a `base_url`, which is then no place itself. `shows_images`: whether any question has one.
    """
    for served in (engine for stage in stages for engine in stage.engines if isinstance(engine, ServedEngine)):
        check_program(served)
    asked: dict[str, Asked] = {}
    for each in (each for stage in stages for each in asked_by(stage)):
        for engine in members(each.engine, servers or {}):
            name = getattr(engine, "model", "") + getattr(engine, "base_url", "")
            before = asked.get(name, each)
            asked[name] = before._replace(engine=engine, sees_images=before.sees_images or each.sees_images)
    for each in asked.values():
        check_engine(each.engine, journal, each.sees_images and shows_images, each.sampling)


def asked_by(stage: Stage) -> Iterator[Asked]:
    """The models that its settings and seats name, those aside that the run makes itself."""
    judge = getattr(stage.options, "assess", None) or stage.settings  # a calibration's judge
    settings = [*dict(stage.settings).items(), *(dict(judge).items() if judge is not stage.settings else ())]
    samplings = [value for _, value in settings if isinstance(value, Sampling)] or [Sampling()]
    odd = next((each for each in samplings if each.repetition_penalty != 1), samplings[0])  # a strict server refuses it
    of_text = {"answer_engine", "paraphraser"}
    if isinstance(judge, AssessSettings) and judge.judge != "engine":
        of_text.add("engine")
    named = [*settings, *getattr(stage.options, "seats", {}).items()]
    for role, engine in named:
        if isinstance(engine, EngineSection) and not maker_of(engine):  # type: ignore[arg-type]
            yield Asked(engine, odd, role not in of_text)  # type: ignore[arg-type]


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


def check_engine(
    engine: EngineSettings, journal: Journal, sees_images: bool = True, sampling: Sampling | None = None
) -> None:
    """`sees_images`: whether it is to; `sampling`: one that it will be asked with."""
    if isinstance(engine, HfEngine):
        check_local(engine)
    elif isinstance(engine, ServedEngine):
        check_local(HfEngine(kind="hf", model=engine.model))
    elif isinstance(engine, PythonEngine):
        find_class(engine.model)
    elif isinstance(engine, OpenAIEngine):
        server = Server(engine)
        if not has_replies(server, journal):
            asyncio.run(check_server(server, engine, sees_images and engine.check_images, sampling or Sampling()))


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


async def check_server(server: Server, engine: OpenAIEngine, sees_images: bool, sampling: Sampling) -> None:
    """Its list of models, or where that does not name this one, one reply; and whether it sees an image."""
    known: list[str] = []
    try:
        known = await server.models(WAIT_S)
        if engine.model in known and not sees_images:
            return
        probes = [server.probe(WAIT_S, sampling, with_image) for with_image in (False, True)[: 1 + sees_images]]
        text, *shown = await asyncio.gather(*probes, return_exceptions=True)
        turned_away = isinstance(text, Trouble) and text.status == 400 and engine.model in known
        if isinstance(text, BaseException) and not turned_away:
            raise text
        if isinstance(text, int) and shown:  # one that knows its world alone turns both away
            check_sight(shown[0], text, engine)
    except Trouble as trouble:
        if trouble.kind == "429":
            return  # busy, so it is there
        raise _refused(trouble, engine, known, server.hint(trouble, sampling)) from None
    finally:
        await server.close()


def check_sight(shown: int | BaseException, num_without: int, engine: OpenAIEngine) -> None:
    """Raises EngineError for a server that answers a text, but is blind to an image, or turns it away.

    `shown`: the tokens of a prompt with an image, or what came in the place of a reply.
    """
    place = f"`{engine.model}` at {engine.base_url}"
    hint = "serve a model that sees images; of questions without any say `images: none` in their source"
    if isinstance(shown, Trouble):
        if shown.is_of_load:
            return
        raise EngineError(f"{place} cannot be shown an image: {shown.words}", hint)
    if isinstance(shown, BaseException):
        raise shown
    if num_without and shown == num_without:
        words = f"{place} does not see images: a prompt of {num_without:,} tokens is no longer with one"
        raise EngineError(words, f"{hint}; if its count leaves images out: `check_images: false` in the engine")


def _refused(trouble: Trouble, engine: OpenAIEngine, known: Sequence[str], asked: str) -> EngineError:
    """`asked`: the hint for a request that was turned away."""
    place = f"`{engine.model}` at {engine.base_url}"
    if not trouble.status:
        hint = "start it, or check `base_url`, which mostly ends in `/v1`; the same command goes on then"
        return EngineUnavailable(f"{place} does not answer: {trouble.words}", hint)
    if trouble.status in (401, 403):
        hint = f"put the server's key into the environment variable `{engine.api_key_env}`"
        return EngineError(f"{place} cannot be asked: {trouble.words}", hint)
    near = difflib.get_close_matches(engine.model, known, 1, 0.4)
    listed = f"it has {', '.join(f'`{name}`' for name in known[:5])}" if known else asked
    if trouble.status in (400, 422) or engine.model in known:
        return EngineError(f"{place} cannot be asked: {trouble.words}", asked)
    meant = f"did you mean `{near[0]}`? " if near else ""
    return EngineError(f"{place} cannot be asked: {trouble.words}", meant + listed)
