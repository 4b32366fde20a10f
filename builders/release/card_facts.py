"""What the data card says, from the run's files. Places of this machine and addresses of servers stay behind."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench import __version__
from insightv_bench.chat import load_prompt
from insightv_bench.engines import public
from insightv_bench.settings import ReleaseSettings
from insightv_bench.stages import Context, git_commit, what_it_makes
from insightv_bench.storage import parquet_files

from .plots import Figure
from .report import in_order
from .shards import Written
from .yields import Yield

PLACES = ("path", "base_url", "given", "api_key_env")
"""Keys of a recipe whose values are nobody's business."""
STEPWISE = ("step", "next", "repair", "answer", "judge_repair")
"""Prompts of paths that are written a step a call."""
COUNTED = ("kind", "score_range", "flaw", "round")
"""Columns whose values the card counts."""


class Facts(NamedTuple):
    """Everything that the card says, as found in files."""

    title: str
    license: str
    written: dict[tuple[str, str], Written]
    counts: dict[str, dict[str, dict[str, int]]]
    """`config/split` -> column -> value -> rows."""
    sources: list[tuple[str, str, str, int]]
    """Source, revision, licence, rows."""
    models: list[tuple[str, str]]
    """What it did, and its name and revision."""
    prompts: list[str]
    yields: list[Yield]
    gate: dict[str, Any]
    figures: list[Figure]
    provenance: dict[str, Any]

    @classmethod
    def of(
        cls,
        context: Context,
        settings: ReleaseSettings,
        gate: Any,
        written: Mapping[tuple[str, str], Written],
        yields: Sequence[Yield],
        figures: Sequence[Figure],
    ) -> Facts:
        frames = {f"{corpus}/{split}": _scan(context, corpus, split) for corpus, split in written}
        sources = source_counts(frames.values())
        told = gate_facts(settings, gate, written)
        models, prompts = models_of(context, yields), prompts_of(context, yields)
        provenance = {
            "recipe": public_recipe(json.loads(context.recipe.model_dump_json(exclude_none=True))),
            "insightv-bench": __version__,
            "commit": git_commit(),
            "models": dict(models),
            "prompts": {name: load_prompt(name).label for name in prompts},
            "gate": told,
            "stages": {found.stage: [found.num_rows, found.num_dropped, found.dropped] for found in yields},
            "configs": {"/".join(key): part._asdict() for key, part in written.items()},
        }
        return cls(
            settings.title or context.recipe.name,
            settings.license or common_license(sources),
            dict(written),
            {name: value_counts(frame) for name, frame in frames.items()},
            sources,
            models,
            prompts,
            in_order(yields),
            told,
            list(figures),
            provenance,
        )


def _scan(context: Context, corpus: str, split: str) -> pl.LazyFrame:
    return pl.scan_parquet(parquet_files(context.folder / "release" / corpus / split), glob=False)


def value_counts(frame: pl.LazyFrame) -> dict[str, dict[str, int]]:
    columns = [name for name in COUNTED if name in frame.collect_schema().names()]
    if "flaw" in columns:
        columns.remove("kind")  # there the question's own
    rows = frame.select(columns).collect()
    return {name: {str(value): num for value, num in sorted(Counter(rows[name].to_list()).items())} for name in columns}


def source_counts(frames: Any) -> list[tuple[str, str, str, int]]:
    columns = ["source", "source_revision", "source_license"]
    rows = pl.concat([frame.select(columns) for frame in frames])
    counted = rows.group_by(columns).agg(num=pl.len()).sort(columns).collect()
    return list(counted.iter_rows())


def common_license(sources: Sequence[tuple[str, str, str, int]]) -> str:
    found = {license_.lower() for _, _, license_, _ in sources}
    known = len(found) == 1 and found != {"unknown"} and all(re.fullmatch(r"[a-z0-9.-]+", name) for name in found)
    return found.pop() if known else "other"


def gate_facts(settings: ReleaseSettings, gate: Any, written: Mapping[tuple[str, str], Written]) -> dict[str, Any]:
    left_out = {"/".join(key): part.num_left_out for key, part in written.items() if part.num_left_out}
    return {
        "sets": gate.sets,
        "num_questions": gate.num_questions,
        "num_left_out": len(gate.reasons),
        "reasons": dict(sorted(Counter(gate.reasons.values()).items())),
        "rows_left_out": left_out,
        "rule": settings.gate.model_dump(),
    }


def models_of(context: Context, yields: Sequence[Yield]) -> list[tuple[str, str]]:
    """Who wrote the paths, who judged them and who planted flaws, by stage."""
    writers = [(found.stage, public(str(found.totals["model"]))) for found in yields if "model" in found.totals]
    judges = [found.stage for found in yields if what_it_makes(context.inputs[found.stage]) == "verdicts"]
    makers = [(found.stage, public(str(found.totals["maker"]))) for found in yields if "maker" in found.totals]
    return writers + [(stage, ", ".join(judges_of(context.inputs[stage]))) for stage in judges] + makers


def judges_of(assessments: Path) -> list[str]:
    """Whoever scored paths or settled answers; `rule` where that was no model and no oracle."""
    rows = pl.scan_parquet(parquet_files(assessments), glob=False).select("judge", "answer_judge").unique().collect()
    named = {public(name) for name in (*rows["judge"], *rows["answer_judge"])}
    return sorted(named - {"engine", "rule"}) or ["rule"]


def public_recipe(content: Any) -> Any:
    """The recipe without places of this machine and addresses of servers."""
    if isinstance(content, dict):
        return {key: "..." if key in PLACES else public_recipe(value) for key, value in content.items()}
    if isinstance(content, str) and (content.startswith(("/", "~", ".")) or "://" in content):
        return "..."
    return [public_recipe(value) for value in content] if isinstance(content, list) else content


def prompts_of(context: Context, yields: Sequence[Yield]) -> list[str]:
    """Prompts of the corpora, then those that paths were sampled with, judged and spoilt."""
    labels: set[str] = set()
    for folder in context.inputs.values():
        if what_it_makes(folder) == "paths":
            rows = pl.scan_parquet(parquet_files(folder), glob=False)
            labels |= set(rows.select("prompt").unique().collect()["prompt"])
    stepwise = STEPWISE if any(label.startswith("step@") for label in labels) else ()
    others = {label.partition("@")[0] for found in yields for label in found.totals.get("prompts", [])}
    return list(dict.fromkeys(["reason", "summary", "direct", *stepwise, *sorted(others)]))
