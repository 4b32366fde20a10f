"""A run's corpora in figures: counts, yields, drops by reason, scores and lengths, as Markdown, JSON and drawings.

All of it is read from manifests and from the rows of paths and their assessments; the data card tells the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.engines import public
from insightv_bench.errors import RunError
from insightv_bench.stages import KINDS, MANIFEST, kind_of, read_manifest, what_it_makes
from insightv_bench.storage import parquet_files, write_text

from .plots import Figure, draw

ORDER = ("build questions", "build paths", "build assess", "build corpora", "build release")
"""The commands of the stages that a report tells of, in the order of the work."""
BOTH = "questions with a right and a wrong path"
EMPTY: dict[str, Any] = {"score": pl.Int64, "steps": pl.List(pl.Int64), "num_tokens": pl.Int64}


class Basis(NamedTuple):
    """What a stage's yield is a share of."""

    num_in: int
    unit: str
    num_out: int
    """How many of those are in what the stage left: its rows, mostly."""


class Yield(NamedTuple):
    """One stage in figures."""

    stage: str
    num_rows: int
    num_dropped: int
    dropped: dict[str, int]
    """Reason -> rows left out."""
    totals: dict[str, Any]
    basis: Basis | None
    """None for a source."""


def report(run: Path, out: Path) -> tuple[str, list[Figure]]:
    """Write `report.md`, `report.json` and the figures to `out`. Raises RunError where nothing in `run` is finished."""
    folders = stage_folders(run)
    yields = read_yields(folders)
    out.mkdir(parents=True, exist_ok=True)
    figures = draw(scores(folders), lengths(folders), out)
    text = f"# Corpora of {run.name}\n\n{yields_table(yields)}\n\n{details(yields)}\n"
    images = "\n".join(f"\n![{figure.alternative}]({figure.name}.svg)\n\n{figure.alternative}" for figure in figures)
    write_text(out / "report.md", f"{text}{images}\n")
    write_text(out / "report.json", json.dumps(as_json(yields, folders), indent=2, ensure_ascii=False) + "\n")
    return text, figures


def stage_folders(run: Path) -> dict[str, Path]:
    """The newest finished folder of each stage that builds something, in the order of the work."""
    manifests = sorted(run.glob(f"stages/*/{MANIFEST}"), key=lambda file: file.stat().st_mtime)
    newest = {file.parent.name.rpartition("-")[0]: file.parent for file in manifests}
    placed = sorted((place_of(folder), number, name) for number, (name, folder) in enumerate(newest.items()))
    folders = {name: newest[name] for place, _, name in placed if place < len(ORDER)}
    if not folders:
        raise RunError(
            f"`{run}` holds no finished stage that builds corpora", "name a run's folder, `runs/corpora-seed0` say"
        )
    return folders


def place_of(folder: Path) -> int:
    """Of a stage in `ORDER`; others come last."""
    kind = KINDS.get(kind_of(read_manifest(folder)))
    return ORDER.index(kind.command) if kind and kind.command in ORDER else len(ORDER)


def yields_table(yields: Sequence[Yield]) -> str:
    lines = ["| stage | made of | rows out | yield | left out |\n|---|---:|---:|---:|---:|"]
    for row in yields:
        made_of = f"{row.basis.num_in:,} {row.basis.unit}" if row.basis else ""
        lines.append(f"| {row.stage} | {made_of} | {row.num_rows:,} | {_share(row)} | {row.num_dropped:,} |")
    return "\n".join(lines)


def _share(row: Yield) -> str:
    """Of what the stage is made of; none where one row becomes several."""
    if not row.basis or not row.basis.num_in or row.basis.num_out > row.basis.num_in:
        return ""
    share = f"{row.basis.num_out / row.basis.num_in:.1%}"
    return share if row.basis.num_out == row.num_rows else f"{row.basis.num_out:,}, {share}"


