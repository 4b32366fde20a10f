"""Which paths make which corpus: lazy polars over the metadata of scored paths (see `scored`), no row in Python.

The paths of one question are told apart by score range (see `assessment.ranges`). A selection is an index: places of
questions and paths, in the order in which the corpus is written.
"""

from __future__ import annotations

import polars as pl

from insightv_bench.settings import PairsSettings, ReasoningCorpus, ScoreRanges, SummaryCorpus

from ..assessment import score_range

ENOUGH, SAME_TEXT = "enough paths of this question", "same text as a better path"
RIGHT = pl.col("correct").fill_null(False) & (pl.col("status") == "complete")
WRONG = ~pl.col("correct").fill_null(True) & pl.col("normal").is_not_null()
"""A path that says nothing is no wrong answer to learn from."""
EVERY = pl.col("question").is_not_null()
SEVERAL = 2**20
"""More than any question has paths."""


def best_first(scored: pl.LazyFrame) -> pl.LazyFrame:
    """Question by question; in each by score, then by id, so that ties fall the same way every time.

    `reasoning` and `pairs` take rows in this order; sorting is the dearest step, so it is done once for both.
    """
    worst_last = pl.lit(100, pl.UInt64) - pl.col("score").fill_null(0).cast(pl.UInt64)
    by_score = pl.col("question").cast(pl.UInt64) * 128 + worst_last  # one number sorts faster than two columns
    return scored.with_columns(by_score=by_score).sort("by_score", "path_id").drop("by_score")


def running(mask: pl.Expr) -> pl.Expr:
    """For how many rows of the same question, this one included, `mask` has held so far; rows lie by question."""
    hit = mask.cast(pl.UInt32)
    begins = (pl.col("question") != pl.col("question").shift()).fill_null(True)
    total = hit.cum_sum()
    return total - pl.when(begins).then(total - hit).forward_fill()


def reasoning(ranked: pl.LazyFrame, settings: ReasoningCorpus) -> pl.LazyFrame:
    """Every path, best first: `question, path, score, reason`; the reason is empty where the path is kept."""
    inside = (pl.col("status") == "complete") & (pl.col("range") == "high")
    first = pl.struct("question", "text", "inside").is_first_distinct()
    rows = ranked.with_columns(range=score_range(settings)).with_columns(inside=inside)
    rows = rows.with_columns(new=pl.col("inside") & first)
    before = running(pl.col("new")) - pl.col("new").cast(pl.UInt32)
    reason = (
        pl.when(pl.col("status") != "complete")
        .then(pl.col("status"))
        .when(~pl.col("inside"))
        .then("score range " + pl.col("range"))
        .when(before >= settings.max_paths_per_question)
        .then(pl.lit(ENOUGH))
        .when(~pl.col("new"))
        .then(pl.lit(SAME_TEXT))
        .otherwise(pl.lit(""))
    )
    return rows.select("question", "path", "score", reason=reason)


def pairs(ranked: pl.LazyFrame, settings: PairsSettings) -> pl.LazyFrame:
    """The clearest first: `question, chosen, rejected, chosen_score, rejected_score`, at most `per_question` of each.

    Each wrong path stands against the best right ones, then right against right with the margin; no equal texts.
    """
    right = ranked.filter(RIGHT)
    good = right.filter(pl.col("score").is_null() | (pl.col("score") >= settings.min_chosen))
    wrong = ranked.filter(WRONG)
    margin = pl.col("chosen_score").cast(pl.Int16) - pl.col("rejected_score").cast(pl.Int16)
    over_wrong = _against(good, wrong).with_columns(kind=pl.lit(0, pl.UInt8))
    over_right = _against(good, right.reverse()).filter(margin >= settings.min_margin)
    both = pl.concat([over_wrong, over_right.with_columns(kind=pl.lit(1, pl.UInt8))])
    ordered = both.sort("question", "kind", "rank").filter(running(EVERY) <= settings.per_question)
    return ordered.select("question", "chosen", "rejected", "chosen_score", "rejected_score")


