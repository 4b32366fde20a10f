"""The score range of a path, once for a row and once for a table of them.

`high`, `mid` or `low` where its answer is right, `wrong` where it is not; `unscored` where a right path has no score,
`unknown` where the answer was not judged.
"""

from __future__ import annotations

import polars as pl

from insightv_bench.settings import ScoreRanges


def range_of(correct: bool | None, score: int | None, settings: ScoreRanges) -> str:
    """`score`: 1-100."""
    if correct is None:
        return "unknown"
    if not correct:
        return "wrong"
    if score is None:
        return "unscored"
    return "high" if score >= settings.high else "mid" if score >= settings.mid else "low"


def score_range(settings: ScoreRanges) -> pl.Expr:
    """The same over the columns `correct` and `score`."""
    correct, score = pl.col("correct"), pl.col("score")
    return (
        pl.when(correct.is_null())
        .then(pl.lit("unknown"))
        .when(~correct)
        .then(pl.lit("wrong"))
        .when(score.is_null())
        .then(pl.lit("unscored"))
        .when(score >= settings.high)
        .then(pl.lit("high"))
        .when(score >= settings.mid)
        .then(pl.lit("mid"))
        .otherwise(pl.lit("low"))
    )
