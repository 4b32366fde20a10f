"""The command `rescore`: results in, the same rows read again out, and a table of what changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from insightv_bench.answers import PARSER
from insightv_bench.engines import Caller, open_engine
from insightv_bench.errors import RunError
from insightv_bench.escape import visible
from insightv_bench.journal import Journal
from insightv_bench.judging import AnswerFilter
from insightv_bench.records import EvalRecord
from insightv_bench.results import Change, by_arm, counts, evaluations, num_kept_votes, rescored, row_files
from insightv_bench.settings import AssessSettings, EngineSettings, OpenAIEngine, engine_of
from insightv_bench.stages import JOURNAL, MANIFEST, read_manifest
from insightv_bench.statistics import accuracy, percent
from insightv_bench.storage import read_rows, write_shards, write_text

RESCORED = "rescored"
"""The manifest's key: what read the rows again."""


def rescore(
    place: Path, out: Path, judge: str, base_url: str, judge_all: bool, strict: bool | None, show: int, console: Console
) -> None:
    """Raises RunError where `place` holds no results, or `out` holds anything else."""
    folders, notes = evaluations(place)
    _guard_out(place, out)
    out.mkdir(parents=True, exist_ok=True)
    changes: list[Change] = []
    kept_votes = 0
    with ExitStack() as stack:
        filter_ = _filter(judge, base_url, judge_all, out, stack) if judge else None
        for folder in folders:
            rows = [row for file in row_files(folder) for row in read_rows(file, EvalRecord)]
            read_again = rescored(rows, filter_, strict)
            kept_votes += num_kept_votes(rows)
            _write(folder, out / folder.name, [change.after for change in read_again], judge)
            changes += read_again
    _print(changes, show, console)
    if kept_votes:
        notes.append(f"{kept_votes:,} votes stay as they were cast: the paths that they rest on are not among the rows")
    for note in notes:
        console.print(note, highlight=False, markup=False)
    console.print(f"\nRows     {out}\nCompare  insightv-bench compare {place} {out}", highlight=False, soft_wrap=True)


def _guard_out(place: Path, out: Path) -> None:
    hint = "name a new folder with `--out`"
    if out.resolve().is_relative_to(place.resolve()) or place.resolve().is_relative_to(out.resolve()):
        raise RunError(f"`{out}` lies inside `{place}` or holds it: its rows would be taken for results of it", hint)
    strangers = [item for item in (out.iterdir() if out.is_dir() else ()) if not _is_ours(item)]
    if strangers:
        raise RunError(f"`{out}` holds `{strangers[0].name}`, which no `rescore` wrote", hint)


def _is_ours(item: Path) -> bool:
    """A journal, or rows that were read again, whole or not."""
    if item.name.startswith(JOURNAL):
        return True
    manifest = item / MANIFEST
    return RESCORED in read_manifest(item) if manifest.exists() else item.is_dir() and not any(item.iterdir())


def _filter(judge: str, base_url: str, judge_all: bool, out: Path, stack: ExitStack) -> AnswerFilter:
    engine: EngineSettings = OpenAIEngine(model=judge, base_url=base_url) if base_url else engine_of(judge)
    journal = Journal(out / JOURNAL)
    stack.callback(journal.close)
    caller = stack.enter_context(Caller(open_engine(engine), journal))
    return AnswerFilter(AssessSettings(engine=engine, answer_judge="always" if judge_all else "unsettled"), caller)


def _write(folder: Path, out: Path, records: Sequence[EvalRecord], judge: str) -> None:
    """The manifest of the evaluation goes along: what its arms took stays true."""
    out.mkdir(exist_ok=True)
    mark = {"of": folder.name, "parser": records[0].parser if records else PARSER, "judge": judge}
    kept = read_manifest(folder) if (folder / MANIFEST).exists() else {}
    write_text(out / MANIFEST, json.dumps({**kept, "files": {}, RESCORED: mark}, indent=2, ensure_ascii=False) + "\n")
    for file in out.glob("data-*.parquet"):
        file.unlink()
    write_shards(out, records, EvalRecord)


def _print(changes: Sequence[Change], show: int, console: Console) -> None:
    table = Table(title=f"Read again with {PARSER}", title_justify="left", box=None, pad_edge=False)
    for place, column in enumerate(["task", "system", "arm", "n", "before, %", "after, %", *COLUMNS]):
        table.add_column(column, justify="left" if place < 3 else "right", overflow="fold")
    for key, rows in by_arm(changes):
        clusters = [change.after.question_id for change in rows]
        shares = [accuracy([getattr(change, side).correct for change in rows], clusters) for side in Change._fields]
        num_of = counts(rows)
        names = [Text(visible(name)) for name in key]
        cells = [f"{len(rows):,}", *(percent(*share[:3]) for share in shares)]
        table.add_row(*names, *cells, *(f"{num_of[name]:,}" for name in COLUMNS.values()))
    console.print(table)
    for change in [change for change in changes if change.is_other][:show]:
        row = change.after
        answers = f"{change.before.answer!r} -> {row.answer!r}, gold {row.gold!r}"
        console.print(
            f"  {visible(f'{row.system} {row.arm} {row.question_id}: {answers}')}", highlight=False, markup=False
        )


COLUMNS = {
    "changed": "changed",
    "now right": "now_right",
    "now wrong": "now_wrong",
    "judged": "judged",
    "judge failed": "judge_failed",
}
