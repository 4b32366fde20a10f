"""The samples' texts in blocks of some questions, so that the viewer loads what it shows and nothing else.

A block holds the questions, the paths that several systems were shown, and the places of the images; beside it lies
one file a system with its own paths and replies. Every path is read by the protocol, and kept as its steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from insightv_bench.answers import read_path
from insightv_bench.escape import visible
from insightv_bench.storage import batched
from insightv_bench.world import judge

from ..board import ARMS
from .data import write_chunk
from .images import Images
from .run_files import RunFiles
from .samples import Row, Shown

BLOCK = 50
"""Questions a file."""
MAX_CHARACTERS = 20_000
"""Of one path or reply; what is longer is cut, and says so."""
MAX_VOTE = 4_000
"""Characters of one of several replies to the same question."""
REPLY = (
    "arm",
    "flaw",
    "severity",
    "position",
    "answer",
    "right",
    "verdict",
    "planted",
    "followed",
    "path",
    "path_right",
    "response",
    "tokens",
    "finish",
)
"""The order of a reply's columns. `path`: from 0 the question's own, from -1 down the system's own; None: no path."""


def write_blocks(folder: Path, stem: str, shown: Shown, files: RunFiles, images: Images) -> None:
    """`<stem>-<block>.js` and `<stem>-<block>-<system>.js`, both from 0."""
    groups = shown.rows.partition_by("question_id", as_dict=True)
    votes = shown.votes.partition_by("question_id", "label", as_dict=True)
    for number, questions in enumerate(batched(shown.questions, BLOCK)):
        own: list[list[Any]] = [[] for _ in shown.systems]
        asked = []
        for question in questions:
            shared, by_system = _question(groups[(question,)], shown.systems, files, images)
            asked.append(shared)
            for place, (system, replies) in enumerate(zip(shown.systems, by_system, strict=True)):
                cast = votes.get((question, system))
                own[place].append(replies | {"votes": _votes(cast)} if replies and cast is not None else replies)
        write_chunk(folder, f"{stem}-{number}", asked)
        for place, column in enumerate(own):
            write_chunk(folder, f"{stem}-{number}-{place}", column)


def _question(
    rows: pl.DataFrame, systems: Sequence[str], files: RunFiles, images: Images
) -> tuple[Row, list[Row | None]]:
    """What all systems share of one question, and what each said."""
    by_system: dict[str, list[Row]] = {label: [] for label in systems}
    for row in sorted(rows.iter_rows(named=True), key=_order):
        path = row["path"] or (row["response"] if row["arm"] == "reason" else "")  # an agent's own reply is its path
        by_system[row["label"]].append({**row, "shown_path": path})
    shown_by = Counter(
        path for replies in by_system.values() for path in {row["shown_path"] for row in replies} if path
    )
    shared = [path for path, num in shown_by.items() if num > 1]
    first = rows.row(0, named=True)
    reader = PathReader(first, files)
    every = {row["shown_path"]: row for replies in by_system.values() for row in reversed(replies)}
    asked = {
        "question": cut(first["question"]),
        "options": [cut(option) for option in first["options"]],
        "gold": cut(first["gold"]),
        "type": first["answer_type"],
        "images": images.of(files.questions.get(first["question_id"])),
        "paths": [reader.read(path, every[path]) for path in shared],
    }
    return asked, [_replies(replies, shared, reader) for replies in by_system.values()]


def _order(row: Row) -> tuple[int, str, float]:
    arms = list(ARMS)
    return arms.index(row["arm"]) if row["arm"] in arms else len(arms), row["flaw"], row["severity"]


def _replies(rows: Sequence[Row], shared: Sequence[str], reader: PathReader) -> Row | None:
    if not rows:
        return None
    own = list(dict.fromkeys(path for row in rows if (path := row["shown_path"]) and path not in shared))
    places = {path: place for place, path in enumerate(shared)} | {path: -1 - place for place, path in enumerate(own)}
    first = {row["shown_path"]: row for row in reversed(rows)}
    return {
        "paths": [reader.read(path, first[path]) for path in own],
        "replies": [[_cell(row, name, places) for name in REPLY] for row in rows],
    }


