"""What becomes of the replies of one system in one arm, beside right and wrong: likely, unread, cut off, no reply, a
path that could not be read, a judge that failed; and the tokens that a right answer costs. Each clustered by question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

import polars as pl

from insightv_bench.arms import ARMS
from insightv_bench.statistics import Interval, Sums, estimate, ratio

from .sums import sums_of

Outcome = Literal[
    "accuracy",
    "sure_accuracy",
    "likely",
    "unread",
    "malformed",
    "cut_off",
    "cut_in_thought",
    "cut_in_answer",
    "finished_accuracy",
    "if_cut_wrong",
    "if_cut_right",
    "no_reply",
    "judge_failed",
]
OUTCOMES: dict[Outcome, str] = {
    "accuracy": "right answers; whatever could not be read or judged is wrong",
    "sure_accuracy": "right answers that a strong rule read; accuracy where nothing likely counts",
    "likely": "replies whose answer is likely and not sure: the only candidate of the last sentence",
    "unread": "replies in which no answer could be read",
    "malformed": "replies to, or made of, a path that could not be read",
    "cut_off": "replies that ended at the token cap: not wrong and not right, whatever stands in accuracy",
    "cut_in_thought": "of all replies, those cut off before they had said anything",
    "cut_in_answer": "of all replies, those cut off in what they said",
    "finished_accuracy": "right answers among the replies that were not cut off; say it with the share that was",
    "if_cut_wrong": "accuracy if every reply that was cut off is wrong",
    "if_cut_right": "accuracy if every reply that was cut off would have been right",
    "no_reply": "replies that never came",
    "judge_failed": "replies whose judge gave no verdict that could be read",
}
CUT = pl.col("finish") == "length"
OF_CUT: tuple[Outcome, ...] = ("finished_accuracy", "if_cut_wrong", "if_cut_right")
"""Accuracy where replies were cut off; where none was, all three are accuracy."""
MANY_CUT = 0.05
"""Share of replies cut off above which a cap should be raised before the figure is believed."""
EVENTS: dict[Outcome, pl.Expr] = {
    "accuracy": pl.col("correct"),
    "sure_accuracy": pl.col("correct") & pl.col("sure"),
    "likely": pl.col("answer").is_not_null() & ~pl.col("sure"),
    "unread": pl.col("answer").is_null(),
    "malformed": pl.col("path_status") == "malformed",
    "cut_off": CUT,
    "cut_in_thought": CUT & (pl.col("cut_in") == "thought"),
    "cut_in_answer": CUT & (pl.col("cut_in") != "thought"),
    "finished_accuracy": pl.col("correct") & ~CUT,
    "if_cut_wrong": pl.col("correct") & ~CUT,
    "if_cut_right": pl.col("correct") | CUT,
    "no_reply": pl.col("finish") == "error",
    "judge_failed": pl.col("judge_failure") != "",
}


class Counted(NamedTuple):
    """One share of one arm's replies."""

    outcome: Outcome
    interval: Interval
    sums: Sums


def counted(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows an arm's accuracy counts: a path of severity 0 in arm `flawed` is no flawed path."""
    return rows.filter((pl.col("arm") != "flawed") | (pl.col("flaw") != "none"))


def outcomes(rows: pl.DataFrame) -> Iterator[Counted]:
    """Of one system's rows in one arm."""
    for outcome, event in EVENTS.items():
        among = (~CUT).sum() if outcome == "finished_accuracy" else pl.len()
        sums = sums_of(rows, [event.sum(), among], ratio)
        yield Counted(outcome, estimate(sums), sums)


def dialects_of(rows: pl.DataFrame) -> dict[str, int]:
    """How many replies rest on a path of which form (`insightv_bench.protocol.DIALECTS`), the most frequent first."""
    return {name: num for name, num in Counter(rows["path_dialect"]).most_common() if name}


def cap_of(arm: str) -> str:
    """The setting whose value is the token cap of an arm's replies."""
    writes = [name for name, spec in ARMS.items() if spec.prompt in ("reason", "more/resume")]
    of = "path_sampling" if arm in writes else "answer_sampling"
    return f"eval.{of}.max_new_tokens"


def cut_warning(arm: str, num_cut: int, num: int) -> str:
    """What to raise where many of an arm's replies were cut off; empty where few were."""
    if num_cut <= MANY_CUT * num:
        return ""
    return f"{num_cut:,} of {num:,} replies in arm {arm} were cut off: raise `{cap_of(arm)}`"


def tokens_a_right_answer(rows: pl.DataFrame) -> Sums:
    """Tokens generated in all seats over right answers; its value is nan where none is right."""
    return sums_of(rows, [pl.col("total_tokens").sum(), pl.col("correct").sum()], ratio)
