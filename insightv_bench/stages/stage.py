"""Run one stage: rows -> rows in a folder, exclusions kept, manifest last.

A stage's folder is `<name>-<fingerprint of its settings and inputs>`: the same recipe finds the same folder, and a
changed one cannot mix. `manifest.json` is written last, so its existence means that the work is whole. A stage that
was killed is run again from its kept model calls and checkpoints.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from insightv_bench import __version__
from insightv_bench.answers import PARSER
from insightv_bench.arms import ARMS
from insightv_bench.chat import Asking, load_prompt, prompt_names
from insightv_bench.engines import Engine, open_engine
from insightv_bench.errors import RunError
from insightv_bench.flaws import VERSION as FLAWS_VERSION
from insightv_bench.journal import Journal
from insightv_bench.lazy import load_function
from insightv_bench.records import Dropped, Question, Record, content_id
from insightv_bench.settings import DEFAULTS, EngineSection, EngineSettings, Recipe, Section, ServedEngine, maker_of
from insightv_bench.storage import Appending, read_questions, read_rows, write_shards, write_text
from insightv_bench.world import VERSION as WORLD_VERSION

from .kinds import kind_named
from .manifest import CHECKPOINTS, MANIFEST, make_manifest, read_manifest
from .options import Options
from .progress import Progress

RUN, SUMMARY, JOURNAL, STAGES = "run.json", "summary.json", "journal.sqlite", "stages"
SERVERS = "servers"
"""In a run's folder: the logs of the servers that it starts, and files that tell of their processes."""


R = TypeVar("R", bound=Record)
MORE = "more/"
"""Prompts of few stages: only those hold their versions."""
MODEL = "model"
"""The folder of a finished model inside a training stage's folder."""


class Exclusion(Record):
    id: str
    reason: str
    row: str


@dataclass(frozen=True)
class Stage:
    """One stage as planned: of which kind, with which settings, on which earlier stages."""

    name: str
    kind: str
    """One of `KINDS`."""
    settings: Section
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Role (`questions`, `paths`, `model`, ...) -> the name of the stage that fills it."""
    options: Options = Options()
    """What the plan adds to the settings: the round, the split, the seat."""

    def __post_init__(self) -> None:
        kind = kind_named(self.kind)
        if type(self.options) is Options:  # nothing was said
            object.__setattr__(self, "options", kind.options())
        if not isinstance(self.settings, kind.settings) or not isinstance(self.options, kind.options):
            taken = f"{type(self.settings).__name__} and {type(self.options).__name__}"
            raise TypeError(f"stage `{self.name}` of kind `{self.kind}` does not take {taken}")

    @property
    def engines(self) -> list[EngineSettings]:
        """That its settings, its seats and its judge name."""
        judge = dict(getattr(self.options, "assess", {}))
        named = [*dict(self.settings).values(), *getattr(self.options, "seats", {}).values(), *judge.values()]
        return [value for value in named if isinstance(value, EngineSection)]  # type: ignore[misc]

    @property
    def makes(self) -> str:
        return kind_named(self.kind).makes

    @property
    def command(self) -> str:
        """The command that runs it alone, `build paths` say."""
        seat = "summary" if getattr(self.options, "seat", "") == "summary" else "reason"
        return kind_named(self.kind).command.format(seat=seat)


SettingsT = TypeVar("SettingsT", bound=Section, covariant=True)
OptionsT = TypeVar("OptionsT", bound=Options, covariant=True)


@dataclass
class Context(Generic[SettingsT, OptionsT]):
    """What a stage's function is given: `Context[PathsSettings, AskingOptions]` says of which kind.

    That settings and options are of these types was checked when the stage was planned.
    """

    stage: Stage
    folder: Path
    inputs: Mapping[str, Path]
    """Role -> the folder of the stage that fills it."""
    journal: Journal
    progress: Progress
    seed: int
    recipe: Recipe
    dropped: Counter[str] = field(default_factory=Counter)
    totals: dict[str, Any] = field(default_factory=dict)
    """Figures for the manifest."""
    num_rows: int = 0
    cluster: Cluster | None = None
    """Where models are asked, if not here."""

    @property
    def settings(self) -> SettingsT:
        return self.stage.settings  # type: ignore[return-value]

    @property
    def options(self) -> OptionsT:
        return self.stage.options  # type: ignore[return-value]

    @property
    def run_folder(self) -> Path:
        """What stages of one run share lies here: the journal, the commits that data sets were read at."""
        return self.journal.file.parent

    def rows(self, role: str, record: type[R]) -> Iterator[R]:
        """The rows that an earlier stage left."""
        return read_rows(self.inputs[role], record)

    def questions(self, role: str = "questions") -> Iterator[Question]:
        """As `rows`, but each image is read from disk when it is shown to a model or written, and not kept."""
        return read_questions(self.inputs[role])

    def num_rows_of(self, role: str) -> int:
        return int(read_manifest(self.inputs[role])["num_rows"])

    def resolve(self, engine: EngineSettings) -> EngineSettings:
        """The engine's settings with a stage's model turned into the folder that the stage left it in."""
        if isinstance(engine, ServedEngine):
            engine = engine.model_copy(update={"place": str(self.run_folder / SERVERS)})
        maker = maker_of(engine)
        if not maker:
            return engine
        role = next(role for role, name in self.stage.inputs.items() if name == maker)
        return engine.model_copy(update={"model": str(self.inputs[role] / MODEL)})

    def open_engine(self, engine: EngineSettings, scenes: Mapping[str, str] | None = None) -> Engine:
        """Here, or in the actors of a cluster."""
        resolved = self.resolve(engine)
        return self.cluster.engine(self, resolved, scenes) if self.cluster else open_engine(resolved, scenes)

    def write(self, record: type[Record], rows: Iterable[Record | Dropped], folder: str = "") -> None:
        """Keep the rows, and the dropped ones apart with their reasons. `folder`: a corpus beside others."""
        target = self.folder / folder
        target.mkdir(exist_ok=True)
        with Appending(target / "exclusions.parquet", Exclusion) as exclusions:

            def kept() -> Iterator[Record]:
                for row in rows:
                    if isinstance(row, Dropped):
                        exclusions.add(Exclusion(id=row.id, reason=row.reason, row=row.row))
                        self.dropped[row.reason] += 1
                    else:
                        yield row

            self.num_rows += write_shards(target, kept(), record)


class Cluster(Protocol):
    """What a stage knows of one (see `cluster`)."""

    def engine(self, context: Context[Any, Any], settings: EngineSettings, scenes: Mapping[str, str] | None) -> Engine:
        """A model that is held by actors; requests go to them."""

    def takes_blocks(self, engine: EngineSettings | None) -> bool:
        """Whether a stage that asks this model is to go over in blocks."""

    def rows(self, context: Context[Any, Any], function: str, record: type[R]) -> Iterator[R]:
        """The rows that `function`, a BlockWork, makes of the stage's, in their order."""


