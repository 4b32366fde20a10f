"""A run's corpora in figures: counts, yields, drops by reason, scores and lengths, as Markdown, JSON and drawings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from insightv_bench.engines import public
from insightv_bench.errors import RunError
from insightv_bench.stages import MANIFEST
from insightv_bench.storage import write_text

from .plots import Figure, draw
from .yields import Yield, lengths, read_yields, scores

PARTS = ("questions-", "paths-", "assess-", "corpora-", "release")


def report(run: Path, out: Path) -> tuple[str, list[Figure]]:
    """Write `report.md`, `report.json` and the figures to `out`. Raises RunError where nothing in `run` is finished."""
    folders = stage_folders(run)
    yields = read_yields(folders)
    out.mkdir(parents=True, exist_ok=True)
    figures = draw(scores(folders), lengths(folders), out)
    text = f"# Corpora of {run.name}\n\n{yields_table(yields)}\n\n{details(yields)}\n"
    pictures = "\n".join(f"\n![{figure.alternative}]({figure.name}.svg)\n\n{figure.alternative}" for figure in figures)
    write_text(out / "report.md", f"{text}{pictures}\n")
    write_text(out / "report.json", json.dumps(as_json(yields, folders), indent=2, ensure_ascii=False) + "\n")
    return text, figures


def stage_folders(run: Path) -> dict[str, Path]:
    """The newest finished folder of each stage that builds something, in the order of the work."""
    manifests = sorted(run.glob(f"stages/*/{MANIFEST}"), key=lambda file: file.stat().st_mtime)
    newest = {file.parent.name.rpartition("-")[0]: file.parent for file in manifests}
    folders = {name: folder for part in PARTS for name, folder in newest.items() if name.startswith(part)}
    if not folders:
        raise RunError(
            f"`{run}` holds no finished stage that builds corpora", "name a run's folder, `runs/corpora-seed0` say"
        )
    return folders


def in_order(yields: Iterable[Yield]) -> list[Yield]:
    """As the work goes: questions, paths, assessments, corpora."""
    return sorted(yields, key=lambda row: next((n for n, part in enumerate(PARTS) if row.stage.startswith(part)), 99))


def yields_table(yields: Sequence[Yield]) -> str:
    head = "| stage | made of | rows out | yield | left out |\n|---|---:|---:|---:|---:|"
    lines = [head]
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


def as_json(yields: Sequence[Yield], folders: dict[str, Path]) -> dict[str, Any]:
    stages = [row._asdict() for row in yields]
    return {"stages": stages, "scores": scores(folders).to_dicts(), "lengths": lengths(folders).to_dicts()}