def details(yields: Iterable[Yield]) -> str:
    """Drops by reason, and what a stage counted beside."""
    lines = []
    for row in yields:
        reasons = "; ".join(
            f"{reason} {num:,}" for reason, num in sorted(row.dropped.items(), key=lambda item: -item[1])
        )
        counted = "; ".join(
            f"{name}: {_counts(value)}" for name, value in row.totals.items() if isinstance(value, dict) and value
        )
        lines += [f"- `{row.stage}` left out: {reasons}"] if reasons else []
        lines += [f"- `{row.stage}` holds {counted}"] if counted else []
    return "\n".join(lines)


def _counts(value: dict[str, Any]) -> str:
    return ", ".join(f"{public(name)} {_count(num)}" for name, num in value.items())


def _count(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_counts(value)})"
    if isinstance(value, list):
        return " / ".join(map(_count, value))
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def as_json(yields: Sequence[Yield], folders: Mapping[str, Path]) -> dict[str, Any]:
    stages = [row._asdict() for row in yields]
    return {"stages": stages, "scores": scores(folders).to_dicts(), "lengths": lengths(folders).to_dicts()}


def read_yields(folders: Mapping[str, Path]) -> list[Yield]:
    """One a stage, in the order given."""
    manifests = {folder.name: read_manifest(folder) for folder in folders.values()}
    yields = []
    for name, folder in folders.items():
        manifest = manifests[folder.name]
        inputs = [manifests[given] for given in manifest["inputs"].values() if given in manifests]
        kept = {key: manifest[key] for key in ("num_rows", "num_dropped", "dropped", "totals")}
        yields.append(Yield(name, **kept, basis=_basis(manifest, inputs)))
    return yields


def _basis(manifest: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> Basis | None:
    """Pairs are made of questions that have both kinds of paths; a corpus that is drawn has as many rows as are wanted;
    another corpus is made of the paths among its inputs, and paths are made of questions."""
    totals, num_rows = manifest["totals"], manifest["num_rows"]
    if counted := totals.get("questions"):
        return Basis(counted["right_and_wrong"], BOTH, counted["paired_of_those"])
    if wanted := totals.get("wanted"):
        return Basis(sum(wanted.values()), "rows wanted", num_rows)
    if not inputs or kind_of(manifest) in ("preference", "chosen"):
        return None  # pairs made before their questions were counted: they are no share of paths
    makes = [KINDS[kind].makes if (kind := kind_of(given)) in KINDS else "" for given in inputs]
    worked = [given for given, what in zip(inputs, makes, strict=True) if what == "paths"]
    unit = "paths" if worked else "questions" if makes[0] == "questions" else "rows"
    return Basis(sum(given["num_rows"] for given in worked or inputs), unit, num_rows)


def scores(folders: Mapping[str, Path]) -> pl.DataFrame:
    """`stage, score, num` over assessments; the score is null for paths without one."""
    return _over(folders, "verdicts", ["score"]).group_by("stage", "score").agg(num=pl.len()).sort("stage", "score")


def lengths(folders: Mapping[str, Path]) -> pl.DataFrame:
    """`stage, steps, tokens, num` over paths."""
    rows = _over(folders, "paths", ["steps", "num_tokens"])
    counted = rows.select("stage", pl.col("steps").list.len(), tokens="num_tokens")
    return counted.group_by("stage", "steps", "tokens").agg(num=pl.len()).sort("stage", "steps", "tokens")


def _over(folders: Mapping[str, Path], makes: str, columns: list[str]) -> pl.DataFrame:
    frames = [
        pl.scan_parquet(parquet_files(folder), glob=False).select(pl.lit(name).alias("stage"), *columns)
        for name, folder in folders.items()
        if what_it_makes(folder) == makes
    ]
    return (
        pl.concat(frames).collect()
        if frames
        else pl.DataFrame(schema={"stage": pl.String} | {name: EMPTY[name] for name in columns})
    )