def fingerprint(stage: Stage, inputs: Mapping[str, Path], seed: int) -> str:
    """Of what the stage is, is told and is given; not of where its function stands, nor of defaults."""
    versions = {**versions_of(stage.kind), **asked_versions(stage)}
    content = [stage.kind, stage.settings.changes(), stage.options.changes(), seed, versions]
    return content_id(content, {role: folder.name for role, folder in sorted(inputs.items())}, length=12)


def asked_versions(stage: Stage) -> dict[str, str]:
    """Of the prompts that it is asked with beside those of every stage: another asking's, or a recipe's own."""
    asking = getattr(stage.settings, "asking", None)
    known = asking.versions() if isinstance(asking, Asking) else {}
    own = {ARMS[arm].prompt for arm in getattr(stage.options, "arms", ())} - set(prompt_names())
    named = map(load_prompt, sorted(own | set(getattr(stage.settings, "own_prompts", ()))))
    return known | {prompt.label: content_id(prompt.template) for prompt in named if prompt.name.startswith(MORE)}


def versions_of(kind: str) -> dict[str, str]:
    """Of the code that decides what rows a stage of this kind writes."""
    known, depends_on = code_versions(), kind_named(kind).depends_on
    prompts = {name: version for name, version in known.items() if "@" in name and "prompts" in depends_on}
    return {name: known[name] for name in ("insightv-bench", "defaults", *depends_on) if name in known} | prompts


@cache
def code_versions() -> dict[str, str]:
    """What changes a stage's rows though no recipe did: prompts, answer reader, drawn world, flaws, this package."""
    prompts = {name: load_prompt(name).template for name in prompt_names()}
    return {
        "insightv-bench": __version__,
        "defaults": DEFAULTS,
        "answers": PARSER,
        "world": WORLD_VERSION,
        "flaws": FLAWS_VERSION,
        **{load_prompt(name).label: content_id(template) for name, template in prompts.items()},
    }


def run_stage(stage: Stage, context: Context[Any, Any]) -> dict[str, Any]:
    """Run it to its manifest, which is returned. What an earlier try left half-written goes first."""
    clear(context.folder)
    began, started, used = datetime.now(UTC), time.monotonic(), processor_seconds()
    function = load_function(kind_named(stage.kind).function)
    function(context)
    manifest = {
        **make_manifest(context, time.monotonic() - started),
        "processor_seconds": round(processor_seconds() - used, 3),
        "peak_memory_gib": peak_memory_gib(),
        "started": began.isoformat(),
    }
    write_text(context.folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    drop_checkpoints(context.folder)  # only now: a kill before the manifest costs one checkpoint's steps, not all
    return manifest


def drop_checkpoints(folder: Path) -> None:
    """Those of a finished stage, which nobody goes on from."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def processor_seconds() -> float:
    """That this process has used in all its threads, and its children that have ended."""
    return sum(os.times()[:4])


def peak_memory_gib() -> float | None:
    """The most that this process has held so far, stages before this one among it; None: the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30, 3)


def clear(folder: Path) -> None:
    """Empty the folder but for its checkpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    for item in folder.iterdir():
        if item.name == CHECKPOINTS:
            continue
        shutil.rmtree(item) if item.is_dir() else item.unlink()


def guard_writable(folder: Path) -> None:
    """Raises RunError where a run could not be written, before anything is paid for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunError(f"`{folder}` cannot be written: {error.strerror}", "name another folder with `--out`") from error


def set_threads(threads: int) -> None:
    """The same number in training and in sampling, in a fresh run and in a resumed one: it changes the last bits."""
    if os.environ.get("OMP_NUM_THREADS") != str(threads):
        os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
