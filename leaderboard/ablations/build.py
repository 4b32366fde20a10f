"""The ablation table, its planned comparisons and their figure, from the evaluations of one or several seeds.

    from pathlib import Path
    from insightv_bench.leaderboard.ablations import write_ablations
    write_ablations([Path("runs/ablations-seed0"), Path("runs/ablations-seed1")], Path("ablations"))

What a run did not evaluate is left out. The same runs give the same bytes. No model is run, no reply scored again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from insightv_bench.errors import MissingExtra, RunError
from insightv_bench.settings import Preregistration
from insightv_bench.storage import write_file, write_text

from .claims import claim_rows, one_hash, preregistered
from .figure import draw
from .markdown import alternative, markdown, sentences
from .planned import cells_of, planned_rows
from .records import Ablations, PlannedRow
from .runs import Run, load, read_runs
from .table import flaw_rows, num_paths, table_rows, with_kind_of_flaw

NAME = "ablations"


def write_ablations(runs: Sequence[Path], out: Path, prereg: Preregistration | None = None) -> Path:
    """Write `ablations.md`, `.json`, `.svg`, `.png`, `.txt` (the figure in words) and `comparisons.parquet` into `out`.

    `runs`: folders of runs, one a seed, of one recipe; `prereg`: the claims as they read today, to be set against those
    that the evaluations kept. Returns the Markdown's path. Raises RunError where a folder is
    no run or has no rows, the runs do not belong together, or `out` cannot be written. Without the `plots` extra all
    but the figure is made, and says so.
    """
    ablations = compute(read_runs(runs), prereg)
    try:
        return _write(ablations, out)
    except OSError as error:
        raise RunError(f"`{out}` cannot be written: {error.strerror or error}", "name another folder") from error


def compute(runs: Sequence[Run], prereg: Preregistration | None = None) -> Ablations:
    """Every figure; writes nothing."""
    before = preregistered(runs)
    frame, notes = load(runs)
    rows = with_kind_of_flaw(frame)
    task, version, parser = rows.select("task", "task_version", "parser").row(0)
    paths = num_paths(rows)
    return Ablations(
        recipe=runs[0].recipe,
        seeds=tuple(run.seed for run in runs),
        task=task,
        task_version=version,
        parser=parser,
        num_questions=rows["question_id"].n_unique(),
        num_paths=paths,
        notes=(*notes, *_absent(rows, runs)),
        table=tuple(table_rows(rows)),
        flaws=tuple(flaw_rows(rows)),
        comparisons=tuple(planned_rows(rows, paths)),
        claims=tuple(claim_rows(before, prereg, cells_of(rows))),
        prereg_hash=one_hash(before),
    )


def _absent(rows: pl.DataFrame, runs: Sequence[Run]) -> list[str]:
    """What some seeds have and others do not: its rows are of fewer seeds."""
    seeds = rows.group_by("system", "arm").agg(pl.col("seed").unique().sort()).sort("system", "arm")
    return [
        f"Seed {', '.join(str(run.seed) for run in runs if run.seed not in there)} has no rows of `{system}: {arm}`."
        for system, arm, there in seeds.iter_rows()
        if len(there) < len(runs)
    ]


def _write(ablations: Ablations, out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    try:
        figure = draw(ablations, out / NAME).name
    except MissingExtra as error:
        figure = ""
        ablations = ablations.model_copy(
            update={"notes": (*ablations.notes, f"The figure was left out: {error.fact}.")}
        )
    write_file(out / "comparisons.parquet", ablations.comparisons, PlannedRow)
    write_text(out / f"{NAME}.txt", alternative(ablations))
    write_text(out / f"{NAME}.json", ablations.model_dump_json(indent=1) + "\n")
    write_text(out / "sentences.md", sentences(ablations))
    page = out / f"{NAME}.md"
    write_text(page, markdown(ablations, figure))
    return page
