"""`leaderboard verify`: what a submission says, made again from the samples that it holds.

Its files are the ones that were submitted, every answer is read again from its reply, no sample is missing or stands
twice, and every figure with its interval is computed again. A submission that cannot be checked is not accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import polars as pl

from insightv_bench import __version__
from insightv_bench.errors import RunError
from insightv_bench.results import row_files
from insightv_bench.storage import sha256

from ..board import Board, count_rows, read_sides
from . import verify_figures, verify_rows
from .submission import EVALUATIONS, FIGURES, Submission, figures, read_submission

PLAIN = re.compile(r"(?!\.)[^/\\\x00]+")
"""A name that stays in its folder."""
MAX_LINES = 20
"""Of one kind; how many more there are is said."""


class Verdict(NamedTuple):
    """What was found of one submission."""

    submission: Submission
    num_rows: int
    num_judged: int
    """Rows whose answer a model judged: whether they are right is taken from the submission."""
    problems: tuple[str, ...]


def verify(folder: Path) -> Verdict:
    """Raises RunError where the folder is no submission, or its rows cannot be read at all."""
    stated = read_submission(folder)
    frame = read_sides(folder / EVALUATIONS)
    found = [*_some(_files(folder, stated)), *_some(verify_rows.problems(frame)), *_some(_figures(folder, stated))]
    judged = frame.filter(pl.col("answer_judge") != "rule").height
    return Verdict(stated, frame.height, judged, tuple(found))


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
        found = {name: place / name for name in one.files}
        named |= set(found.values())
        yield from (f"`{one.name}/{name}` is missing" for name, file in found.items() if not file.is_file())
        there = {name: file for name, file in found.items() if file.is_file()}
        for name, file in there.items():
            if sha256(file) != one.files[name]:
                yield f"`{one.name}/{name}` is not the file that was submitted"
        num = sum(count_rows(file) for file in there.values())
        if num != one.num_rows:
            yield f"`{one.name}` holds {num:,} rows, and {one.num_rows:,} were submitted"
    others = set(row_files(folder / EVALUATIONS)) - named
    yield from (f"`{file.relative_to(folder)}` is not named in the submission" for file in sorted(others))


def _figures(folder: Path, stated: Submission) -> Iterator[str]:
    try:
        said = Board.model_validate_json((folder / FIGURES).read_bytes())
    except (OSError, ValueError):
        yield f"`{FIGURES}` is missing or cannot be read"
        return
    if stated.version != __version__:
        yield f"the figures were made with insightv-bench {stated.version}, and this is {__version__}: use that version"
    try:
        yield from verify_figures.problems(said, figures(folder, stated.title))
    except RunError as error:
        yield error.fact
