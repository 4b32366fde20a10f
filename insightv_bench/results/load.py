"""The results that a command names: a folder, a run, or one system or arm of it, as rows and as what they took.

FOLDER                 an evaluation's folder, or a run with all its evaluations
FOLDER:SYSTEM          one system of it, `runs/method-seed1:sft` say
FOLDER:SYSTEM:ARM      one arm of that system
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from insightv_bench.engines import Costs, costs_from, is_address
from insightv_bench.errors import RunError
from insightv_bench.stages import MANIFEST, SERVED, STAGES, read_manifest

from .rows import row_files, scan, with_planted

REPLY = ["task", "task_version", "parser", "base", "system", "arm", "prompt", "token_cap", "question_id", "sample"]
REPLY += ["path_id", "path", "flaw", "severity", "position", "propagated"]
FORM = "write FOLDER, FOLDER:SYSTEM or FOLDER:SYSTEM:ARM"


class Named(NamedTuple):
    """What one argument of a command names."""

    folder: Path
    system: str = ""
    arm: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (str(self.folder), self.system, self.arm)))


class Results(NamedTuple):
    """The rows that are named, with the columns of `eval_rows.with_planted`, and what they took."""

    named: Named
    rows: pl.DataFrame
    costs: dict[tuple[str, str, str], Costs]
    """By task, system and arm; none of rows written before costs were kept."""
    notes: tuple[str, ...] = ()
    versions: Mapping[str, frozenset[str]] = {}
    """Model -> its revisions, and what its server said that it is."""

    @property
    def systems(self) -> list[str]:
        return sorted(self.rows["system"].unique())


def parse_name(text: str, run: Path | None = None) -> Named:
    """`run`: the folder of which `text` then names system and arm. Raises RunError where no folder is meant."""
    if run is not None:
        system, _, arm = text.partition(":")
        return Named(run, system, arm)
    pieces = text.split(":")
    for num in range(len(pieces), max(0, len(pieces) - 3), -1):  # a folder's own name may hold colons
        folder = Path(":".join(pieces[:num]))
        if folder.exists():
            return Named(folder, *pieces[num:])
    raise RunError(f"there is no folder `{pieces[0]}`", FORM)


def load(named: Named) -> Results:
    """Raises RunError where there are no such rows."""
    folders, notes = evaluations(named.folder)
    frame = pl.concat([scan(file) for folder in folders for file in row_files(folder)]).collect()
    frame = frame.unique(subset=REPLY, keep="first", maintain_order=True)
    frame = _chosen(_chosen(frame, "system", named.system, named), "arm", named.arm, named)
    if frame.is_empty():
        raise RunError(f"`{named}` holds no evaluation rows", "name the folders that `insightv-bench eval` wrote")
    systems = frozenset(frame["system"].unique())
    return Results(named, with_planted(frame), _costs(folders), tuple(notes), _versions(folders, systems))


def _chosen(frame: pl.DataFrame, column: str, value: str, named: Named) -> pl.DataFrame:
    if not value:
        return frame
    chosen = frame.filter(pl.col(column) == value)
    if chosen.is_empty():
        there = ", ".join(f"`{other}`" for other in sorted(frame[column].unique()))
        raise RunError(f"`{named.folder}` has no rows of {column} `{value}`", f"it has {there}")
    return chosen


def evaluations(place: Path) -> tuple[list[Path], list[str]]:
    """A run's finished evaluations, of each stage the last one made, or the folder itself; and notes in words."""
    folders = [manifest.parent for manifest in sorted(place.glob(f"{STAGES}/eval-*/{MANIFEST}"))]
    if not folders:
        if not place.is_dir():
            raise RunError(f"no results at `{place}`", "name a run's folder")
        return [place], []
    last: dict[str, tuple[str, Path]] = {}
    for folder in folders:
        manifest = read_manifest(folder)
        last[manifest["stage"]] = max(last.get(manifest["stage"], ("", folder)), (manifest.get("started", ""), folder))
    chosen = [folder for _, folder in last.values()]
    left = [folder.name for folder in folders if folder not in chosen]
    return chosen, [f"`{name}` is left out: a later evaluation of that name stands beside it" for name in left]


def _versions(folders: list[Path], systems: frozenset[str]) -> dict[str, frozenset[str]]:
    versions: dict[str, set[str]] = defaultdict(set)
    for manifest in [file for folder in folders for file in folder.rglob(MANIFEST)]:
        content: dict[str, Any] = read_manifest(manifest.parent)
        if content.get("options", {}).get("system") not in systems:
            continue
        totals = content.get("totals", {})
        for seat, label in totals.get("models", {}).items():
            name, _, revision = label.rpartition("@")
            versions[name] |= {f"revision {revision}"} if revision and not is_address(label) else set()
            versions[name] |= {f"served as {served}" for served in totals.get(SERVED, {}).get(seat, ())}
    return {name: frozenset(found) for name, found in versions.items()}


def _costs(folders: list[Path]) -> dict[tuple[str, str, str], Costs]:
    costs: dict[tuple[str, str, str], Costs] = {}
    for manifest in [file for folder in folders for file in folder.rglob(MANIFEST)]:
        content: dict[str, Any] = read_manifest(manifest.parent)
        options = content.get("options", {})
        for arm in options.get("arms", ()):
            spent = costs_from(content, arm)
            if spent:
                costs[options.get("task", ""), options.get("system", ""), arm] = spent
    return costs
