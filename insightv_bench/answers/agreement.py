"""How far our reading of stored replies agrees with what other scorers read, by kind of question and by run.

It scores no model: its rows are replies whose common reading is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from insightv_bench.records import AnswerType
from insightv_bench.statistics import wilson

from .extract import Reading, read
from .match import matches
from .values import number_value

Row = Mapping[str, Any]
"""`response, gold, options, kind, agreed`; `agreed` is a letter where `kind` is `mcq`, and whether the reply is right
where it is another; None where the scorers disagree. `run` and `verdicts`, what each scorer says, may be there too."""
STRICT = "strict_extraction"
"""The verdict that accuracy is held beside, where a row has it."""


class Read(NamedTuple):
    """One row as we read it."""

    row: Row
    reading: Reading
    right: bool
    agrees: bool | None
    """None: there is no common reading."""


class KindAgreement(NamedTuple):
    """The rows of one kind that have a common reading."""

    n: int
    agree: int
    unread: int
    differing: tuple[Row, ...]
    """The rows where ours is another; each with our `answer` and `method`."""


class RunAgreement(NamedTuple):
    """All rows of one run and one kind."""

    run: str
    kind: str
    rows: int
    common: int
    """Rows with a common reading."""
    agree: int
    sure_other: int
    """Rows that a strong rule reads as another than the common reading."""
    likely: int
    unread: int
    right: int
    sure_right: int
    """Right answers that a strong rule read."""
    strict_right: int | None
    """As the strict verdict has it; None where there is none."""


class AgreementReport(NamedTuple):
    """The agreement by kind and by run."""

    kinds: dict[str, KindAgreement]
    runs: tuple[RunAgreement, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The counts, without the rows."""
        return {
            "kinds": {
                kind: {"n": each.n, "agree": each.agree, "unread": each.unread} for kind, each in self.kinds.items()
            },
            "runs": [each._asdict() for each in self.runs],
        }


def as_text(report: AgreementReport) -> str:
    """The table by run, the counts by kind, and one line for each row that differs."""
    lines = _table(report.runs) if report.runs else []
    for kind, each in report.kinds.items():
        share = f"{100 * each.agree / each.n:.2f} %" if each.n else "no rows"
        lines.append(f"{kind}: {each.agree:,} of {each.n:,} agree ({share}), {each.unread:,} unread")
        for row in each.differing:
            place = " ".join(str(row[name]) for name in ("set", "id", "run") if name in row)
            lines.append(f"  {place}: agreed {row['agreed']!r}, ours {row['answer']!r} by {row['method']}")
    return "\n".join(lines)


def _table(runs: Sequence[RunAgreement]) -> list[str]:
    width = max(len(each.run) for each in runs)
    lines = [
        f"{'run':{width}} {'kind':10} {'rows':>6} {'common':>6} {'agree %':>8} {'95 % interval':>14} "
        f"{'sure of another':>15} {'likely %':>8} {'unread %':>8} {'right %':>8} {'sure %':>8} {'strict %':>8}"
    ]
    for each in runs:
        low, high = interval(each.agree, each.common)
        agree = f"{100 * each.agree / each.common:8.2f}" if each.common else " " * 8
        strict = "" if each.strict_right is None else f"{100 * each.strict_right / each.rows:8.1f}"
        shares = (
            f"{100 * count / each.rows:8.1f}" for count in (each.likely, each.unread, each.right, each.sure_right)
        )
        lines.append(
            f"{each.run:{width}} {each.kind:10} {each.rows:6,} {each.common:6,} {agree} "
            f"{100 * low:6.1f} - {100 * high:5.1f} {each.sure_other:15,} {' '.join(shares)} {strict}".rstrip()
        )
    return lines


def interval(count: int, n: int) -> tuple[float, float]:
    """Of a share, 0-1; the whole of it where there are no rows."""
    return wilson(count / n, n) if n else (0.0, 1.0)


def check_rows(rows: Iterable[Row]) -> AgreementReport:
    """Read each row's reply and compare with the common reading; rows without one count in the table by run alone."""
    by_kind: dict[str, list[Read]] = {}
    by_run: dict[tuple[str, str], list[Read]] = {}
    for row in rows:
        each = _read(row)
        by_run.setdefault((str(row.get("run", "")), row["kind"]), []).append(each)
        if each.agrees is not None:
            by_kind.setdefault(row["kind"], []).append(each)
    runs = tuple(_of_run(run, kind, reads) for (run, kind), reads in sorted(by_run.items()))
    return AgreementReport({kind: _of_kind(each) for kind, each in sorted(by_kind.items())}, runs)


def _read(row: Row) -> Read:
    options = tuple(row["options"])
    answer_type = _answer_type(row)
    reading = read(row["response"], answer_type, options)
    right = reading.answer is not None and matches(reading.answer, row["gold"], answer_type, options)
    if row["agreed"] is None:
        return Read(row, reading, right, None)
    return Read(row, reading, right, (reading.answer if row["kind"] == "mcq" else right) == row["agreed"])


def _answer_type(row: Row) -> AnswerType:
    if row["kind"] == "mcq" or row["options"]:
        return "option"
    if str(row["kind"]).endswith("list"):
        return "list"
    return "number" if number_value(row["gold"]) is not None else "expression"


def _of_kind(reads: Sequence[Read]) -> KindAgreement:
    differing = tuple(
        {**each.row, "answer": each.reading.answer, "method": each.reading.method} for each in reads if not each.agrees
    )
    unread = sum(each.reading.answer is None for each in reads)
    return KindAgreement(len(reads), len(reads) - len(differing), unread, differing)


def _of_run(run: str, kind: str, reads: Sequence[Read]) -> RunAgreement:
    kinds = Counter(each.reading.kind() for each in reads)
    common = [each for each in reads if each.agrees is not None]
    other = [each for each in common if not each.agrees and each.reading.sure]
    strict = [_strict(each.row) for each in reads]
    return RunAgreement(
        run=run,
        kind=kind,
        rows=len(reads),
        common=len(common),
        agree=sum(bool(each.agrees) for each in common),
        sure_other=len(other),
        likely=kinds["likely"],
        unread=kinds["unread"],
        right=sum(each.right for each in reads),
        sure_right=sum(each.right and each.reading.sure for each in reads),
        strict_right=None if None in strict else sum(bool(each) for each in strict),
    )


def _strict(row: Row) -> bool | None:
    """Whether the strict verdict calls the reply right; None where there is no such verdict."""
    verdicts = row.get("verdicts") or {}
    if STRICT not in verdicts:
        return None
    said = verdicts[STRICT]
    return said == row["gold"] if row["kind"] == "mcq" else said is True
