"""Rows of a submission against the lineage beside them: what was evaluated, how much of it, with which models.

A lineage names the stages that the rows came from, how many rows each made and how the evaluation was set. Rows that
were dropped, capped otherwise or answered by another model contradict it. Whoever writes rows and lineage anew to fit
each other is not seen here: other submissions of the same set (`board.sets`) and `--rerun` are what shows that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.arms import ARMS
from insightv_bench.errors import RunError

from ..board import Origin, read_origin

COPIED = ("system", "base", "round", "task")
"""Options of an evaluation that every row of it repeats."""


def problems(frame: pl.DataFrame) -> Iterator[str]:
    """What does not hold, a line each. Raises RunError where a lineage cannot be read."""
    for (folder,), rows in frame.partition_by("evaluation", as_dict=True, maintain_order=True).items():
        if origin := read_origin(Path(str(folder))):
            name = Path(str(folder)).name
            try:
                yield from (f"`{name}`: {line}" for line in _of_evaluation(rows, origin))
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise RunError(f"the lineage of `{name}` cannot be read: {error}") from error


def without_lineage(frame: pl.DataFrame) -> list[str]:
    """Evaluations of which nothing says how many rows they had."""
    names = frame["evaluation"].unique(maintain_order=True)
    return [Path(name).name for name in names if not read_origin(Path(name))]


def _of_evaluation(rows: pl.DataFrame, origin: Origin) -> Iterator[str]:
    own = origin.stages.get(origin.evaluation)
    if own is None:
        yield f"its lineage is of `{origin.evaluation}`, and names no such stage"
        return
    yield from _stages(origin)
    yield from _amounts(rows, own, origin)
    options: Mapping[str, Any] = own.get("options", {})
    for column in COPIED:
        told = rows[column].unique().to_list()
        if column in options and told != [options[column]]:
            yield f"its rows say {column} {_words(told)}, and its lineage `{options[column]}`"
    arms = set(rows["arm"])
    if odd := sorted(arms - set(options.get("arms") or arms)):
        yield f"it has rows of arm `{odd[0]}`, which its lineage says was not evaluated"
    left_out = set(own.get("totals", {}).get("arms_left_out") or ())
    if lacking := sorted(set(options.get("arms") or ()) - arms - left_out):
        yield f"it has no row of arm `{lacking[0]}`, which its lineage says was evaluated"
    yield from _caps(rows, own)
    yield from _models(rows, own)


def _words(values: list[Any]) -> str:
    return " and ".join(f"`{value}`" for value in sorted(map(str, values)))


def _stages(origin: Origin) -> Iterator[str]:
    """A folder is called by its stage and its fingerprint, and what a stage was made of is among the stages."""
    for folder, stage in origin.stages.items():
        name = stage.get("stage")
        if name and not folder.startswith(f"{name}-"):
            yield f"its lineage calls `{folder}` by stage `{name}`"
        if not isinstance(stage.get("num_rows", 0), int) or stage.get("num_rows", 0) < 0:
            yield f"its lineage says that `{folder}` has {stage.get('num_rows')} rows"


def _amounts(rows: pl.DataFrame, own: Mapping[str, Any], origin: Origin) -> Iterator[str]:
    if (own.get("num_rows") or rows.height) != rows.height:
        yield f"its lineage says {own['num_rows']:,} rows, and it holds {rows.height:,}"
    inputs = {role: origin.stages.get(str(folder), {}) for role, folder in own.get("inputs", {}).items()}
    asked = [stage for role, stage in inputs.items() if role.startswith("questions") and stage.get("num_rows")]
    num_asked = rows.filter(pl.col("arm").is_in([arm for arm in ARMS if ARMS[arm].shows in ("nothing", "own")]))
    if len(asked) == 1 and num_asked.height and num_asked["question_id"].n_unique() != asked[0]["num_rows"]:
        found = num_asked["question_id"].n_unique()
        yield f"its rows answer {found:,} questions, and its set has {asked[0]['num_rows']:,}"
    flawed = rows.filter((pl.col("arm") == "flawed") & (pl.col("severity") > 0))
    sets = [stage["totals"]["flaws"] for stage in inputs.values() if stage.get("totals", {}).get("flaws")]
    if flawed.height and len(sets) == 1:
        found_flaws = dict(flawed.group_by("flaw").len().iter_rows())
        for flaw in sorted({*found_flaws, *sets[0]}):
            here, there = found_flaws.get(flaw, 0), sets[0].get(flaw, 0)
            if here != there:
                yield f"arm `flawed` has {here:,} rows of flaw `{flaw}`, and its set has {there:,}"


def _caps(rows: pl.DataFrame, own: Mapping[str, Any]) -> Iterator[str]:
    settings = own.get("settings", {})
    parts = [settings.get(name, {}).get("max_new_tokens") for name in ("path_sampling", "answer_sampling")]
    if not all(isinstance(part, int) for part in parts):
        return
    cap = sum(parts)
    if odd := rows.filter(pl.col("token_cap") != cap)["token_cap"].unique().sort().to_list():
        yield f"its rows say a token cap of {odd[0]:,}, and its lineage {cap:,}"


def _models(rows: pl.DataFrame, own: Mapping[str, Any]) -> Iterator[str]:
    models = own.get("totals", {}).get("models") or {}
    for arm in rows["arm"].unique(maintain_order=True) if models else ():
        seat = ARMS[arm].seat
        told = set(rows.filter(pl.col("arm") == arm)["model"]) - {""}
        if seat in models and told - {models[seat]}:
            yield f"arm `{arm}` was answered by {_words(sorted(told))}, and its lineage says `{models[seat]}`"