def _votes(rows: pl.DataFrame) -> list[list[Any]]:
    """Arm by arm the replies to the same question: answer, right, text, tokens, how it ended."""
    by_arm: dict[str, list[list[Any]]] = {}
    for row in rows.iter_rows(named=True):
        answer = None if row["answer"] is None else cut(row["answer"], 2_000)
        vote = [answer, row["correct"], cut(row["response"], MAX_VOTE), row["total_tokens"], row["finish"]]
        by_arm.setdefault(row["arm"], []).append(vote)
    return [[arm, votes] for arm, votes in by_arm.items()]


def _cell(row: Row, name: str, places: Mapping[str, int]) -> Any:
    if name == "answer":
        return None if row["answer"] is None else cut(row["answer"], 2_000)
    if name == "planted":
        return cut(row["planted_answer"], 2_000) if row["misleads"] else None
    if name == "followed":
        return bool(row["follows"] and row["misleads"])
    if name == "path":
        return places.get(row["shown_path"])
    if name == "response":
        is_shown = row["response"] == row["shown_path"] and row["answer"] is not None  # unread: as it came, too
        return "" if is_shown else cut(row["response"])
    source = {"right": "correct", "path_right": "path_correct", "tokens": "total_tokens"}.get(name, name)
    value = row[source]
    return round(value, 4) if isinstance(value, float) else value


class PathReader:
    """The paths of one question, as the viewer shows them."""

    def __init__(self, question: Row, files: RunFiles) -> None:
        self._id, self._text = question["question_id"], question["question"]
        self._scene = (files.questions.get(self._id) or {}).get("scene") or ""
        self._files = files

    def read(self, text: str, row: Row) -> Row:
        """`steps` as [what it does, what it says], `answer`, and what is known of it; raw `text` where it has no steps.

        `wrong`: places of steps that a judge calls wrong. `planted`: of steps that a flaw changed.
        """
        finish = row["finish"] if row["arm"] == "reason" else ""
        short = len(text) <= MAX_CHARACTERS
        parsed = read_path(text, row["answer_type"], row["options"], finish=finish) if short else None
        if parsed is None or not parsed.steps:
            return {"text": cut(text)}
        path: Row = {"steps": [[visible(step.summary), visible(step.reasoning)] for step in parsed.steps]}
        path["answer"] = None if parsed.answer is None else visible(parsed.answer)
        flaw = self._files.flaws.get((self._id, text))
        if flaw:
            path["planted"] = [int(place) for place in flaw["error_steps"]]
            path["note"] = cut(flaw.get("reason") or "", 2_000)
        return path | self._judged(parsed.steps, row)

    def _judged(self, steps: Sequence[Any], row: Row) -> Row:
        """The kept assessment of this path; else, in the drawn world, the exact oracle."""
        kept = self._files.scores.get(row["path_id"] or "")
        if kept and (kept["score"] is not None or kept["step_labels"]):
            wrong = [place for place, right in enumerate(kept["step_labels"] or []) if not right]
            judged = bool(kept["step_labels"])
            return _verdict(kept["judge"], kept["score"], wrong, kept.get("correction") or "", judged)
        if not self._scene:
            return {}
        try:
            verdict = judge(self._text, self._scene, steps)
        except (ValueError, KeyError):  # another world's scene
            return {}
        wrong = [place for place, right in enumerate(verdict.labels) if not right]
        return _verdict("oracle", verdict.score, wrong, verdict.correction, True)


def _verdict(judge: str, score: int | None, wrong: list[int], correction: str, labelled: bool) -> Row:
    return {
        "judge": visible(judge),
        "score": score,
        "wrong": wrong,
        "labelled": labelled,
        "correction": cut(correction, 2_000),
    }


def cut(text: str, most: int = MAX_CHARACTERS) -> str:
    """The visible text, and how much of it is left out."""
    shown = visible(text[:most])
    return shown if len(text) <= most else f"{shown} … [{len(text) - most:,} more characters]"
