"""Every row of a submission against itself: its answer read again, its verdict, its place among the others.

What only the questions' owner could know, a gold answer changed in every row, is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import polars as pl

from insightv_bench.answers import PARSER, matches, read
from insightv_bench.protocol import parse_summary

from .rows import REPLY, SEPARATOR, UNIT

ONE_ASKED = ("base", "direct", "reason", "majority", "reason+summary")
"""Arms that every question of a system has, whatever can be done to its path."""
SAME = {
    "question_id": ("question", "options", "gold", "answer_type", "kind"),
    "path_id": ("question_id", "path", "path_correct"),
}
"""What rows of one id must share."""


def problems(frame: pl.DataFrame) -> Iterator[str]:
    """What does not hold, a line each."""
    yield from _other_parsers(frame)
    yield from _doubled(frame)
    yield from _missing(frame)
    yield from _told_apart(frame)
    for row in frame.filter(pl.col("parser") == PARSER).iter_rows(named=True):
        yield from _read_again(row)


def _other_parsers(frame: pl.DataFrame) -> Iterator[str]:
    for (parser,), rows in frame.filter(pl.col("parser") != PARSER).group_by("parser"):
        yield (
            f"{rows.height:,} rows were read with parser `{parser}`, and this one is `{PARSER}`: "
            "their answers cannot be read again here"
        )


def _doubled(frame: pl.DataFrame) -> Iterator[str]:
    keys = [*UNIT, "prompt", "token_cap", "evaluation", *REPLY]
    twice = frame.group_by(keys, maintain_order=True).len().filter(pl.col("len") > 1)
    for row in twice.iter_rows(named=True):
        yield f"{where(row)} stands {row['len']} times"


def _missing(frame: pl.DataFrame) -> Iterator[str]:
    """An arm that lacks questions which other systems, or other arms of its system, have of the same task."""
    asked = frame.filter(pl.col("arm").is_in(ONE_ASKED))
    for _, task in asked.group_by("task", "task_version", "base", maintain_order=True):
        whole = set(task["question_id"])
        for (system, arm), rows in task.group_by("system", "arm", maintain_order=True):
            if lacking := sorted(whole - set(rows["question_id"])):
                yield (
                    f"`{system}`, arm `{arm}` lacks {len(lacking):,} of {len(whole):,} questions, "
                    f"`{lacking[0]}` the first"
                )
    for _, rows in asked.group_by("task", "base", "system", "arm", "evaluation", maintain_order=True):
        counts = rows.group_by("question_id").len().sort("question_id")
        most = counts["len"].max()
        for question, num in counts.filter(pl.col("len") < most).iter_rows():
            yield f"{where(rows.row(0, named=True), question)} has {num} samples, and other questions {most}"


def _told_apart(frame: pl.DataFrame) -> Iterator[str]:
    """Rows of one question or one path that do not say the same of it."""
    for name, columns in SAME.items():
        told = frame.filter(pl.col(name) != "").with_columns(pl.col("options").list.join(SEPARATOR))
        spread = told.group_by("task", name, maintain_order=True).agg(
            pl.col(c).n_unique() for c in columns if c != name
        )
        for row in spread.iter_rows(named=True):
            odd = [column for column in columns if column != name and row[column] > 1]
            if odd:
                yield f"{name.removesuffix('_id')} `{row[name]}` has several of `{odd[0]}` in its rows"


def _read_again(row: dict[str, object]) -> Iterator[str]:
    response, answer_type = str(row["response"]), str(row["answer_type"])
    options = tuple(str(option) for option in row["options"])  # type: ignore[attr-defined]
    answer, span = _reading(response, answer_type, options)
    if answer != row["answer"]:
        yield f"{where(row)}: its answer is `{_short(row['answer'])}`, and the reply reads `{_short(answer)}`"
    elif span != _pair(row["span"]):
        yield f"{where(row)}: its answer is said to stand at {row['span']}, and stands at {span}"
    if row["answer_judge"] == "rule":
        right = answer is not None and _matches(answer, str(row["gold"]), answer_type, options, row["tolerance"])
        if right != row["correct"]:
            told = ["wrong", "right"]
            yield f"{where(row)}: it counts as {told[bool(row['correct'])]}, and is {told[right]}"
    verdict = parse_summary(response).verdict if row["verdict"] != "none" else "none"
    if verdict != row["verdict"]:
        yield f"{where(row)}: its verdict is `{row['verdict']}`, and the reply says `{verdict}`"
    if row["total_tokens"] < row["num_tokens"]:  # type: ignore[operator]
        yield f"{where(row)}: {row['total_tokens']} tokens in all, and {row['num_tokens']} of the reply alone"


@cache
def _reading(response: str, answer_type: str, options: tuple[str, ...]) -> tuple[str | None, tuple[int, int] | None]:
    found = read(response, answer_type, options)  # type: ignore[arg-type]
    return found.answer, found.span


@cache
def _matches(answer: str, gold: str, answer_type: str, options: tuple[str, ...], tolerance: float) -> bool:
    return matches(answer, gold, answer_type, options, tolerance)  # type: ignore[arg-type]


def _pair(span: object) -> tuple[int, int] | None:
    return None if span is None else (int(span[0]), int(span[1]))  # type: ignore[index]


def where(row: dict[str, object], question: object = None) -> str:
    """`sft`, arm `flawed`, question `q1`, sample 0 (perception 0.5)."""
    flaw = f" ({row['flaw']} {row['severity']:g})" if row["flaw"] != "none" else ""
    sample = "" if question else f", sample {row['sample']}{flaw}"
    return f"`{row['system']}`, arm `{row['arm']}`, question `{question or row['question_id']}`{sample}"


def _short(answer: object) -> str:
    text = "nothing" if answer is None else str(answer)
    return text if len(text) <= 40 else text[:39] + "…"
