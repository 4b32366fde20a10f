"""`leaderboard verify`: what a submission says, made again from the samples that it holds.

Its files are the ones that were submitted, every answer is read again from its reply, no sample is missing or stands
twice, and every figure with its interval is computed again. A submission that cannot be checked is not accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl
from rich.console import Console
from rich.text import Text

from insightv_bench import __version__
from insightv_bench.answers import PARSER
from insightv_bench.errors import RunError
from insightv_bench.escape import visible
from insightv_bench.judging import RULE
from insightv_bench.results import row_files
from insightv_bench.storage import sha256

from ..board import LINEAGE, Board, count_rows, load_board, read_sides
from ..tables import NAME_WIDTH, short
from . import drawn, lineage, rows
from .submission import EVALUATIONS, FIGURES, Submission, addresses, read_submission

PLAIN = re.compile(r"(?!\.)[^/\\\x00]+")
"""A name that stays in its folder."""
MAX_LINES = 20
"""Of one kind; how many more there are is said."""

FIGURE_KEYS = {
    "sets": ("name",),
    "arms": ("set", "system", "arm"),
    "comparisons": ("set", "family", "a", "b"),
    "robustness": ("set", "system", "flaw", "severity"),
    "measures": ("set", "system", "measure"),
    "averages": ("system", "arm"),
    "rounds": ("set", "system", "arm"),
    "gaps": ("set", "fresh_set", "system"),
    "flaws": ("set", "system", "flaw"),
    "lineage": ("system", "kind", "name", "fingerprint"),
}
"""Table of the board -> the columns that name a row; the others are figures."""
CLOSE = 1e-9
"""Figures are made of the same rows by the same code: only the last bits may differ from machine to machine."""


Status = Literal["accepted", "judged", "rejected"]
NOT_SEEN = (
    "replies that were rewritten to the gold answer are not found by reading; `--rerun N --model MODEL` asks again"
)
"""What stands under what is accepted."""


class Verdict(NamedTuple):
    """What was found of one submission."""

    submission: Submission
    num_rows: int
    judges: Mapping[str, int]
    """Who judged answers -> how many: whether those are right is taken from the submission."""
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    """What was not checked, and why."""

    @property
    def status(self) -> Status:
        return "rejected" if self.problems else "judged" if self.judges else "accepted"


def verify(folder: Path) -> Verdict:
    """Raises RunError where the folder is no submission, or its rows cannot be read at all."""
    stated = read_submission(folder)
    frame = read_sides(folder / EVALUATIONS)
    problems = [*addresses(frame), *_some(_files(folder, stated)), *_parsers(frame, stated)]
    problems += _some(rows.problems(frame))
    problems += _some(lineage.problems(frame))
    problems += _some(drawn.problems(frame))
    is_of_before = not frame.filter(rows.is_of_before()).is_empty()
    if not is_of_before and not list(rows.odd_values(frame)):
        problems += _some(_figures(folder, stated))
    judged = frame.filter(pl.col("answer_judge") != RULE)
    judges = dict(judged.group_by("answer_judge", maintain_order=True).len().iter_rows())
    remarks = tuple(_not_checked(frame)) if not problems else ()
    return Verdict(stated, frame.height, judges, tuple(problems), remarks)


def _parsers(frame: pl.DataFrame, stated: Submission) -> Iterator[str]:
    """Rows that another reader wrote than the submission names."""
    others = frame.filter(pl.col("parser") != stated.parser).group_by("parser").len().sort("parser")
    for parser, num in others.iter_rows():
        yield f"{num:,} rows were read with parser `{parser}`, and the submission says `{stated.parser}`"


def _not_checked(frame: pl.DataFrame) -> Iterator[str]:
    before = frame.filter(rows.is_of_before())
    if before.height:
        parsers = " and ".join(sorted(before["parser"].unique()))
        yield (
            f"written with {parsers}, so its replies are read again with {PARSER}: {rows.read_otherwise(frame):,} of "
            f"{before.height:,} read otherwise; its figures are made of that"
        )
    if names := lineage.without_lineage(frame):
        yield f"`{names[0]}` has no lineage: whether flawed paths were dropped from every system is not checked"


def _some(lines: Iterator[str]) -> Iterator[str]:
    yield from islice(lines, MAX_LINES)
    if more := sum(1 for _ in lines):
        yield f"... and {more:,} more of this kind"


def _files(folder: Path, stated: Submission) -> Iterator[str]:
    named: set[Path] = set()
    for one in stated.evaluations:
        place = folder / EVALUATIONS / one.name
        if odd := [name for name in (one.name, *one.files) if not PLAIN.fullmatch(name)]:
            yield f"`{odd[0]}` is no name of an evaluation or of its file"
            continue
        files = {name: place / name for name in one.files}
        named |= set(files.values())
        yield from (f"`{one.name}/{name}` is missing" for name, file in files.items() if not file.is_file())
        there = {name: file for name, file in files.items() if file.is_file()}
        for name, file in there.items():
            if sha256(file) != one.files[name]:
                yield f"`{one.name}/{name}` is not the file that was submitted"
        num = sum(count_rows(file) for name, file in there.items() if name != LINEAGE)
        if num != one.num_rows:
            yield f"`{one.name}` holds {num:,} rows, and {one.num_rows:,} were submitted"
    if stated.id != stated.own_id:
        yield f"its id is `{stated.id}`, and the hash of what it holds makes `{stated.own_id}`"
    there_too = {*row_files(folder / EVALUATIONS), *(folder.rglob(LINEAGE) if stated.format > 1 else ())}
    others = there_too - named
    yield from (f"`{file.relative_to(folder)}` is not named in the submission" for file in sorted(others))


def _figures(folder: Path, stated: Submission) -> Iterator[str]:
    try:
        claimed = Board.model_validate_json((folder / FIGURES).read_bytes())
    except (OSError, ValueError):
        yield f"`{FIGURES}` is missing or cannot be read"
        return
    if stated.version != __version__:
        yield f"the figures were made with insightv-bench {stated.version}, and this is {__version__}: use that version"
    try:
        yield from figure_problems(claimed, load_board([folder / EVALUATIONS], stated.title)[0])
    except RunError as error:
        yield error.fact


def figure_problems(stated: Board, computed: Board) -> Iterator[str]:
    """Every figure that a submission states against the same figure of its rows: what does not match, a line each."""
    for table, keys in FIGURE_KEYS.items():
        claimed, ours = _by_key(stated, table, keys), _by_key(computed, table, keys)
        for key in claimed.keys() - ours.keys():
            yield f"{table}: {_name(keys, key)} is stated, and no row of the samples makes it"
        for key in ours.keys() - claimed.keys():
            yield f"{table}: {_name(keys, key)} is missing, and the samples make it"
        for key in [key for key in claimed if key in ours]:
            for column, value in ours[key].items():
                if not _same(stated_value := claimed[key][column], value):
                    words = f"`{column}` says {_short(stated_value)}, and the samples give {_short(value)}"
                    yield f"{table}: {_name(keys, key)}: {words}"
    if stated.notes != computed.notes:
        yield "notes: what was left out or renamed is told otherwise"


def _by_key(board: Board, table: str, keys: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = [row.model_dump() for row in getattr(board, table)]
    return {tuple(row[key] for key in keys): row for row in rows}


def _name(keys: tuple[str, ...], key: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} `{value}`" for name, value in zip(keys, key, strict=True) if name != "set")


def _same(claimed: Any, ours: Any) -> bool:
    if isinstance(claimed, float) and isinstance(ours, float):
        return math.isclose(claimed, ours, rel_tol=CLOSE, abs_tol=CLOSE) or (math.isnan(claimed) and math.isnan(ours))
    if isinstance(claimed, dict) and isinstance(ours, dict):
        return claimed.keys() == ours.keys() and all(_same(claimed[name], ours[name]) for name in claimed)
    return bool(claimed == ours)


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else f"{str(value)[:60]}"


STYLES: dict[Status, str] = {"accepted": "green", "judged": "yellow", "rejected": "red"}


def judged_words(judges: Mapping[str, int]) -> str:
    """`1,200 judged by org/judge@1, not recomputed`."""
    return "; ".join(f"{num:,} judged by {name}, not recomputed" for name, num in judges.items())


def print_verdict(verdict: Verdict, console: Console) -> None:
    """One submission: accepted, or every line of why not."""
    line = f"{short(verdict.submission.id, NAME_WIDTH * 2)}: {verdict.num_rows:,} rows"
    if verdict.judges:
        line += f", {visible(judged_words(verdict.judges))}"
    console.print(Text(f"{verdict.status:9} {line}", style=STYLES[verdict.status]), soft_wrap=True)
    for told in (*verdict.problems, *verdict.remarks):
        console.print(Text(f"  {visible(told)}"), soft_wrap=True)
