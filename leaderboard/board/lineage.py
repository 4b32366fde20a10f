"""Where an evaluation's figures come from: its stage's manifest and those of every stage before it.

A submission carries them as `lineage.json`, since the stages themselves stay at home. Settings that may hold a place on
a disk, a server or a key are not kept. This module computes no figure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import polars as pl

from insightv_bench.arms import Role
from insightv_bench.errors import RunError
from insightv_bench.settings import STAGE_MODEL
from insightv_bench.stages import KINDS, MANIFEST, RUN, kind_of, read_manifest
from insightv_bench.storage import first_line

from .records import LineageRow

LINEAGE = "lineage.json"
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
LineageKind = Literal["evaluation", "questions", "paths", "corpus", "model"]
KEPT = (
    "stage",
    "kind",
    "function",
    "seed",
    "inputs",
    "num_rows",
    "num_dropped",
    "totals",
    "versions",
    "git_commit",
    "started",
)
KEPT_SETTINGS = ("reference", "num_paths", "sampling", "path_sampling", "answer_sampling", "greedy", "arms")
KEPT_OPTIONS = ("system", "base", "round", "arms", "task", "task_version", "greedy", "seat", "role", "twin_of")
ODD = (ValueError, TypeError, AttributeError, KeyError)
"""What is raised over a lineage that is not as this module writes it."""
NESTED = ("options", "settings", "inputs", "totals", "versions")
"""Parts of a stage that are tables themselves."""


class Origin(NamedTuple):
    """One evaluation, and the stages that it came from, itself included, by the name of their folders."""

    evaluation: str
    recipe: str
    seed: int | None
    stages: Mapping[str, dict[str, Any]]


@cache
def read_origin(folder: Path) -> Origin | None:
    """None where the folder holds rows alone. Raises RunError where what it holds cannot be read."""
    if (folder / LINEAGE).exists():
        try:
            return _as_origin(json.loads((folder / LINEAGE).read_text(encoding="utf-8")))
        except (OSError, *ODD) as error:
            raise RunError(f"`{folder / LINEAGE}` cannot be read: {error}", "make the submission again") from error
    if not (folder / MANIFEST).exists():
        return None
    recipe, seed = _run_of(folder)
    return Origin(folder.name, recipe, seed, dict(_stages(folder)))


def _as_origin(content: Any) -> Origin:
    """Of a file that others wrote. Raises TypeError where it is no lineage."""
    origin = Origin(**content)
    tables = [origin.stages, *origin.stages.values()] if isinstance(origin.stages, dict) else [None]
    tables += [part for stage in tables[1:] if isinstance(stage, dict) for part in map(stage.get, NESTED) if part]
    if not all(isinstance(table, dict) for table in tables):
        raise TypeError("its stages are no tables")
    models(origin)
    return origin


def _run_of(folder: Path) -> tuple[str, int | None]:
    """Recipe and seed of the run that a stage's folder lies in."""
    try:
        run = json.loads((folder.parent.parent / RUN).read_text(encoding="utf-8"))
        return str(run["recipe"]), int(run["seed"])
    except (OSError, ValueError, KeyError, TypeError):  # a stage's folder that was taken out of its run
        return "", None


def _stages(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stage and those before it, as far as their folders are there."""
    wanted, seen = [folder], set[Path]()
    while wanted:
        stage = wanted.pop()
        if stage in seen or not (stage / MANIFEST).exists():
            continue
        seen.add(stage)
        manifest = read_manifest(stage)
        yield stage.name, _trimmed(manifest)
        wanted += [folder.parent / Path(name).name for name in manifest.get("inputs", {}).values()]


def _trimmed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    settings, options = manifest.get("settings", {}), manifest.get("options", {})
    kept = {name: manifest[name] for name in KEPT if name in manifest}
    kept["options"] = {name: options[name] for name in KEPT_OPTIONS if name in options}
    kept["options"]["seats"] = {seat: _model_name(place) for seat, place in options.get("seats", {}).items()}
    kept["settings"] = {name: settings[name] for name in KEPT_SETTINGS if name in settings}
    trainer = settings.get("trainer", {})
    kept["settings"]["trainer"] = {name: value for name, value in trainer.items() if not _is_place(value)}
    return kept


def _model_name(place: Any) -> str:
    """A Hub id or the last part of a folder; of a server's model its name and revision, never the server."""
    if isinstance(place, Mapping):
        revision = f"@{place['revision']}" if place.get("revision") else ""
        return f"{place.get('model', '')}{revision}"
    return "/".join(Path(place).parts[-2:]) if _is_place(place) else str(place)


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith(("/", "~", ".")) or "://" in value or "\\" in value)


