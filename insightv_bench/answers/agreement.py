"""How far our reading of stored replies agrees with the common reading of other scorers.

It scores no model: its rows are replies whose common reading is known.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from insightv_bench.errors import SourceError
from insightv_bench.records import AnswerType

from .extract import Reading, read
from .match import matches
from .values import number_value

Row = Mapping[str, Any]
"""`response, gold, options, kind, agreed`; `agreed` is a letter where `kind` is `mcq`, and whether the reply is right
where it is `math`; None where the scorers disagree."""


class KindAgreement(NamedTuple):
    """The rows of one kind that have a common reading."""

    n: int
    agree: int
    unread: int
    differing: tuple[Row, ...]
    """The rows where ours is another; each with our `answer` and `method`."""


class AgreementReport(NamedTuple):
    """The agreement by kind."""

    kinds: dict[str, KindAgreement]

    def as_json(self) -> dict[str, dict[str, dict[str, int]]]:
        """The counts, without the rows."""
        return {
            "kinds": {
                kind: {"n": each.n, "agree": each.agree, "unread": each.unread} for kind, each in self.kinds.items()
            }
        }


def as_text(report: AgreementReport) -> str:
    """The counts, and one line for each row that differs."""
    lines = []
    for kind, each in report.kinds.items():
        share = f"{100 * each.agree / each.n:.2f} %" if each.n else "no rows"
        lines.append(f"{kind}: {each.agree:,} of {each.n:,} agree ({share}), {each.unread:,} unread")
        for row in each.differing:
            place = " ".join(str(row[name]) for name in ("set", "id", "run") if name in row)
            lines.append(f"  {place}: agreed {row['agreed']!r}, ours {row['answer']!r} by {row['method']}")
    return "\n".join(lines)


def check_rows(rows: Iterable[Row]) -> AgreementReport:
    """Read each row's reply and compare with the common reading; rows without one are left out."""
    compared: dict[str, list[tuple[Row, Reading, bool]]] = {}
    for row in rows:
        if row["agreed"] is not None:
            compared.setdefault(row["kind"], []).append((row, *_compared(row)))
    return AgreementReport({kind: _agreement(each) for kind, each in sorted(compared.items())})


def check_file(path: str | Path) -> AgreementReport:
    """`check_rows` of a file with one JSON object a line, `.jsonl` or `.jsonl.gz`.

    Raises `SourceError` where the file cannot be read so.
    """
    path = Path(path)
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            return check_rows(json.loads(line) for line in lines if line.strip())
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"cannot read replies from `{path}`: {type(error).__name__}: {error}",
            "give a .jsonl or .jsonl.gz file whose rows have `response`, `gold`, `options`, `kind` and `agreed`",
        ) from error


def _compared(row: Row) -> tuple[Reading, bool]:
    options = tuple(row["options"])
    answer_type = _answer_type(row)
    reading = read(row["response"], answer_type, options)
    if row["kind"] == "mcq":
        return reading, reading.answer == row["agreed"]
    right = reading.answer is not None and matches(reading.answer, row["gold"], answer_type, options)
    return reading, right == row["agreed"]


def _answer_type(row: Row) -> AnswerType:
    if row["kind"] == "mcq" or row["options"]:
        return "option"
    return "number" if number_value(row["gold"]) is not None else "expression"


def _agreement(compared: list[tuple[Row, Reading, bool]]) -> KindAgreement:
    differing = tuple(
        {**row, "answer": reading.answer, "method": reading.method} for row, reading, agrees in compared if not agrees
    )
    unread = sum(reading.answer is None for _, reading, _ in compared)
    return KindAgreement(len(compared), len(compared) - len(differing), unread, differing)
