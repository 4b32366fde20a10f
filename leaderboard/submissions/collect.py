"""What `RESULTS` names, sorted for a board: submissions by their verdict, a bad file left out with a line.

A board is made of what `verify` accepts. What it rejects, and rows of a data set that are of no submission, may be
shown apart; they never stand beside the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from insightv_bench.errors import HubError, RunError
from insightv_bench.results import row_files

from ..board import DAY, Sources, SubmissionRow, find, read_sides
from . import rows
from .submission import EVALUATIONS, is_link, submissions_in
from .verify import Verdict, judged_words, verify

MAX_LINKS = 5
"""Of one submission, shown."""
ON_HUB = re.compile(r"was read from the Hub at")


class Collected(NamedTuple):
    """Folders of rows while they are sorted; fields as in `Sources`."""

    folders: list[Path]
    unverified: list[Path]
    submissions: list[SubmissionRow]
    notes: list[str]


def collect(results: Sequence[str], unverified: bool = False) -> Sources:
    """Verify every submission among the results, and look whether the other rows can be read.

    `unverified`: keep what is not accepted, apart. Raises RunError where nothing is left to show.
    """
    places, notes = find(results)
    found = Collected([], [], [], notes)
    for place in places:
        _sort(place, found)
    left = [*found.folders, *(found.unverified if unverified else [])]
    if not left:
        why = [note for note in found.notes if not ON_HUB.search(note)]
        more = f"; and {len(why) - 1:,} more like it" if len(why) > 1 else ""
        told = (why[0] if why else "no rows").rstrip(".") + more
        raise RunError(f"nothing is left to show: {told}", "`leaderboard verify` says more; `--unverified` shows it")
    return Sources(found.folders, found.unverified if unverified else [], found.submissions, found.notes)


def _sort(place: Path, found: Collected) -> None:
    folders = submissions_in(place) if place.is_dir() else []
    for folder in folders:
        try:
            _submission(folder, verify(folder), found)
        except RunError as error:
            found.submissions.append(_rejected(folder.name, error.fact))
            found.notes.append(f"Submission `{folder.name}` is left out: {error.fact}.")
    if folders:
        for file in _of_no_submission(place, folders):
            found.notes.append(f"`{file.relative_to(place)}` is of no submission, and left out.")
            found.unverified.append(file)
        return
    for name, files in _evaluations(place, found).items():
        try:
            odd = list(rows.odd_values(read_sides(*files)))
        except RunError as error:
            found.notes.append(f"`{name}` is left out: {error.fact}.")
            continue
        if odd:
            found.notes.append(f"`{name}` is left out: {odd[0]}.")
        else:
            found.folders.extend([name] if set(row_files(name)) == set(files) else files)


def _evaluations(place: Path, found: Collected) -> dict[Path, list[Path]]:
    """The files of each folder of rows, or the file itself: a bad one keeps no other out."""
    try:
        files = row_files(place)
    except RunError as error:
        found.notes.append(f"`{place}` is left out: {error.fact}.")
        return {}
    by_folder: dict[Path, list[Path]] = {}
    for file in files:
        by_folder.setdefault(file.parent if place.is_dir() else file, []).append(file)
    return by_folder


def _submission(folder: Path, verdict: Verdict, found: Collected) -> None:
    stated = verdict.submission
    held = folder / EVALUATIONS
    if verdict.problems:
        more = f" (and {len(verdict.problems) - 1} more)" if len(verdict.problems) > 1 else ""
        found.submissions.append(_rejected(folder.name, verdict.problems[0] + more, stated.title, verdict.num_rows))
        found.notes.append(f"Submission `{folder.name}` is left out, rejected: {verdict.problems[0]}{more}.")
        try:
            if not list(rows.odd_values(read_sides(held))):
                found.unverified.append(held)
        except RunError:  # rows that cannot be read are shown nowhere
            return
        return
    why = judged_words(verdict.judges)
    found.submissions.append(
        SubmissionRow(
            id=stated.id,
            title=stated.title,
            status=verdict.status,
            num_rows=verdict.num_rows,
            why="; ".join([*([why] if why else []), *verdict.remarks]),
            date=stated.date if DAY.fullmatch(stated.date) else "",
            links=tuple(link for link in stated.links[:MAX_LINKS] if is_link(link)),
        )
    )
    found.folders.append(held)


def _rejected(name: str, why: str, title: str = "", num_rows: int = 0) -> SubmissionRow:
    return SubmissionRow(id=name, title=title, status="rejected", num_rows=num_rows, why=why)


def _of_no_submission(place: Path, folders: Sequence[Path]) -> list[Path]:
    try:
        files = row_files(place)
    except (RunError, HubError):
        return []
    return [file for file in files if not any(file.is_relative_to(folder) for folder in folders)]