def role_before(folder: Path, system: str, number: int) -> tuple[Role, str] | None:
    """Role, and whose greedy twin it is, of a system whose evaluation ran before rows said so; None: not known.

    Told by what its options record: `greedy`, and the stages in its seats. Only a plan's own trainings stand there as
    stages; a folder that happens to be called like one is no stage.
    """
    origin = read_origin(folder)
    options = origin.stages.get(origin.evaluation, {}).get("options", {}) if origin else {}
    seats = {seat: str(place) for seat, place in options.get("seats", {}).items()}
    stages = {seat: place.removeprefix(STAGE_MODEL) for seat, place in seats.items() if place.startswith(STAGE_MODEL)}
    if not stages or "role" in options or options.get("system") != system:
        return None
    twin_of = system.removesuffix("-greedy") if options.get("greedy") else ""
    if "base" in stages:
        return "base", twin_of
    own = [f"train-dpo-{number}" if number else "train-reason", "train-summary"]
    is_own = [stages.get("reason"), stages.get("summary", "train-summary")] == own
    return ("round" if number else "agent") if is_own else "control", twin_of


def models(origin: Origin) -> dict[str, str]:
    """Seat -> the folder of the training stage that made its model, or what the model is called elsewhere."""
    own = origin.stages.get(origin.evaluation, {})
    seats: dict[str, str] = own.get("options", {}).get("seats", {})
    inputs: dict[str, str] = own.get("inputs", {})
    by_name = {seat: inputs.get(place.removeprefix(STAGE_MODEL), place) for seat, place in seats.items()}
    return {seat: inputs.get(seat, place) for seat, place in by_name.items()}


def lineage_rows(frame: pl.DataFrame) -> list[LineageRow]:
    """What every system came from, each thing once a system; nothing where no manifest lies beside the rows."""
    things: dict[LineageRow, None] = {}
    for label, evaluation in frame.select("label", "evaluation").unique(maintain_order=True).iter_rows():
        if origin := read_origin(Path(evaluation)):
            try:
                things.update(dict.fromkeys(_rows(label, origin)))
            except ODD as error:
                raise RunError(f"the lineage of `{evaluation}` cannot be read: {first_line(error)}") from error
    return list(things)


def _rows(system: str, origin: Origin) -> Iterator[LineageRow]:
    for folder, stage in origin.stages.items():
        kind = _kind(stage)
        if kind:
            yield _row(system, kind, folder, stage, origin)
    for place in models(origin).values():
        if place not in origin.stages:
            yield _row(system, "model", place, {}, origin)


def _kind(manifest: Mapping[str, Any]) -> LineageKind | None:
    """None for a stage that is passed over: an assessment say, or lessons."""
    named = manifest.get("kind", manifest.get("function", ""))
    if not isinstance(named, str):
        raise TypeError(f"a stage's kind is text, not {type(named).__name__}")
    kind = KINDS.get(kind_of(manifest))
    return kind.makes if kind and kind.makes in get_args(LineageKind) else None  # type: ignore[return-value]


def _row(system: str, kind: LineageKind, folder: str, stage: Mapping[str, Any], origin: Origin) -> LineageRow:
    name = str(stage.get("stage", folder))
    return LineageRow(
        system=system,
        kind=kind,
        name=name,
        fingerprint=folder.removeprefix(f"{name}-") if stage else "",
        num_rows=(stage["totals"].get("num_rows") if kind == "model" else stage["num_rows"]) if stage else None,
        recipe=origin.recipe,
        seed=origin.seed,
        version=str(stage.get("versions", {}).get("insightv-bench", "")),
        git_commit=str(stage.get("git_commit", "")),
        detail=_detail(stage),
        date=_day(stage),
    )


def _detail(stage: Mapping[str, Any]) -> str:
    totals: Mapping[str, Any] = stage.get("totals", {})
    details = _sampling(stage)
    details += [f"reference {totals['reference']}"] if "reference" in totals else []
    details += [f"{totals['num_steps']:,} steps"] if "num_steps" in totals else []
    details += [f"last loss {totals['last_loss']:.3f}"] if isinstance(totals.get("last_loss"), float) else []
    return ", ".join(details)


def _sampling(stage: Mapping[str, Any]) -> list[str]:
    """How an evaluation's paths and answers were drawn."""
    settings, told = stage.get("settings", {}), []
    for what in ("path", "answer"):
        heat = settings.get(f"{what}_sampling")
        heat = heat.get("temperature") if isinstance(heat, Mapping) else None
        if isinstance(heat, int | float) and kind_of(stage) == "evaluate":
            told.append(f"{what}s greedy" if heat == 0 else f"{what}s at temperature {heat:g}")
    return told


def _day(stage: Mapping[str, Any]) -> str:
    started = stage.get("started")
    day = started[:10] if isinstance(started, str) else ""
    return day if DAY.fullmatch(day) else ""


def training_of(origins: Iterable[Origin], seat: str = "reason") -> Mapping[str, Any]:
    """The manifest of the stage that trained the model in a seat; empty where it is not known."""
    for origin in origins:
        if stage := origin.stages.get(models(origin).get(seat, "")):
            return stage
    return {}