def _against(good: pl.LazyFrame, worse: pl.LazyFrame) -> pl.LazyFrame:
    """The first good path against the first worse one, the second against the second, while both last."""
    key = (pl.col("question").cast(pl.UInt64) * SEVERAL + pl.col("rank")).alias("key")
    ranked = [rows.with_columns(rank=running(EVERY)) for rows in (good, worse)]
    chosen = ranked[0].select(key, "question", "rank", "normal", chosen="path", chosen_score="score")
    rejected = ranked[1].select(key, rejected="path", rejected_score="score", rejected_normal="normal")
    joined = chosen.join(rejected, on="key", how="inner")
    return joined.filter(pl.col("normal").ne_missing(pl.col("rejected_normal"))).drop("key")


def unpaired(scored: pl.LazyFrame, made: pl.LazyFrame, settings: PairsSettings) -> pl.LazyFrame:
    """Questions of which `made` holds no pair: `question, reason`."""
    enough = pl.col("score").is_null() | (pl.col("score") >= settings.min_chosen)
    counted = scored.group_by("question").agg(num=pl.len(), right=RIGHT.sum(), good=(RIGHT & enough).sum())
    reason = (
        pl.when(pl.col("right") == 0)
        .then(pl.lit("no right path"))
        .when(pl.col("good") == 0)
        .then(pl.lit("no right path that scores high enough"))
        .when(pl.col("right") == pl.col("num"))
        .then(pl.lit("all paths right, no margin"))
        .otherwise(pl.lit("no distinct pair"))
    )
    left = counted.join(made.select("question").unique(), on="question", how="anti")
    return left.select("question", reason=reason).sort("question")


def paired(scored: pl.LazyFrame, made: pl.DataFrame) -> dict[str, int]:
    """How many questions have paths, have both a right and a wrong one, and how many of those are in `made`."""
    kinds = scored.group_by("question").agg(both=RIGHT.any() & WRONG.any())
    asked = kinds.join(made.lazy().select("question", paired=True).unique(), on="question", how="left")
    both, has_pair = pl.col("both"), pl.col("paired").fill_null(False)
    counts = asked.select(
        asked=pl.len(), right_and_wrong=both.sum(), paired=has_pair.sum(), paired_of_those=(both & has_pair).sum()
    )
    return counts.collect(engine="streaming").row(0, named=True)


def first_of_each(rows: pl.LazyFrame, num: int) -> pl.LazyFrame:
    """`num` rows in shuffled order, or all there are; a question with the same path twice counts once."""
    shuffled = rows.sort("order", maintain_order=True)
    return shuffled.filter((pl.col("order") != pl.col("order").shift()).fill_null(True)).head(num)


def optimal(scored: pl.LazyFrame, settings: ScoreRanges) -> pl.LazyFrame:
    """High paths to be followed: `question, path, range, order`."""
    rows = scored.with_columns(range=score_range(settings))
    return rows.filter((pl.col("status") == "complete") & (pl.col("range") == "high")).select(INDEX)


def fallible(scored: pl.LazyFrame, settings: ScoreRanges) -> pl.LazyFrame:
    """Sampled paths that err, by their own score ranges: right ones below High, and wrong answers."""
    rows = scored.with_columns(range=score_range(settings)).filter(pl.col("status") != "malformed")
    return rows.filter(pl.col("range").is_in(["mid", "low", "wrong"]) & pl.col("normal").is_not_null()).select(INDEX)


def agents(scored: pl.LazyFrame, settings: SummaryCorpus) -> pl.LazyFrame:
    """The trained agent's own paths, whatever they are worth; the right ones alone where `agent_wrong` is off."""
    rows = scored.with_columns(range=score_range(settings))
    told = pl.col("correct").is_not_null() if settings.agent_wrong else pl.col("correct").fill_null(False)
    return rows.filter(told & ~pl.col("silent")).select(INDEX)


INDEX = ["question", "path", "assessment", "correct", "score", "range", "order"]
