"""Runs of one recipe with several seeds, and the evaluation rows of each, as one frame with a column `seed`.

Rows of two runs are never mixed before their seed is known: the same question may stand in both. Computes no figure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from insightv_bench.errors import RunError
from insightv_bench.stages import MANIFEST, RUN, STAGES, SUMMARY, read_manifest

from ..board import load_rows

HINT = "name folders of runs, `runs/ablations-seed0` say"
ONE = {"task": "task", "task_version": "task version", "parser": "parser", "base": "base model"}
"""What all rows must share, column by column, in words."""


class Run(NamedTuple):
    """One seed of a recipe."""

    folder: Path
    recipe: str
    seed: int
    evaluations: tuple[Path, ...]
    """The stage folders whose rows count."""


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs, by seed. Raises RunError where one is no run, has no rows, or does not belong with the others."""
    if not folders:
        raise RunError("there is no run to read", HINT)
    runs = sorted((_run(folder) for folder in folders), key=lambda run: run.seed)
    first = runs[0]
    for before, run in zip(runs, runs[1:], strict=False):
        if run.recipe != first.recipe:
            raise RunError(
                f"`{run.folder}` is a run of recipe `{run.recipe}`, `{first.folder}` one of `{first.recipe}`",
                "put seeds of one recipe together",
            )
        if run.seed == before.seed:
            raise RunError(f"`{before.folder}` and `{run.folder}` both have seed {run.seed}", "name each seed once")
    for run in runs[1:]:
        _guard_same_settings(first, run)
    return runs


def _run(folder: Path) -> Run:
    try:
        run = json.loads((folder / RUN).read_text(encoding="utf-8"))
        recipe, seed = str(run["recipe"]), int(run["seed"])
    except FileNotFoundError:
        raise RunError(f"`{folder}` is no run's folder: it holds no `{RUN}`", HINT) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"`{folder / RUN}` cannot be read: {error}", HINT) from error
    return Run(folder, recipe, seed, tuple(_evaluations(folder)))


def _evaluations(folder: Path) -> list[Path]:
    """The evaluations of the last finished board; before there is one, every finished evaluation."""
    finished = sorted(folder.glob(f"{STAGES}/eval-*/{MANIFEST}"))
    evaluations = _on_board(folder) or [manifest.parent for manifest in finished]
    if not evaluations:
        raise RunError(f"`{folder}` holds no finished evaluation", "the run's own command goes on to it")
    owner: dict[str, Path] = {}
    for place in evaluations:
        name = read_manifest(place)["stage"]
        if name in owner:  # of an earlier version of the recipe: which of them counts cannot be known
            raise RunError(
                f"`{folder}` holds stage `{name}` twice: `{owner[name].name}` and `{place.name}`",
                "let the run's command reach its leaderboard, or remove the one that is out of date",
            )
        owner[name] = place
    return evaluations


def _on_board(folder: Path) -> list[Path]:
    """The inputs of the board that the run's summary names."""
    try:
        page = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["page"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"`{folder / SUMMARY}` cannot be read: {error}", "the run's command writes it anew") from error
    board = folder / STAGES / Path(page).parent.name  # by name: the run may have been moved
    if not (board / MANIFEST).exists():  # removed by hand: as if it had never been made
        return []
    return [folder / STAGES / name for name in read_manifest(board)["inputs"].values()]


def _guard_same_settings(one: Run, other: Run) -> None:
    """The same evaluation with other settings is another recipe, whatever its name."""
    stages = [{stage["stage"]: stage for stage in map(read_manifest, run.evaluations)} for run in (one, other)]
    for name in sorted(stages[0].keys() & stages[1].keys()):
        here, there = (stage[name].get("settings", {}) for stage in stages)
        if here != there:
            key = next(key for key in sorted(here.keys() | there.keys()) if here.get(key) != there.get(key))
            raise RunError(
                f"stage `{name}` was run with another `{key}` in `{other.folder}` than in `{one.folder}`",
                "put seeds of one recipe together",
            )


def load(runs: Sequence[Run]) -> tuple[pl.DataFrame, list[str]]:
    """Every row of the runs as `rows.load` gives it, with a column `seed`; and notes in words.

    Raises RunError where the rows are not all of one task, version, parser and base model, or where a system's arm was
    run in different settings: their figures cannot stand in one table.
    """
    frames, notes = [], []
    for run in runs:
        frame, own = load_rows(run.evaluations)
        frames.append(frame.with_columns(seed=pl.lit(run.seed)))
        notes += [f"Seed {run.seed}: {note}" for note in own]
    whole = pl.concat(frames)
    for column, words in ONE.items():
        if len(values := sorted(whole[column].unique())) > 1:
            raise RunError(
                f"the rows are of more than one {words}: {', '.join(f'`{value}`' for value in values)}",
                "put seeds of one recipe together",
            )
    _guard_one_setting(whole)
    return whole, notes


def _guard_one_setting(whole: pl.DataFrame) -> None:
    """An arm is compared over systems and pooled over seeds: it must have been asked one way."""
    settings = whole.select("arm", "prompt", "token_cap").unique().sort("arm", "prompt", "token_cap")
    for (arm,), ways in settings.partition_by("arm", as_dict=True, maintain_order=True).items():
        if ways.height > 1:
            words = " and ".join(f"prompt `{prompt}`, token cap {cap:,}" for _, prompt, cap in ways.iter_rows())
            raise RunError(f"arm `{arm}` was run in different settings: {words}", "their figures cannot stand together")
